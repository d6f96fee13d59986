"""`app.py` as the CDK CLI runs it: what it refuses, in which words, and what it needs to run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy2, copytree
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"


def change(path: Path, **changes: Any) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def run_app(
    deployment_file: Path, context: dict[str, Any], account: str | None = ACCOUNT
) -> subprocess.CompletedProcess[str]:
    """Without credentials, and with every proxy and endpoint pointing nowhere."""
    environment = {
        "PATH": os.environ["PATH"],
        "JSII_NODE": os.environ["JSII_NODE"],
        # Where jsii keeps what it unpacks.
        "HOME": os.environ["HOME"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AHI_DEPLOYMENT": str(deployment_file),
        "CDK_OUTDIR": str(deployment_file.parent / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        **({"CDK_DEFAULT_ACCOUNT": account} if account else {}),
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def locks(deployment_file: Path) -> list[str]:
    return sorted(path.name for path in (deployment_file.parent / "locks").glob("*"))


def templates(deployment_file: Path) -> list[str]:
    return sorted(path.name for path in (deployment_file.parent / "cdk.out").glob("*.template.json"))


@pytest.fixture(scope="session")
def first_synth(tmp_path_factory: pytest.TempPathFactory, context: dict[str, Any]) -> Path:
    path = tmp_path_factory.mktemp("deployment") / "sandbox.yaml"
    path.write_text((ROOT / "config" / "sandbox.yaml").read_text())
    done = run_app(path, context)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def deployment_file(first_synth: Path, tmp_path: Path) -> Path:
    """The sandbox, synthesized once, with its lock."""
    copytree(first_synth.parent / "locks", tmp_path / "locks")
    return Path(copy2(first_synth, tmp_path))


def test_a_first_synth_needs_no_credentials_and_locks_the_data_store(first_synth: Path) -> None:
    assert locks(first_synth) == [f"sandbox.{ACCOUNT}.us-east-1.yaml"]
    assert templates(first_synth) == [
        f"{name}.template.json" for name in ("Access", "Data", "Import", "People", "Watch")
    ]


def test_a_new_tag_is_not_refused(deployment_file: Path, context: dict[str, Any]) -> None:
    change(deployment_file, tags={"cost-centre": "42"})
    done = run_app(deployment_file, context)
    assert done.returncode == 0, done.stderr


def test_a_new_name_is_refused_in_plain_words(deployment_file: Path, context: dict[str, Any]) -> None:
    change(deployment_file, data_stores={"main": {"name": "renamed"}})
    refused = run_app(deployment_file, context)
    assert refused.returncode == 1
    assert 'The data store "sandbox"' in refused.stderr
    assert 'DatastoreName from "sandbox" to "renamed"' in refused.stderr
    assert "Put the value back" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_removed_data_store_is_refused_even_where_the_account_is_unknown(
    deployment_file: Path, context: dict[str, Any]
) -> None:
    change(deployment_file, data_stores={"other": {"name": "other"}})
    refused = run_app(deployment_file, context, account=None)
    assert refused.returncode == 1
    assert "no longer in the app" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert locks(deployment_file) == [f"sandbox.{ACCOUNT}.us-east-1.yaml"]


def test_a_wrong_deployment_file_is_refused_before_anything_is_synthesized(
    deployment_file: Path, context: dict[str, Any]
) -> None:
    change(deployment_file, region="eu-central-1")
    refused = run_app(deployment_file, context)
    assert refused.returncode == 1
    assert f"{deployment_file}: region" in refused.stderr
    assert "eu-west-2" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert templates(deployment_file) == []
