"""What is deployed, on the AWS that a command speaks to."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cli import local, repository
from cli.errors import CommandError
from config.deployment import Deployment, load_deployment
from emulator.environment import client_environment
from lambdas.adapters.dynamodb import ClientTable
from lambdas.adapters.ledger import Ledger

CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A deployment whose Data stack exists, with the names that stack gives away."""

    deployment: Deployment
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return client(service, self.deployment.region)

    @property
    def input_bucket(self) -> str:
        return self.outputs["InputBucket"]

    @cached_property
    def table(self) -> ClientTable:
        return ClientTable(self.client("dynamodb"), self.outputs["LedgerTable"])

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.table)

    def import_output(self, name: str) -> str:
        """A name that the Import stack gives away."""
        stack = f"ahi-{self.deployment.name}-import"
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        return str(outputs[name])


def find(name: str, *, aws: bool) -> Deployed:
    """The deployment `name`: on the caller's own account if `aws`, else on the running local AWS."""
    deployment = load_deployment(name)
    if not aws:
        use_local(deployment.region)
    return look_up(deployment)


def use_local(region: str) -> None:
    """Point this process at the running local AWS."""
    found = local.running(repository.LOCAL_STATE)
    if found is None:
        raise CommandError(
            "no local AWS is running", "start one with `ahi up`, or add --aws for your own account"
        )
    use(found, region)


def use(server: local.LocalAws, region: str) -> None:
    """Make the environment of this process that of a client of `server`: a process speaks to one AWS."""
    environment = client_environment(server.endpoint, server.ca, region)
    os.environ.clear()
    os.environ.update(environment)


def look_up(deployment: Deployment) -> Deployed:
    """What CloudFormation says about the Data stack of `deployment`."""
    stack = f"ahi-{deployment.name}-data"
    try:
        described = client("cloudformation", deployment.region).describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise CommandError(
            f"the stack {stack} does not exist in {deployment.region}",
            "deploy it with `ahi up`, or with `cdk deploy --all` on your own account",
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return Deployed(deployment=deployment, outputs=outputs)


def client(service: str, region: str) -> Any:
    """A client that many threads may share."""
    return boto3.client(service, region_name=region, config=Config(max_pool_connections=CONNECTIONS))
