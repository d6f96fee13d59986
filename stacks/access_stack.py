"""Who may do what: the roles that import jobs run as."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config.deployment import Deployment
from config.names import import_role_name
from healthimaging.import_role import ImportRole, JobFolder
from stacks.data_stack import DataStack
from stacks.partner_stack import partner_buckets


class AccessStack(Stack):
    """One import role for each data store: it reads that store's part of each bucket and no other's."""

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, data: DataStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        storage = data.storage
        # Only stores that share the buckets need be kept from each other's keys. The guide asks for
        # s3:ListBucket without a condition, and a store that is alone gets it so.
        everything = "" if len(deployment.data_stores) == 1 else None

        def folder(bucket: s3.IBucket, prefix: str) -> JobFolder:
            return JobFolder(bucket=bucket, prefix=prefix, list_prefix=everything)

        self.import_roles = {
            store_id: ImportRole(
                self,
                f"{store_id.capitalize()}ImportRole",
                datastore=data.datastores[store_id],
                inputs=[folder(storage.input, store.prefix), folder(storage.staging, f"{store_id}/")],
                output=folder(storage.output, f"{store_id}/"),
                partners=[one for one in partner_buckets(deployment) if one.store == store_id],
                role_name=import_role_name(deployment.name, deployment.region, store_id),
            )
            for store_id, store in deployment.data_stores.items()
        }
