"""What turns uploads into image sets."""

from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from config.deployment import Deployment
from config.names import bus_name, role_prefix
from healthimaging.dicom_import import DicomImport, ImportTarget
from healthimaging.functions import FunctionSettings
from stacks.access_stack import AccessStack
from stacks.data_stack import DataStack
from stacks.partner_stack import partner_buckets


class ImportStack(Stack):
    """Rules, queues, functions and schedules; it holds no data."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        data: DataStack,
        access: AccessStack,
        functions: FunctionSettings,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        timing = deployment.import_timing
        self.dicom_import = DicomImport(
            self,
            "Import",
            targets=[
                ImportTarget(
                    id=store_id,
                    prefix=store.prefix,
                    datastore=data.datastores[store_id],
                    role=access.import_roles[store_id],
                )
                for store_id, store in deployment.data_stores.items()
            ],
            storage=data.storage,
            settings={
                "deployment": deployment.name,
                "quiet_seconds": timing.quiet_seconds,
                "longest_wait_seconds": timing.longest_wait_seconds,
                "drain_minutes": timing.drain_minutes,
                "urgent_prefixes": list(deployment.urgent_prefixes),
                "complete_marker": timing.complete_marker or "",
                **deployment.quotas.model_dump(exclude={"delete_rate"}),
                "overwrites": deployment.overwrites,
                **deployment.sources.model_dump(),
                "inventory_uri": data.inventory_uri or "",
            },
            sweep_every=Duration.minutes(timing.sweep_minutes),
            functions=functions,
            role_prefix=role_prefix(deployment.name, deployment.region),
            bus_name=bus_name(deployment.name),
            partners=partner_buckets(deployment),
        )
        self._outputs()

    def _outputs(self) -> None:
        for name, work in self.dicom_import.queues.items():
            CfnOutput(self, f"{name.title()}QueueUrl", value=work.queue.queue_url)
            CfnOutput(self, f"{name.title()}DeadLettersUrl", value=work.dead_letters.queue_url)
        for name, function in self.dicom_import.functions.items():
            CfnOutput(self, f"{name.title()}Function", value=function.function_name)
        CfnOutput(self, "BackfillMachine", value=self.dicom_import.backfill.state_machine.attr_arn)
