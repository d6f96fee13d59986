"""What is deployed, on the AWS that a command speaks to."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cli import errors, local, repository
from cli.errors import CommandError
from cli.users import Keys, keys_of
from config.deployment import Deployment, load_deployment
from config.names import PACE_TABLE
from config.people import Role
from emulator.environment import client_environment
from lambdas.adapters.dynamodb import ClientTable
from lambdas.adapters.ledger import Ledger

CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A deployment whose Data stack exists, with the names that stack gives away.

    Without `keys` it is asked with the credentials of this process.
    """

    deployment: Deployment
    outputs: dict[str, str]
    keys: Keys | None = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        return client(service, self.deployment.region, self.keys)

    @property
    def input_bucket(self) -> str:
        return self.outputs["InputBucket"]

    @cached_property
    def table(self) -> ClientTable:
        return ClientTable(self.client("dynamodb"), self.outputs["LedgerTable"])

    @property
    def pace_table(self) -> ClientTable | None:
        """That of the pace, where it is shared with other deployments."""
        if "pace" not in self.deployment.stacks:
            return None
        return ClientTable(self.client("dynamodb"), PACE_TABLE)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.table)

    def import_output(self, name: str) -> str:
        """A name that the Import stack gives away."""
        return stack_outputs(self.client("cloudformation"), self.deployment, "import")[name]


def find(name: str, *, aws: bool, role: Role | None = None) -> Deployed:
    """The deployment `name`: on the caller's own account if `aws`, else on the running local AWS.

    There, `role` says whose rights a command takes: those of the teams with that role, or of who deploys.
    """
    deployment = load_deployment(name)
    errors.entitled.set(entitled(deployment, role))
    if aws:
        return look_up(deployment)
    state = use_local(deployment.region).state
    return look_up(deployment, keys_of(state, deployment, role) if role else None)


def entitled(deployment: Deployment, role: Role | None) -> str:
    """Who may do what a command does."""
    if role is None:
        return "whoever deploys"
    teams = " or ".join(deployment.people.with_role(role))
    return f"the team {teams}" if teams else f"a team with the role {role}"


def use_local(region: str) -> local.LocalAws:
    """Point this process at the running local AWS."""
    found = local.running(repository.LOCAL_STATE)
    if found is None:
        raise CommandError(
            "no local AWS is running", "start one with `ahi up`, or add --aws for your own account"
        )
    use(found, region)
    return found


def use(server: local.LocalAws, region: str) -> None:
    """Make the environment of this process that of a client of `server`: a process speaks to one AWS."""
    environment = client_environment(server.endpoint, server.ca, region)
    os.environ.clear()
    os.environ.update(environment)


def look_up(deployment: Deployment, keys: Keys | None = None) -> Deployed:
    """What CloudFormation says about the Data stack of `deployment`."""
    outputs = stack_outputs(client("cloudformation", deployment.region, keys), deployment, "data")
    return Deployed(deployment=deployment, outputs=outputs, keys=keys)


def stack_outputs(formation: Any, deployment: Deployment, name: str) -> dict[str, str]:
    """What a stack of `deployment` gives away; raises CommandError where it is not deployed."""
    stack = f"ahi-{deployment.name}-{name}"
    try:
        described = formation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise CommandError(
            f"the stack {stack} does not exist in {deployment.region}",
            "deploy it with `ahi up`, or with `cdk deploy --all` on your own account",
        ) from error
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def client(service: str, region: str, keys: Keys | None = None) -> Any:
    """A client that many threads may share."""
    return boto3.client(
        service, region_name=region, config=Config(max_pool_connections=CONNECTIONS), **(keys or {})
    )
