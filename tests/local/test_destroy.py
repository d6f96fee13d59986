"""`ahi destroy` on a deployed sandbox of its own: asked, stopped midway, done, and nothing is left.

The tests follow one environment down, so they stand in their order.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from sandbox import Sandbox, deployed_in
from small_studies import write_small_studies
from typer.testing import CliRunner

from benchmarks import access
from cli import emptying
from cli.find_remains import find_remains
from cli.main import app
from cli.protect import POLICY
from cli.remains import Remains
from config.deployment import load_deployment
from emulator.access_log import read_accesses
from emulator.server import ACCESS_LOG

IMAGE_SETS = 4


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with deployed_in(tmp_path_factory.mktemp("doomed")) as made:
        studies = tmp_path_factory.mktemp("studies")
        write_small_studies(studies, studies=IMAGE_SETS, instances=2)
        made.ahi("upload", str(studies), "--prefix", "in")
        made.wait_until_settled("in/", 2 * IMAGE_SETS)
        yield made


def lock_of(doomed: Sandbox) -> Path:
    return doomed.deployment.parent / "locks" / "sandbox.000000000000.us-east-1.yaml"


def left(doomed: Sandbox) -> Remains:
    deployment = load_deployment(str(doomed.deployment))
    return find_remains(deployment, client, lambda _: None)


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def destroy(*words: str, answer: str = "sandbox") -> Any:
    return CliRunner().invoke(app, ["destroy", *words], input=f"{answer}\n")


def test_what_is_deployed_is_under_the_stack_policy(doomed: Sandbox) -> None:
    doomed.find()
    policy = client("cloudformation").get_stack_policy(StackName="ahi-sandbox-data")["StackPolicyBody"]
    assert json.loads(policy) == json.loads(POLICY.read_text())


def test_it_says_what_it_will_delete_and_deletes_nothing_without_the_name(doomed: Sandbox) -> None:
    refused = destroy(answer="production")
    assert refused.exit_code == 1
    assert f": {IMAGE_SETS} image sets" in refused.output
    assert "16 seconds: image sets are deleted at 0.25 a second" in refused.output
    assert "nothing was deleted: 'production' is not 'sandbox'" in refused.output
    remains = left(doomed)
    assert remains.image_sets == IMAGE_SETS
    stacks = [name.rpartition("-")[2] for name in remains.stacks]
    assert stacks == ["watch", "people", "import", "access", "data"]


def test_credentials_of_another_account_are_refused(doomed: Sandbox, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(doomed.deployment.read_text() + 'account: "111122223333"\n')
    refused = destroy("--deployment", str(elsewhere))
    assert refused.exit_code == 1
    assert "is in the account 111122223333, and these are credentials of 000000000000" in refused.output


def test_stopped_midway_it_leaves_the_rest_to_be_found(
    doomed: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = left(doomed)
    monkeypatch.setattr(emptying, "_delete_image_set", stopped_at_the_third(emptying._delete_image_set))
    assert destroy().exit_code != 0
    time.sleep(2)
    remains = left(doomed)
    assert remains.image_sets == IMAGE_SETS - 2
    assert [name.rpartition("-")[2] for name in remains.stacks] == ["access", "data"]
    assert (remains.tables, remains.keys) == (known.tables, known.keys)
    assert lock_of(doomed).exists()


def stopped_at_the_third(delete: Any) -> Any:
    """Ctrl-C when two image sets are deleted."""
    calls = []

    def deleting(*words: Any) -> Any:
        calls.append(words)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return delete(*words)

    return deleting


def test_run_again_it_deletes_what_is_left(doomed: Sandbox) -> None:
    remains = left(doomed)
    done = destroy("--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["destroyed"] == "sandbox"
    assert said["image_sets"] == IMAGE_SETS - 2
    assert said["keys"] == list(remains.keys)
    assert left(doomed) == Remains()
    there = {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
    assert there.isdisjoint(bucket.name for bucket in remains.buckets)
    assert client("dynamodb").list_tables()["TableNames"] == []
    assert [one["UserName"] for one in client("iam").list_users()["Users"]] == []
    assert not (doomed.state / "users-sandbox-us-east-1.json").exists()
    stores = client("medical-imaging").list_datastores()["datastoreSummaries"]
    assert {store["datastoreStatus"] for store in stores} <= {"DELETED"}


def test_its_keys_are_scheduled_for_the_longest_time(doomed: Sandbox) -> None:
    keys = [key["KeyId"] for key in client("kms").list_keys()["Keys"]]
    described = [client("kms").describe_key(KeyId=key)["KeyMetadata"] for key in keys]
    scheduled = [each for each in described if each["KeyState"] == "PendingDeletion"]
    assert len(scheduled) == 2
    for each in scheduled:
        assert (each["DeletionDate"].timestamp() - time.time()) / 86_400 > 29


def test_its_lock_is_forgotten_so_that_it_can_be_deployed_anew(doomed: Sandbox) -> None:
    assert list(lock_of(doomed).parent.iterdir()) == []


def test_where_nothing_is_left_it_says_so_and_fails_at_nothing(doomed: Sandbox) -> None:
    done = destroy()
    assert done.exit_code == 0, done.output
    assert "0 seconds: image sets are deleted at 0.25 a second" in done.output


def test_nobody_is_denied_anything_on_the_way_down(doomed: Sandbox) -> None:
    accesses = read_accesses(doomed.state / ACCESS_LOG)
    assert access.denied(accesses) == []
    assert any("ahi-sandbox-us-east-1-importer" in one.principal for one in accesses)
