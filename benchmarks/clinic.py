"""A local AWS with two deployments, by the CDK CLI: one of two data stores and a team of each kind, and
the sandbox beside it in the same account."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from cli import local
from cli.deploy import copied, deploy
from config.deployment import Deployment, load_deployment
from emulator import server
from emulator.certificate import authority

FILE = Path(__file__).parents[1] / "tests" / "local" / "two_stores.yaml"
Keys = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """The deployment, and sessions of everyone in it. A person is a user in the group of a team."""

    endpoint: str
    state: Path
    file: Path
    sandbox: Path
    deployment: Deployment
    users: Mapping[str, Keys]
    is_plain: bool = False
    _sessions: dict[str, Keys] = field(default_factory=dict)
    _found: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def over_plain_http(self) -> "Clinic":
        """The same, whose requests say that they came to a proxy without TLS."""
        return replace(self, is_plain=True)

    @cached_property
    def beside(self) -> "Clinic":
        """The sandbox, to the same people."""
        return replace(self, file=self.sandbox, deployment=load_deployment(str(self.sandbox)))

    def resource(self, stack: str, begins: str) -> str:
        """The physical id of the one resource whose logical id is `begins` and CDK's hash of eight."""
        (found,) = (
            physical
            for logical, physical in self._resources(stack).items()
            if logical.startswith(begins) and len(logical) == len(begins) + 8
        )
        return found

    def _resources(self, stack: str) -> Mapping[str, str]:
        """The physical id by the logical one."""
        name = f"ahi-{self.deployment.name}-{stack}"
        if name not in self._found:
            pages = (
                self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
            )
            self._found[name] = {
                one["LogicalResourceId"]: one["PhysicalResourceId"]
                for page in pages
                for one in page["StackResourceSummaries"]
            }
        return self._found[name]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """Of the stacks that hold data or work."""
        return {
            one["OutputKey"]: one["OutputValue"]
            for name in ("data", "import")
            for stack in self.client("cloudformation").describe_stacks(
                StackName=f"ahi-{self.deployment.name}-{name}"
            )["Stacks"]
            for one in stack["Outputs"]
        }

    def client(self, service: str, who: str | None = None) -> Any:
        """For the account's root, a team, or a role by its physical name."""
        keys = {} if who is None else self.users.get(who) or self._session(who)
        client = _client(self.endpoint, authority(self.state), service, keys)
        if self.is_plain:
            client.meta.events.register("before-sign.*.*", _say_plain)
        return client

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{local.ACCOUNT}:role/{name}"

    def _session(self, role: str) -> Keys:
        if role not in self._sessions:
            answer = self._assumed(role)["Credentials"]
            self._sessions[role] = {
                "aws_access_key_id": answer["AccessKeyId"],
                "aws_secret_access_key": answer["SecretAccessKey"],
                "aws_session_token": answer["SessionToken"],
            }
        return self._sessions[role]

    def _assumed(self, role: str) -> Any:
        """A session of the role, which for a moment trusts the account's root and nobody else."""
        iam = self.client("iam")
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        iam.update_assume_role_policy(
            RoleName=role, PolicyDocument=_trust_in(f"arn:aws:iam::{local.ACCOUNT}:root")
        )
        try:
            return self.client("sts").assume_role(RoleArn=self.role_arn(role), RoleSessionName="tried")
        finally:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))


@contextmanager
def clinic(state: Path, tell: Callable[[str], None] = lambda _: None) -> Iterator[Clinic]:
    """Running for the length of the block; `tell` hears each step."""
    tell("start of the local AWS")
    running = local.start(state, local.free_port())
    try:
        deployment = load_deployment(str(FILE))
        users = {
            team: _user_in(_client(running.endpoint, running.ca, "iam", {}), team, group)
            for team, rights in deployment.people.teams.items()
            for group in rights.groups
        }
        file, sandbox = copied(str(FILE), state), copied("sandbox", state)
        for each in (file, sandbox):
            deploy(running, each, tell)
        yield Clinic(
            endpoint=running.endpoint,
            state=state,
            file=file,
            sandbox=sandbox,
            deployment=deployment,
            users=users,
        )
    finally:
        local.stop(state)


def access_log(state: Path) -> Path:
    """Where the local AWS writes what IAM decides."""
    return state / server.ACCESS_LOG


def _trust_in(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _say_plain(request: Any, **_: Any) -> None:
    request.headers["x-forwarded-proto"] = "http"


def _user_in(iam: Any, team: str, group: str) -> Keys:
    iam.create_group(GroupName=group)
    name = f"{team}-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name, Tags=[{"Key": "project", "Value": "clinic"}])
    iam.add_user_to_group(GroupName=group, UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def _client(endpoint: str, ca: Path, service: str, keys: Keys) -> Any:
    root = {"aws_access_key_id": local.ACCOUNT, "aws_secret_access_key": "local"}
    return boto3.client(
        service,
        endpoint_url=endpoint,
        verify=str(ca),
        region_name="us-east-1",
        config=Config(
            inject_host_prefix=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        ),
        **(keys or root),
    )
