"""The runbooks of `docs/guides/recovery.md`, rehearsed one after the other on a deployment of their own."""

import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sandbox import Sandbox, deployed_in
from small_studies import write_small_studies

from cli.deployed import client as client_with
from cli.users import Keys
from lambdas.adapters.rows import Item

PREFIX = "radiology/"
FILES = 4
ONE_STORE = f"data_stores:\n  main:\n    name: sandbox\n    prefix: {PREFIX}\n"
TWO_STORES = (
    f"data_stores:\n  main:\n    name: sandbox\n    prefix: lost/\n"
    f"  again:\n    name: again\n    prefix: {PREFIX}\n"
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Two studies of two files, imported."""

    def with_prefix(text: str) -> str:
        return text.replace("data_stores:\n  main:\n    name: sandbox\n", ONE_STORE)

    with deployed_in(tmp_path_factory.mktemp("hospital"), change=with_prefix) as made:
        studies = tmp_path_factory.mktemp("studies")
        write_small_studies(studies, studies=2, instances=2)
        made.ahi("upload", str(studies), "--prefix", PREFIX)
        made.wait_until_settled(PREFIX, FILES)
        assert {one["status"] for one in made.files(PREFIX).values()} == {"IMPORTED"}
        yield made


def administrator(hospital: Sandbox, service: str) -> Any:
    return hospital.find().client(service)


def jobs(hospital: Sandbox) -> set[str]:
    found = hospital.find()
    pages = found.client("medical-imaging").get_paginator("list_dicom_import_jobs")
    store = found.outputs["DatastoreMainId"]
    return {job["jobId"] for page in pages.paginate(datastoreId=store) for job in page["jobSummaries"]}


def sweep(hospital: Sandbox) -> None:
    """What its schedule calls every minute."""
    function = hospital.find().import_output("SweepFunction")
    answer = administrator(hospital, "lambda").invoke(FunctionName=function, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()


def image_set(hospital: Sandbox) -> dict[str, str]:
    file = min(newest(hospital).values(), key=lambda one: one["key"])
    return {
        "datastoreId": hospital.find().outputs["DatastoreMainId"],
        "imageSetId": file["image_set_id"],
    }


def versions(hospital: Sandbox) -> list[Any]:
    """Each version of each file has a row of its own; oldest first."""
    found = (one for one in hospital.ahi("files")["files"] if one["key"].startswith(PREFIX))
    return sorted(found, key=lambda one: (one["uploaded_at"], one["key"]))


def newest(hospital: Sandbox) -> dict[str, Any]:
    return {one["key"]: one for one in versions(hospital)}


def code_of(call: Any, **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "answered"


def test_a_key_on_its_way_to_deletion_is_taken_back_and_nothing_is_lost(hospital: Sandbox) -> None:
    kms, imaging = (
        administrator(hospital, "kms"),
        hospital.as_one_of("reader").client("medical-imaging"),
    )
    key = kms.describe_key(KeyId="alias/ahi-sandbox/stores/main")["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert code_of(imaging.get_image_set, **image_set(hospital)) == "AccessDeniedException"

    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert code_of(imaging.get_image_set, **image_set(hospital)) == "answered"
    metadata = imaging.get_image_set_metadata(**image_set(hospital))["imageSetMetadataBlob"].read()
    assert metadata


def test_an_upload_that_was_deleted_comes_back_and_is_not_imported_twice(hospital: Sandbox) -> None:
    s3, bucket, before = administrator(hospital, "s3"), hospital.find().input_bucket, jobs(hospital)
    key = sorted(hospital.files(PREFIX))[0]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    assert code_of(s3.get_object, Bucket=bucket, Key=key) == "NoSuchKey"

    (marker,) = s3.list_object_versions(Bucket=bucket, Prefix=key)["DeleteMarkers"]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    sweep(hospital)
    assert hospital.files(PREFIX)[key]["status"] == "IMPORTED"
    assert jobs(hospital) == before


def test_metadata_changed_wrongly_goes_back_to_its_version(hospital: Sandbox) -> None:
    imaging, where = hospital.as_one_of("steward").client("medical-imaging"), image_set(hospital)
    copy = copied(hospital, imaging, where)
    version, right = imaging.get_image_set(**copy)["versionId"], patient_of(imaging, copy)
    change = {"SchemaVersion": "1.1", "Patient": {"DICOM": {"PatientName": "Wrong^Name"}}}
    update(hospital, imaging, copy, DICOMUpdates={"updatableAttributes": json.dumps(change).encode()})
    assert patient_of(imaging, copy) != right

    update(hospital, imaging, copy, revertToVersionId=version)
    assert patient_of(imaging, copy) == right
    imaging.delete_image_set(**copy)


def copied(hospital: Sandbox, imaging: Any, where: dict[str, str]) -> dict[str, str]:
    """A copy, whose attributes may be changed without those of its study."""
    source = {"latestVersionId": imaging.get_image_set(**where)["versionId"]}
    made = imaging.copy_image_set(
        datastoreId=where["datastoreId"],
        sourceImageSetId=where["imageSetId"],
        copyImageSetInformation={"sourceImageSet": source},
    )
    copy = {**where, "imageSetId": made["destinationImageSetProperties"]["imageSetId"]}
    hospital.until_active(copy)
    return copy


def update(hospital: Sandbox, imaging: Any, where: dict[str, str], **updates: Any) -> None:
    version = imaging.get_image_set(**where)["versionId"]
    imaging.update_image_set_metadata(**where, latestVersionId=version, updateImageSetMetadataUpdates=updates)
    hospital.until_active(where)


def patient_of(imaging: Any, where: dict[str, str]) -> Any:
    blob = imaging.get_image_set_metadata(**where)["imageSetMetadataBlob"].read()
    return json.loads(gzip.decompress(blob))["Patient"]["DICOM"]


def copy_onto_itself(hospital: Sandbox, key: str) -> None:
    """As `aws s3 cp --metadata-directive REPLACE` does."""
    bucket = hospital.find().input_bucket
    administrator(hospital, "s3").copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, MetadataDirective="REPLACE"
    )


def imported_versions(hospital: Sandbox) -> int:
    return sum(one["status"] == "IMPORTED" for one in versions(hospital))


def wait_for_versions(hospital: Sandbox, count: int) -> None:
    hospital.wait(PREFIX, lambda _: imported_versions(hospital) == count)


def test_an_image_set_that_was_deleted_is_imported_again(hospital: Sandbox) -> None:
    steward, where = hospital.as_one_of("steward").client("medical-imaging"), image_set(hospital)
    files = [key for key, one in newest(hospital).items() if one["image_set_id"] == where["imageSetId"]]
    steward.delete_image_set(**where)
    deadline = time.monotonic() + 60
    while where["imageSetId"] in searched(steward, where["datastoreId"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)

    before = imported_versions(hospital)
    for key in files:
        copy_onto_itself(hospital, key)
    wait_for_versions(hospital, before + len(files))
    again = {newest(hospital)[key]["image_set_id"] for key in files}
    assert len(again) == 1
    found = steward.get_image_set(datastoreId=where["datastoreId"], imageSetId=again.pop())
    assert found["imageSetState"] == "ACTIVE"


def searched(imaging: Any, store: str) -> set[str]:
    found = imaging.search_image_sets(datastoreId=store)["imageSetsMetadataSummaries"]
    return {one["imageSetId"] for one in found}


def test_rows_of_the_ledger_come_back_from_a_restored_table(hospital: Sandbox) -> None:
    """The local AWS restores a table as it is now, so it is restored before the rows are lost."""
    dynamodb, ledger = administrator(hospital, "dynamodb"), hospital.find().outputs["LedgerTable"]
    told, before = versions(hospital), jobs(hospital)
    assert hospital.ahi("pause")["mode"] == "PAUSED"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=ledger, TargetTableName="restored", UseLatestRestorableTime=True
    )
    dynamodb.get_waiter("table_exists").wait(TableName="restored")
    lost = [row for row in rows(dynamodb, ledger) if PREFIX in str(row)]
    for row in lost:
        dynamodb.delete_item(TableName=ledger, Key={"pk": row["pk"], "sk": row["sk"]})
    assert versions(hospital) == []

    for row in rows(dynamodb, "restored"):
        key = {"pk": row["pk"], "sk": row["sk"]}
        if "Item" not in dynamodb.get_item(TableName=ledger, Key=key):
            dynamodb.put_item(TableName=ledger, Item=row)
    assert hospital.ahi("resume")["mode"] == "RUNNING"
    dynamodb.delete_table(TableName="restored")
    sweep(hospital)
    assert versions(hospital) == told
    assert jobs(hospital) == before


def rows(dynamodb: Any, table: str) -> list[Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [row for page in pages for row in page["Items"]]


def test_what_was_issued_to_a_leaked_role_is_shut_out_and_the_import_goes_on(
    hospital: Sandbox, tmp_path: Path
) -> None:
    functions, iam = administrator(hospital, "lambda"), administrator(hospital, "iam")
    name = hospital.find().import_output("RegisterFunction")
    role = functions.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    stolen = client_with("s3", "us-east-1", leaked(hospital, role))
    file = min(newest(hospital).values(), key=lambda one: one["key"])
    upload = {
        "Bucket": hospital.find().input_bucket,
        "Key": file["key"],
        "VersionId": file["version"],
    }
    assert code_of(stolen.get_object, **upload) == "answered"

    time.sleep(1.1)
    revoke_sessions(iam, role)
    assert code_of(stolen.get_object, **upload) == "AccessDenied"
    time.sleep(1.1)
    renew_environments(functions, name)
    write_small_studies(tmp_path, studies=1, instances=1)
    hospital.ahi("upload", str(tmp_path), "--prefix", f"{PREFIX}after")
    hospital.wait_until_settled(f"{PREFIX}after/", 1)
    assert {one["status"] for one in hospital.files(f"{PREFIX}after/").values()} == {"IMPORTED"}
    assert code_of(stolen.get_object, **upload) == "AccessDenied"


def leaked(hospital: Sandbox, role: str) -> Keys:
    """A session of a function's role, as it would lie in the function's environment."""
    iam, root = administrator(hospital, "iam"), "arn:aws:iam::000000000000:root"
    found = iam.get_role(RoleName=role)["Role"]
    anyone = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    opened = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=opened)
    given = administrator(hospital, "sts").assume_role(RoleArn=found["Arn"], RoleSessionName="stolen")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(found["AssumeRolePolicyDocument"]))
    keys = given["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def renew_environments(functions: Any, name: str) -> None:
    """A changed timeout ends a function's environments, and the credentials in them; then it is put back."""
    seconds = functions.get_function_configuration(FunctionName=name)["Timeout"]
    for timeout in (seconds + 1, seconds):
        functions.update_function_configuration(FunctionName=name, Timeout=timeout)
        functions.get_waiter("function_updated").wait(FunctionName=name)


def revoke_sessions(iam: Any, role: str) -> None:
    """What *Revoke sessions* of IAM's console puts on a role."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    issued_before = {"DateLessThan": {"aws:TokenIssueTime": now}}
    denied = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": issued_before}
    iam.put_role_policy(
        RoleName=role,
        PolicyName="AWSRevokeOlderSessions",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )


def test_a_data_store_whose_key_is_gone_is_made_anew_from_the_input_bucket(hospital: Sandbox) -> None:
    keys = sorted(hospital.files(PREFIX))
    kms = administrator(hospital, "kms")
    key = kms.describe_key(KeyId="alias/ahi-sandbox/stores/main")["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    text = hospital.deployment.read_text()
    hospital.deployment.write_text(text.replace(ONE_STORE, TWO_STORES))
    hospital.ahi("up")
    before = imported_versions(hospital)
    for each in keys:
        copy_onto_itself(hospital, each)
    wait_for_versions(hospital, before + len(keys))
    store = hospital.find().outputs["DatastoreAgainId"]
    imaging = hospital.as_one_of("reader").client("medical-imaging")
    for one in newest(hospital).values():
        found = imaging.get_image_set(datastoreId=store, imageSetId=one["image_set_id"])
        assert found["imageSetState"] == "ACTIVE"
