"""Files of a bucket in another account, from the partner's upload to the image set; and what is refused.

The tests follow one partner, from before its policies are applied on, so they stand in their order.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from partner_account import PartnerAccount
from sandbox import Sandbox, deployed_in
from small_studies import write_small_studies
from typer.testing import CliRunner

from benchmarks.clinic import Clinic
from cli import local
from cli.main import app
from config.deployment import load_deployment

FILE = Path(__file__).with_name("partner.yaml")
US, RADNET, MALLORY, IMPOSTOR = local.ACCOUNT, "111122223333", "222233334444", "333344445555"
IMPORT_ROLE, ROLE = "ahi-clinic-us-east-1-import-main", "ahi-clinic-us-east-1-{}"
# A sweep a minute, which looks at what is a minute old.
SWEPT_WITHIN_SECONDS = 200


@dataclass(frozen=True, kw_only=True)
class World:
    """Our deployment, the partner, and another account that has the bucket of the second partner."""

    clinic: Sandbox
    ours: Clinic
    radnet: PartnerAccount
    impostor: PartnerAccount
    key_arn: str

    def printed(self, *words: str) -> Any:
        """What `ahi partner-policy` prints on stdout."""
        file = str(self.clinic.deployment)
        result = CliRunner().invoke(app, ["partner-policy", *words, "--deployment", file])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def job(self, bucket: str, owner: str) -> dict[str, Any]:
        """A job over the whole of `sent/` of a bucket, as the start function starts one."""
        imaging = self.ours.client("medical-imaging", ROLE.format("start"))
        store = self.ours.outputs["DatastoreMainId"]
        job_id = imaging.start_dicom_import_job(
            datastoreId=store,
            dataAccessRoleArn=self.ours.role_arn(IMPORT_ROLE),
            inputS3Uri=f"s3://{bucket}/sent/",
            inputOwnerAccountId=owner,
            outputS3Uri=f"s3://{self.ours.outputs['OutputBucket']}/main/",
            clientToken=f"tried-{time.time_ns()}",
        )["jobId"]
        root = self.ours.client("medical-imaging")
        return eventually(
            lambda: (
                (found := root.get_dicom_import_job(datastoreId=store, jobId=job_id)["jobProperties"])[
                    "jobStatus"
                ]
                in ("COMPLETED", "FAILED")
                and found
            )
        )


def eventually(find: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.5)
    return found


def answer(call: Callable[..., Any], **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("partners")
    running = local.start(state, local.free_port())
    reached = {"endpoint": running.endpoint, "ca": running.ca}
    radnet = PartnerAccount(**reached, account=RADNET, bucket="radnet-clinic")
    impostor = PartnerAccount(**reached, account=IMPOSTOR, bucket="mallory-clinic")
    key_arn = radnet.make_key()
    file = tmp_path_factory.mktemp("file") / "clinic.yaml"
    text = FILE.read_text()
    file.write_text(text.replace(load_deployment(str(FILE)).partners["radnet"].key_arn or "", key_arn))
    with deployed_in(state, str(file)) as clinic:
        ours = Clinic(
            endpoint=running.endpoint,
            state=state,
            file=clinic.deployment,
            sandbox=clinic.deployment,
            deployment=load_deployment(str(clinic.deployment)),
            users={},
        )
        radnet.make_bucket(key_arn)
        impostor.make_bucket()
        yield World(clinic=clinic, ours=ours, radnet=radnet, impostor=impostor, key_arn=key_arn)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    folder = tmp_path_factory.mktemp("study")
    write_small_studies(folder, studies=1, instances=6)
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.dcm"))}


def some(study: Mapping[str, bytes], folder: str, *numbers: int) -> dict[str, bytes]:
    return {f"{folder}{number}.dcm": study[f"{number}.dcm"] for number in numbers}


def test_without_the_partners_policy_its_bucket_is_closed(world: World, study: Mapping[str, bytes]) -> None:
    world.radnet.put(some(study, "sent/a/", 0))
    world.impostor.apply(world.printed("mallory"))
    world.impostor.put(some(study, "sent/", 5))

    s3 = world.ours.client("s3", ROLE.format("sweep"))
    listed = answer(s3.list_object_versions, Bucket="radnet-clinic", Prefix="sent/")
    job = world.job("radnet-clinic", RADNET)

    assert listed == "AccessDenied"
    assert job["jobStatus"] == "FAILED"
    assert "cannot be listed" in job["message"]


def test_with_the_printed_policies_what_lay_there_is_found_by_the_sweep(world: World) -> None:
    world.radnet.apply(world.printed("radnet"), world.key_arn)

    eventually(lambda: world.clinic.files("sent/a/"), SWEPT_WITHIN_SECONDS)
    world.clinic.wait_until_settled("sent/a/", 1)

    (file,) = world.clinic.files("sent/a/").values()
    assert (file["status"], file["reason"]) == ("IMPORTED", None)


def test_a_job_over_the_partners_bucket_names_its_owner(world: World) -> None:
    database = sqlite3.connect(world.clinic.state / "healthimaging" / "healthimaging.sqlite")
    found = database.execute("SELECT request FROM jobs WHERE name LIKE 'ahi-%'")
    requests = [json.loads(text) for (text,) in found]

    assert {(one["inputS3Uri"], one["inputOwnerAccountId"]) for one in requests} == {
        ("s3://radnet-clinic/sent/a/", RADNET)
    }


def test_with_the_printed_stack_uploads_are_told_at_once(world: World, study: Mapping[str, bytes]) -> None:
    world.radnet.deploy(world.printed("radnet", "--template"))
    world.radnet.put(some(study, "sent/b/", 1, 2) | some(study, "kept/", 3))

    # No sweep has them so soon.
    eventually(lambda: len(world.clinic.files("sent/b/")) == 2, 45)
    world.clinic.wait_until_settled("sent/b/", 2)

    assert {file["status"] for file in world.clinic.files("sent/b/").values()} == {"IMPORTED"}
    assert not world.clinic.files("kept/")


def test_a_late_file_is_copied_to_staging_and_imported(world: World, study: Mapping[str, bytes]) -> None:
    world.radnet.put(some(study, "sent/b/", 4))

    world.clinic.wait_until_settled("sent/b/", 3)

    assert world.clinic.files("sent/b/")["sent/b/4.dcm"]["status"] == "IMPORTED"
    staging = world.ours.outputs["StagingBucket"]
    copies = world.ours.client("s3").list_objects_v2(Bucket=staging)["Contents"]
    assert [each["Key"].rpartition("/")[2] for each in copies] == ["4.dcm"]


def test_our_roles_reach_no_more_of_the_partners_bucket_than_they_need(world: World) -> None:
    bucket, sent, kept = "radnet-clinic", "sent/b/1.dcm", "kept/3.dcm"
    sweep, register = (world.ours.client("s3", ROLE.format(step)) for step in ("sweep", "register"))
    job, root = world.ours.client("s3", IMPORT_ROLE), world.ours.client("s3")
    version = world.radnet.client("s3").head_object(Bucket=bucket, Key=sent)["VersionId"]

    assert answer(sweep.list_object_versions, Bucket=bucket, Prefix="sent/") == "allowed"
    assert answer(register.get_object, Bucket=bucket, Key=sent, VersionId=version) == "allowed"
    assert answer(job.get_object, Bucket=bucket, Key=sent) == "allowed"
    for call, parameters in (
        (sweep.list_object_versions, {}),
        (sweep.list_object_versions, {"Prefix": "kept/"}),
        (sweep.get_object, {"Key": sent}),
        (register.list_object_versions, {"Prefix": "sent/"}),
        (register.get_object, {"Key": kept}),
        (job.get_object, {"Key": kept}),
        (job.list_objects_v2, {"Prefix": ""}),
        (job.put_object, {"Key": sent, "Body": b"x"}),
        (register.delete_object, {"Key": sent}),
        (root.get_object, {"Key": sent}),
    ):
        assert answer(call, Bucket=bucket, **parameters) == "AccessDenied", (call, parameters)


def test_without_tls_the_partners_bucket_is_closed(world: World) -> None:
    plain = world.ours.over_plain_http().client("s3", ROLE.format("sweep"))

    assert answer(plain.list_object_versions, Bucket="radnet-clinic", Prefix="sent/") == "AccessDenied"


def test_without_the_key_policy_its_objects_are_closed(world: World) -> None:
    kms, key = world.radnet.client("kms"), world.key_arn
    whole = kms.get_key_policy(KeyId=key)["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=world.radnet._key_policy())
    read = answer(world.ours.client("s3", IMPORT_ROLE).get_object, Bucket="radnet-clinic", Key="sent/b/1.dcm")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=whole)

    assert read == "AccessDenied"


def test_a_bucket_of_another_account_than_the_partners_is_refused(
    world: World,
) -> None:
    """It admits our roles and holds a file: the name of the partner's bucket, taken by somebody else.

    The sweep that found the partner's first file looked for this one as well.
    """
    sweep, job = (world.ours.client("s3", role) for role in (ROLE.format("sweep"), IMPORT_ROLE))

    # Also without an expected owner: our own policies name the account.
    assert answer(sweep.list_object_versions, Bucket="mallory-clinic") == "AccessDenied"
    assert answer(job.get_object, Bucket="mallory-clinic", Key="sent/5.dcm") == "AccessDenied"
    assert world.job("mallory-clinic", MALLORY)["jobStatus"] == "FAILED"
    assert not world.clinic.files("sent/5.dcm")


def test_s3_refuses_an_expected_owner_that_is_not_the_owner(world: World) -> None:
    s3 = world.impostor.client("s3")

    assert answer(s3.list_objects_v2, Bucket="mallory-clinic", ExpectedBucketOwner=IMPOSTOR) == "allowed"
    assert answer(s3.list_objects_v2, Bucket="mallory-clinic", ExpectedBucketOwner=MALLORY) == "AccessDenied"
