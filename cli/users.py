"""Users of the local AWS, one for each role of a deployment's teams: `ahi` works as they, not as root."""

import json
import os
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from cli.errors import CommandError
from cli.local import ACCOUNT
from config.deployment import Deployment
from config.people import Role, policy_name

# As boto3 takes them.
Keys = Mapping[str, str]


def user_name(deployment: Deployment, role: Role) -> str:
    return f"ahi-{deployment.name}-{deployment.region}-{role}"


def make_users(state: Path, deployment: Deployment, iam: Any) -> None:
    """Give each role a user with the policies of all its teams, and keep the user's key in `state`.

    A user that is there keeps its key, which a command that runs may be using.
    """
    before = _kept(state, deployment)
    roles = dict.fromkeys(team.role for team in deployment.people.teams.values())
    for role in before.keys() - roles:
        _delete(iam, user_name(deployment, role))
    _keep(state, deployment, {role: _user(iam, deployment, role, before.get(role)) for role in roles})


def delete_users(state: Path, deployment: Deployment, iam: Any) -> None:
    """A policy that is attached to somebody cannot be deleted."""
    for role in _kept(state, deployment):
        _delete(iam, user_name(deployment, role))
    _file(state, deployment).unlink(missing_ok=True)


def keys_of(state: Path, deployment: Deployment, role: Role) -> Keys:
    """The keys of the role's user."""
    kept = _kept(state, deployment)
    if role not in kept:
        raise CommandError(
            f"this takes the rights of a team with the role {role}, and the local AWS has no user of one "
            f"for the deployment {deployment.name}",
            f"give its file such a team, `people: {{teams: {{{role}s: {{role: {role}}}}}}}`, "
            "and deploy it with `ahi up`",
        )
    return kept[role]


def _user(iam: Any, deployment: Deployment, role: Role, keys: Keys | None) -> Keys:
    name = user_name(deployment, role)
    if name not in _there(iam):
        iam.create_user(UserName=name)
    names = (
        policy_name(deployment.name, deployment.region, team) for team in deployment.people.with_role(role)
    )
    policies = {f"arn:aws:iam::{ACCOUNT}:policy/{each}" for each in names}
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
    _detach(iam, name, all_but=policies)
    there = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
    if keys and keys["aws_access_key_id"] in there:
        return keys
    for key_id in there:
        iam.delete_access_key(UserName=name, AccessKeyId=key_id)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def _there(iam: Any) -> set[str]:
    return {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}


def _delete(iam: Any, name: str) -> None:
    if name not in _there(iam):
        return
    _detach(iam, name)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def _detach(iam: Any, name: str, all_but: Set[str] = frozenset()) -> None:
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    for policy in {each["PolicyArn"] for each in attached} - all_but:
        iam.detach_user_policy(UserName=name, PolicyArn=policy)


def _file(state: Path, deployment: Deployment) -> Path:
    return state / f"users-{deployment.name}-{deployment.region}.json"


def _kept(state: Path, deployment: Deployment) -> dict[Role, Keys]:
    try:
        kept: dict[Role, Keys] = json.loads(_file(state, deployment).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return kept


def _keep(state: Path, deployment: Deployment, keys: Mapping[Role, Keys]) -> None:
    """For nobody else on this machine to read, at no moment."""
    file = os.open(_file(state, deployment), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        json.dump(keys, opened)
