"""What the adapters ask of S3, SQS and HealthImaging, answered by MiniStack and botocore's own models."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import ministack_in_process
import pytest
from botocore.stub import Stubber

from lambdas.adapters import storage as storage_module
from lambdas.adapters.imaging import STATUSES, Imaging, LaterError, RefusedError
from lambdas.adapters.queues import Queue
from lambdas.adapters.storage import Storage
from lambdas.importing.files import File, Job, JobState
from lambdas.importing.routing import Store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STORE = Store(
    id="main",
    prefix="",
    datastore_id="d" * 32,
    role_arn="arn:aws:iam::000000000000:role/import",
    output_uri="s3://output/main/",
)
JOB = Job(
    name="ahi-test-1",
    bucket="input",
    store="main",
    datastore_id="d" * 32,
    state=JobState.STARTING,
    files=1,
    bytes=1,
    in_place=True,
    prefix="s3://input/study/",
    created_at=NOW,
    at=NOW,
)


@pytest.fixture
def s3() -> Iterator[Any]:
    client = ministack_in_process.client("s3")
    for bucket in ("adapters-input", "adapters-staging"):
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield client
    for bucket in ("adapters-input", "adapters-staging"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])
        client.delete_bucket(Bucket=bucket)


def put(s3: Any, key: str, body: bytes = b"dicom") -> str:
    return str(s3.put_object(Bucket="adapters-input", Key=key, Body=body)["VersionId"])


def file(key: str, version: str, size: int = 5) -> File:
    folder, _, name = key.rpartition("/")
    return File(
        bucket="adapters-input", folder=f"{folder}/", name=name, version=version, size=size, uploaded_at=NOW
    )


def test_a_listing_holds_the_current_versions_right_under_a_folder(s3: Any) -> None:
    put(s3, "a/1", b"old")
    new = put(s3, "a/1", b"newer")
    put(s3, "a/gone")
    s3.delete_object(Bucket="adapters-input", Key="a/gone")
    put(s3, "ab/1")

    right_there = Storage(s3).right_under("adapters-input", "a/", 1)

    assert [(one.key, one.version, one.size) for one in right_there or ()] == [("a/1", new, 5)]


def test_a_folder_is_listed_without_those_below(s3: Any) -> None:
    put(s3, "a/1")
    put(s3, "a/b/1")

    assert [one.key for one in Storage(s3).right_under("adapters-input", "a/", 9) or ()] == ["a/1"]


def test_a_folder_with_more_than_the_most_is_not_listed_to_its_end(s3: Any) -> None:
    put(s3, "a/1")
    put(s3, "a/2")

    assert Storage(s3).right_under("adapters-input", "a/", 1) is None


def test_names_of_a_folder_are_listed_wherever_they_lie(s3: Any) -> None:
    for key in ("a/1", "a/2", "a/2/3", "a/3", "a/3-4", "a/4", "ab/3"):
        put(s3, key)
    newest = put(s3, "a/3", b"newest")

    named = Storage(s3).named("adapters-input", "a/", {"2", "3"})

    assert [one.key for one in named] == ["a/2", "a/3"]
    assert named[-1].version == newest
    assert [one.key for one in Storage(s3).named("adapters-input", "a/", {"1", "missing"})] == ["a/1"]


def test_a_prefix_is_listed_with_the_folders_that_are_named(s3: Any) -> None:
    for key in ("a/b/1", "a/c/1", "ab/1"):
        put(s3, key)

    lying = Storage(s3).under("adapters-input", "a/", {"a/b/", "a/c/"}, 2)

    assert [one.key for one in lying or []] == ["a/b/1", "a/c/1"]


@pytest.mark.parametrize(("folders", "most"), [({"a/b/"}, 2), ({"a/b/", "a/c/"}, 1)])
def test_a_prefix_with_another_folder_or_too_many_objects_is_not_one_jobs(
    s3: Any, folders: set[str], most: int
) -> None:
    for key in ("a/b/1", "a/c/1"):
        put(s3, key)

    assert Storage(s3).under("adapters-input", "a/", folders, most) is None


def test_all_versions_and_delete_markers_of_a_prefix_are_listed(s3: Any) -> None:
    versions = [put(s3, "a/1"), put(s3, "a/1"), put(s3, "a/b/2")]
    s3.delete_object(Bucket="adapters-input", Key="a/1")

    found = list(Storage(s3).versions("adapters-input", "a/"))

    assert {one.version for one in found if not one.is_delete_marker} == set(versions)
    assert [(one.key, one.is_latest) for one in found if one.is_delete_marker] == [("a/1", True)]


def test_the_bucket_is_walked_from_any_key_on(s3: Any) -> None:
    for key in ("a/1", "b/1", "c/1"):
        put(s3, key)

    for after, rest in ((None, ["a/1", "b/1", "c/1"]), ("a/1", ["b/1", "c/1"]), ("z", [])):
        pages = Storage(s3).pages("adapters-input", after)
        assert [one.key for page in pages for one in page] == rest


@pytest.mark.parametrize("largest_whole_copy", [0, 1_000])
def test_a_copy_is_of_the_very_version_and_may_be_made_twice(
    s3: Any, monkeypatch: pytest.MonkeyPatch, largest_whole_copy: int
) -> None:
    monkeypatch.setattr(storage_module, "WHOLE_COPY_BYTES", largest_whole_copy)
    old = put(s3, "a/é 1+2", b"older")
    put(s3, "a/é 1+2", b"newer")

    for _ in range(2):
        assert Storage(s3).copy(file("a/é 1+2", old), "adapters-staging", "job/a/é 1+2")

    copied = s3.get_object(Bucket="adapters-staging", Key="job/a/é 1+2")["Body"].read()
    assert copied == b"older"


def test_a_version_that_is_gone_is_not_copied(s3: Any) -> None:
    version = put(s3, "a/1")
    s3.delete_object(Bucket="adapters-input", Key="a/1", VersionId=version)

    assert not Storage(s3).copy(file("a/1", version), "adapters-staging", "job/a/1")


def test_documents_and_lines_that_are_not_there_are_none(s3: Any) -> None:
    put(s3, "manifest.json", b'{"jobSummary": {}}')
    put(s3, "list.ndjson", b'{"a": 1}\n{"b": 2}\n')
    storage = Storage(s3)

    assert storage.document("adapters-input", "manifest.json") == {"jobSummary": {}}
    assert storage.document("adapters-input", "other.json") is None
    assert [json.loads(line) for line in storage.lines("adapters-input", "list.ndjson")] == [
        {"a": 1},
        {"b": 2},
    ]
    assert list(storage.lines("adapters-input", "other.ndjson")) == []


def test_messages_are_sent_with_a_delay_that_sqs_takes() -> None:
    sqs = ministack_in_process.client("sqs")
    url = sqs.create_queue(QueueName="adapters")["QueueUrl"]
    queue = Queue(sqs, url)

    queue.send({"folder": "a/"}, -3)
    queue.send({"folder": "later/"}, 5_000)

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [{"folder": "a/"}]
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def healthimaging() -> Any:
    return boto3.client("medical-imaging")


def test_a_start_carries_the_jobs_name_as_its_token(healthimaging: Any) -> None:
    with Stubber(healthimaging) as stub:
        stub.add_response(
            "start_dicom_import_job",
            {"datastoreId": "d" * 32, "jobId": "1" * 32, "jobStatus": "SUBMITTED", "submittedAt": NOW},
            {
                "jobName": JOB.name,
                "clientToken": JOB.name,
                "datastoreId": "d" * 32,
                "dataAccessRoleArn": STORE.role_arn,
                "inputS3Uri": "s3://input/study/",
                "inputOwnerAccountId": "000000000000",
                "outputS3Uri": "s3://output/main/",
            },
        )
        assert Imaging(healthimaging).start(JOB, STORE, STORE.account) == "1" * 32


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("ThrottlingException", 429, LaterError),
        ("ServiceQuotaExceededException", 402, LaterError),
        ("ValidationException", 400, RefusedError),
        ("AccessDeniedException", 403, RefusedError),
        ("ResourceNotFoundException", 404, RefusedError),
    ],
)
def test_refusals_say_whether_to_come_again(
    healthimaging: Any, code: str, status: int, raised: type[Exception]
) -> None:
    with Stubber(healthimaging) as stub:
        stub.add_client_error("start_dicom_import_job", code, "why", status)
        with pytest.raises(raised, match=code):
            Imaging(healthimaging).start(JOB, STORE, STORE.account)


def summary(name: str, submitted_at: datetime = NOW) -> dict[str, Any]:
    return {
        "jobId": name.rjust(32, "0"),
        "jobName": name,
        "jobStatus": "IN_PROGRESS",
        "datastoreId": "d" * 32,
        "submittedAt": submitted_at,
    }


def test_a_job_is_found_by_its_name_on_any_page_of_any_status(healthimaging: Any) -> None:
    with Stubber(healthimaging) as stub:
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": [summary("1")]})
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": [summary("2")], "nextToken": "t"})
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": [summary("3")]})
        assert Imaging(healthimaging).find("d" * 32, "3", NOW) == "3".rjust(32, "0")


def test_a_list_that_is_newest_first_is_not_read_to_jobs_of_before(healthimaging: Any) -> None:
    def page(status: str, *days: int) -> None:
        summaries = [summary(str(day), NOW - timedelta(days=day)) for day in days]
        asked = {"datastoreId": "d" * 32, "jobStatus": status, "maxResults": 50}
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": summaries, "nextToken": "t"}, asked)

    with Stubber(healthimaging) as stub:
        for status in STATUSES:
            page(status, 0, 2)
        assert Imaging(healthimaging).find("d" * 32, "other", NOW - timedelta(days=1)) is None
        stub.assert_no_pending_responses()


def test_a_list_in_another_order_is_read_to_its_end(healthimaging: Any) -> None:
    with Stubber(healthimaging) as stub:
        old = [summary(str(day), NOW - timedelta(days=day)) for day in (3, 2)]
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": old, "nextToken": "t"})
        stub.add_response("list_dicom_import_jobs", {"jobSummaries": [summary("0")]})
        assert Imaging(healthimaging).find("d" * 32, "0", NOW) == "0".rjust(32, "0")


def test_a_job_that_healthimaging_does_not_know_is_none(healthimaging: Any) -> None:
    with Stubber(healthimaging) as stub:
        stub.add_client_error("get_dicom_import_job", "ResourceNotFoundException", "no", 404)
        assert Imaging(healthimaging).get("d" * 32, "1" * 32) is None


def test_a_job_is_read_with_its_own_output_prefix(healthimaging: Any) -> None:
    with Stubber(healthimaging) as stub:
        stub.add_response(
            "get_dicom_import_job",
            {
                "jobProperties": {
                    "jobId": "1" * 32,
                    "jobName": JOB.name,
                    "jobStatus": "COMPLETED",
                    "datastoreId": "d" * 32,
                    "dataAccessRoleArn": STORE.role_arn,
                    "submittedAt": NOW,
                    "endedAt": NOW,
                    "inputS3Uri": "s3://input/study/",
                    "outputS3Uri": "s3://output/main/d-DicomImport-1/",
                }
            },
        )
        job = Imaging(healthimaging).get("d" * 32, "1" * 32)
    assert job is not None
    assert (job.status, job.output_uri, job.message) == (
        "COMPLETED",
        "s3://output/main/d-DicomImport-1/",
        None,
    )
