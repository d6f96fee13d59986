"""What holds data: keys, data stores, buckets, the ledger."""

from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config.deployment import Deployment
from config.names import PACE_TABLE
from healthimaging.buckets import access_logs_bucket, announce_uploads, data_bucket, write_inventory
from healthimaging.datastore import Datastore
from healthimaging.dicom_import import ImportStorage
from healthimaging.functions import FunctionSettings
from healthimaging.keys import DeploymentKey
from healthimaging.ledger import ledger_table

INVENTORY_ID = "Sweep"
# A weekly inventory is read to its end before the one after the next is there.
INVENTORY_DAYS = 15


class DataStack(Stack):
    """The stateful stack; the others can be deleted and deployed again without loss."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=deployment.keep_data, **kwargs)
        self._deployment = deployment
        self._removal_policy = RemovalPolicy.RETAIN if deployment.keep_data else RemovalPolicy.DESTROY
        self.key = DeploymentKey(
            self,
            "Key",
            alias=f"ahi-{deployment.name}",
            removal_policy=self._removal_policy,
            administrators=deployment.key_administrators,
        )
        self.functions = FunctionSettings(
            key=self.key, log_days=deployment.retention.logs_days, removal_policy=self._removal_policy
        )
        self.datastores = {store_id: self._datastore(store_id) for store_id in deployment.data_stores}
        self.storage = self._storage()
        self._outputs()

    def _datastore(self, store_id: str) -> Datastore:
        store = self._deployment.data_stores[store_id]
        return Datastore(
            self,
            f"Datastore{store_id.capitalize()}",
            datastore_name=store.name,
            key_alias=f"ahi-{self._deployment.name}/stores/{store_id}",
            key_administrators=self._deployment.key_administrators,
            functions=self.functions,
            lossless_storage_format=store.lossless_storage_format,
            tags=self._deployment.tags,
        )

    def _storage(self) -> ImportStorage:
        keep = self._deployment.retention
        logs = access_logs_bucket(
            self, "AccessLogs", days=keep.logs_days, removal_policy=self._removal_policy
        )
        common: dict[str, Any] = {
            "key": self.key,
            "access_logs": logs,
            "removal_policy": self._removal_policy,
            "incomplete_uploads_days": keep.incomplete_uploads_days,
        }
        uploads = data_bucket(self, "Input", old_versions_days=keep.old_versions_days, **common)
        announce_uploads(uploads)
        inventory = None
        if self._deployment.sweep.reads == "inventory":
            inventory = data_bucket(self, "Inventory", objects_days=INVENTORY_DAYS, **common)
            frequency = s3.InventoryFrequency[self._deployment.sweep.inventory_frequency.upper()]
            write_inventory(uploads, inventory, INVENTORY_ID, frequency)
            self.key.admit_inventory()
        shares_pace = "pace" in self._deployment.stacks
        return ImportStorage(
            input=uploads,
            output=data_bucket(self, "Output", old_versions_days=keep.old_versions_days, **common),
            staging=data_bucket(self, "Staging", objects_days=keep.staging_days, **common),
            ledger=ledger_table(self, "Ledger", key=self.key, removal_policy=self._removal_policy),
            inventory=inventory,
            pace=dynamodb.Table.from_table_name(self, "Pace", PACE_TABLE) if shares_pace else None,
        )

    @property
    def inventory_uri(self) -> str | None:
        """Where the inventories of the input bucket lie."""
        if self.storage.inventory is None:
            return None
        return self.storage.inventory.s3_url_for_object(f"{self.storage.input.bucket_name}/{INVENTORY_ID}/")

    def _outputs(self) -> None:
        CfnOutput(self, "InputBucket", value=self.storage.input.bucket_name)
        CfnOutput(self, "OutputBucket", value=self.storage.output.bucket_name)
        CfnOutput(self, "StagingBucket", value=self.storage.staging.bucket_name)
        CfnOutput(self, "LedgerTable", value=self.storage.ledger.table_name)
        for store_id, datastore in self.datastores.items():
            CfnOutput(self, f"Datastore{store_id.capitalize()}Id", value=datastore.datastore_id)
