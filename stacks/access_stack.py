"""Who may do what: the roles that import jobs run as."""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from config.deployment import Deployment
from healthimaging.import_role import ImportRole
from stacks.data_stack import DataStack


class AccessStack(Stack):
    """One import role for each data store."""

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, data: DataStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.import_roles = {
            store_id: ImportRole(
                self,
                f"{store_id.capitalize()}ImportRole",
                datastore=data.datastores[store_id],
                inputs=[data.storage.input, data.storage.staging],
                output=data.storage.output,
                output_prefix=f"{store_id}/",
            )
            for store_id in deployment.data_stores
        }
