"""Whose rights `ahi` takes on the local AWS, and what it says when one is missing."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import deployed, local, repository
from cli.errors import DENIED, CommandError, denial
from cli.main import app
from cli.users import delete_users, keys_of, make_users
from config.deployment import Deployment, load_deployment
from config.people import People, Team

REGION = "us-east-1"


@pytest.fixture
def iam(server: local.LocalAws) -> Any:
    deployed.use(server, REGION)
    return deployed.client("iam", REGION)


def with_teams(**teams: str) -> Deployment:
    made = People(teams={name: Team.model_validate({"role": role}) for name, role in teams.items()})
    return load_deployment("sandbox").model_copy(update={"people": made})


def policy(iam: Any, team: str, action: str) -> None:
    """What the People stack would make."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    iam.create_policy(
        PolicyName=f"ahi-sandbox-{REGION}-{team}",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def allowed(keys: Any, service: str, operation: str, **parameters: str) -> bool:
    try:
        getattr(deployed.client(service, REGION, keys), operation)(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] in DENIED  # noqa: PT017
        return False
    return True


def test_a_role_has_a_user_with_the_rights_of_all_its_teams_and_no_others(iam: Any, tmp_path: Path) -> None:
    policy(iam, "radiology", "sqs:ListQueues")
    policy(iam, "trial", "kms:ListKeys")
    policy(iam, "night", "s3:ListAllMyBuckets")
    deployment = with_teams(radiology="importer", trial="importer", night="operator")
    make_users(tmp_path, deployment, iam)
    importer, operator = (keys_of(tmp_path, deployment, role) for role in ("importer", "operator"))
    assert allowed(importer, "sqs", "list_queues")
    assert allowed(importer, "kms", "list_keys")
    assert not allowed(importer, "s3", "list_buckets")
    assert allowed(operator, "s3", "list_buckets")
    assert not allowed(operator, "kms", "list_keys")


def test_a_user_keeps_its_key_and_loses_the_policies_of_teams_that_are_gone(iam: Any, tmp_path: Path) -> None:
    policy(iam, "first", "sqs:ListQueues")
    policy(iam, "second", "kms:ListKeys")
    make_users(tmp_path, before := with_teams(first="reader", second="reader"), iam)
    keys = keys_of(tmp_path, before, "reader")
    make_users(tmp_path, after := with_teams(first="reader"), iam)
    assert keys_of(tmp_path, after, "reader") == keys
    assert allowed(keys, "sqs", "list_queues")
    assert not allowed(keys, "kms", "list_keys")


def test_nobody_else_on_the_machine_reads_the_keys(iam: Any, tmp_path: Path) -> None:
    make_users(tmp_path, with_teams(), iam)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_role_without_a_team_any_more_has_no_user_and_no_key(iam: Any, tmp_path: Path) -> None:
    policy(iam, "leaving", "sqs:ListQueues")
    deployment = with_teams(leaving="steward")
    make_users(tmp_path, deployment, iam)
    make_users(tmp_path, with_teams(), iam)
    assert f"ahi-sandbox-{REGION}-steward" not in {user["UserName"] for user in iam.list_users()["Users"]}
    with pytest.raises(CommandError, match="a team with the role steward"):
        keys_of(tmp_path, deployment, "steward")


def test_users_are_deleted_with_their_deployment_and_twice_if_need_be(iam: Any, tmp_path: Path) -> None:
    policy(iam, "doomed", "sqs:ListQueues")
    deployment = with_teams(doomed="auditor")
    make_users(tmp_path, deployment, iam)
    kept = {file: file.read_bytes() for file in tmp_path.iterdir()}
    delete_users(tmp_path, deployment, iam)
    assert list(tmp_path.iterdir()) == []
    assert f"ahi-sandbox-{REGION}-auditor" not in {user["UserName"] for user in iam.list_users()["Users"]}
    # Stopped before it had forgotten the keys.
    for file, held in kept.items():
        file.write_bytes(held)
    delete_users(tmp_path, deployment, iam)


@pytest.fixture
def file(server: local.LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment on the local AWS whose one team has not the rights of its role."""
    monkeypatch.setattr(repository, "LOCAL_STATE", server.state)
    written = tmp_path / "small.yaml"
    text = Path("config/sandbox.yaml").read_text().replace("name: sandbox\nregion", "name: small\nregion")
    written.write_text(text.partition("people:")[0] + "people:\n  teams:\n    night: {role: operator}\n")
    return written


def refused(*words: str) -> list[str]:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 1
    return result.stderr.splitlines()


def test_a_missing_right_is_told_with_who_lacks_it_and_which_team_has_it(
    iam: Any, file: Path, server: local.LocalAws
) -> None:
    name = f"ahi-small-{REGION}-night"
    iam.create_policy(
        PolicyName=name,
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}],
            }
        ),
    )
    make_users(server.state, load_deployment(str(file)), iam)
    sentence, hint = refused("pause", "--deployment", str(file))
    assert sentence == (
        "error: arn:aws:iam::000000000000:user/ahi-small-us-east-1-operator may not "
        "cloudformation:DescribeStacks, the team night may"
    )
    assert "docs/guides/people.md" in hint
    log = (server.state / "access.ndjson").read_text()
    assert '"principal": "arn:aws:iam::000000000000:user/ahi-small-us-east-1-operator"' in log


def test_a_role_that_no_team_has_is_asked_for(iam: Any, file: Path, server: local.LocalAws) -> None:
    sentence, hint = refused("upload", "tests", "--deployment", str(file))
    assert "takes the rights of a team with the role importer" in sentence
    assert "people: {teams: {importers: {role: importer}}}" in hint


def test_on_an_account_the_sentence_names_whom_aws_named_and_no_object() -> None:
    said = (
        "User: arn:aws:sts::1:assumed-role/jane/s is not authorized to perform: s3:PutObject on resource: "
        '"arn:aws:s3:::input/DOE^JANE/1.dcm" because no identity-based policy allows the s3:PutObject action'
    )
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "PutObject")
    said = denial(error, "the team importers")
    assert said == "arn:aws:sts::1:assumed-role/jane/s may not s3:PutObject, the team importers may"
