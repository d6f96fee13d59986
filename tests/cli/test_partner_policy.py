"""`ahi partner-policy`: policies on stdout, what to do with them on stderr, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app

US = "000000000000"
GIVEN = yaml.safe_load(Path("tests/local/partner.yaml").read_text())


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """The command on the deployment with these changes."""

    def invoke(*words: str, **changes: Any) -> Any:
        file = tmp_path / "clinic.yaml"
        file.write_text(yaml.safe_dump({**GIVEN, "account": US, **changes}))
        return CliRunner().invoke(app, ["partner-policy", *words, "--deployment", str(file)])

    return invoke


def test_the_policies_are_one_json_document_and_the_rest_is_said_beside_it(run: Any) -> None:
    result = run("radnet")

    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed.keys() == {"bucket_policy", "key_policy"}
    for document in printed.values():
        for statement in document["Statement"]:
            assert statement["Principal"] == {"AWS": f"arn:aws:iam::{US}:root"}
            assert statement["Sid"].isalnum()
    for word in ("111122223333", "radnet-clinic", "keep versions", "--template"):
        assert word in result.stderr


def test_no_aws_is_asked_where_the_file_names_the_account(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert run("radnet").exit_code == 0


def test_the_template_is_that_of_the_partners_stack(run: Any) -> None:
    """The real CDK CLI synthesizes it."""
    result = run("radnet", "--template")

    assert result.exit_code == 0, result.output
    kinds = {each["Type"] for each in json.loads(result.stdout)["Resources"].values()}
    assert kinds == {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Events::Rule"}
    for word in ("cloudformation deploy", "EventBridgeConfiguration", "radnet-clinic"):
        assert word in result.stderr


def test_a_partner_that_is_none_is_refused_with_those_there_are(run: Any) -> None:
    result = run("nobody")
    assert result.exit_code == 1
    assert "nobody is no partner of clinic" in result.stderr
    assert "mallory, radnet" in result.stderr


def test_a_deployment_in_a_partners_account_is_refused(run: Any) -> None:
    result = run("radnet", account="111122223333")
    assert result.exit_code == 1
    assert "radnet has 111122223333, the deployment's own" in result.stderr
