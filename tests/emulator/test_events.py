"""EventBridge: what happens to data stores, import jobs and image sets, and new objects in S3."""

import functools
import json
import uuid
from collections.abc import Callable
from typing import Any

import covered
import pytest
from ct_files import ct_file
from dicomweb_requests import DicomWeb
from local_aws import ACCOUNT, REGION, LocalAws, Store, wait_for

Received = Callable[[int, str], list[dict[str, Any]]]


@pytest.fixture
def received(aws: LocalAws) -> Received:
    """The first so many events about a data store or a bucket since the test began: others may be busy."""
    events, sqs = aws.client("events"), aws.client("sqs")
    name = f"events-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.medical-imaging", "aws.s3"]}))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}
    events.put_targets(Rule=name, Targets=[target])
    found: list[dict[str, Any]] = []

    def first(count: int, about: str) -> list[dict[str, Any]]:
        def concerned() -> list[dict[str, Any]]:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"]))
            return [event for event in found if about in json.dumps(event)]

        wait_for(lambda: len(concerned()) >= count)
        asked_for = concerned()[:count]
        for event in asked_for:
            covered.saw(f"event {event['detail-type']}")
        return asked_for

    return first


def test_a_store_tells_that_it_is_made(aws: LocalAws, received: Received) -> None:
    store = Store(aws, datastoreName="told")
    creating, created = received(2, store.id)

    assert (creating["detail-type"], created["detail-type"]) == ("Data Store Creating", "Data Store Created")
    assert created["source"] == "aws.medical-imaging"
    assert created["resources"] == [store.arn]
    assert created["detail"] == {
        "imagingVersion": "1.0",
        "datastoreId": store.id,
        "datastoreName": "told",
        "datastoreStatus": "ACTIVE",
    }


def test_a_store_tells_that_it_cannot_be_made(aws: LocalAws, received: Received) -> None:
    nowhere = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    created = aws.client("medical-imaging").create_datastore(clientToken=uuid.uuid4().hex, kmsKeyArn=nowhere)
    creating, failed = received(2, created["datastoreId"])

    assert creating["detail-type"] == "Data Store Creating"
    assert (failed["detail-type"], failed["detail"]["datastoreStatus"]) == (
        "Data Store Creation Failed",
        "CREATE_FAILED",
    )


def test_a_store_tells_that_it_is_deleted(store: Store, received: Received) -> None:
    store.imaging.delete_datastore(datastoreId=store.id)

    types = [event["detail-type"] for event in received(2, store.id)]
    assert types == ["Data Store Deleting", "Data Store Deleted"]


def test_a_job_and_its_image_set_tell_what_becomes_of_them(store: Store, received: Received) -> None:
    job = store.import_files({"1.dcm": ct_file()})
    events = received(4, store.id)

    types = [event["detail-type"] for event in events]
    assert types == [
        "Import Job Submitted",
        "Import Job In Progress",
        "Image Set Created",
        "Import Job Completed",
    ]
    assert events[3]["resources"] == [store.arn]
    assert events[3]["detail"] == {
        "imagingVersion": "1.0",
        "datastoreId": store.id,
        "jobId": job["jobId"],
        "jobName": job["jobName"],
        "jobStatus": "COMPLETED",
        "inputS3Uri": job["inputS3Uri"],
        "outputS3Uri": job["outputS3Uri"],
    }


def test_an_image_set_tells_its_version_and_whether_it_is_primary(store: Store, received: Received) -> None:
    store.import_files({"1.dcm": ct_file()})
    event = received(4, store.id)[2]

    (image_set,) = store.search()
    assert event["resources"] == [f"{store.arn}/imageset/{image_set['imageSetId']}"]
    assert event["detail"] == {
        "imagingVersion": "1.0",
        "isPrimary": True,
        "imageSetVersion": "1",
        "datastoreId": store.id,
        "imagesetId": image_set["imageSetId"],
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
    }


def test_a_merge_tells_that_the_image_set_is_updated(store: Store, received: Received) -> None:
    store.import_files({"1.dcm": ct_file()}, "a/")
    store.import_files({"2.dcm": ct_file()}, "b/")

    event = received(8, store.id)[6]
    assert (event["detail-type"], event["detail"]["imageSetVersion"]) == ("Image Set Updated", "2")


def told(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (each["detail-type"], each["detail"]["imageSetState"], each["detail"]["imageSetWorkflowStatus"])
        for each in events
    ]


def test_an_update_tells_when_it_begins_and_how_it_ends(store: Store, received: Received) -> None:
    store.import_files({"1.dcm": ct_file()})
    (image_set,) = store.search()
    tree = json.dumps({"Study": {"DICOM": {"StudyDescription": "not there"}}}).encode()
    for version, name in (("1", "updatableAttributes"), ("2", "removableAttributes")):
        store.imaging.update_image_set_metadata(
            datastoreId=store.id,
            imageSetId=image_set["imageSetId"],
            latestVersionId=version,
            updateImageSetMetadataUpdates={
                "DICOMUpdates": {name: tree.replace(b"not", b"was") if version == "2" else tree}
            },
        )
        received(4 + 2 * int(version), store.id)

    assert told(received(8, store.id)[4:]) == [
        ("Image Set Updating", "LOCKED", "UPDATING"),
        ("Image Set Updated", "ACTIVE", "UPDATED"),
        ("Image Set Updating", "LOCKED", "UPDATING"),
        ("Image Set Update Failed", "ACTIVE", "UPDATE_FAILED"),
    ]


def test_a_copy_tells_of_both_image_sets(store: Store, received: Received) -> None:
    store.import_files({"1.dcm": ct_file()})
    (image_set,) = store.search()
    source = image_set["imageSetId"]
    information: dict[str, Any] = {"sourceImageSet": {"latestVersionId": "1"}}
    copy = functools.partial(store.imaging.copy_image_set, datastoreId=store.id, sourceImageSetId=source)
    copied = copy(copyImageSetInformation=information)["destinationImageSetProperties"]["imageSetId"]
    received(7, store.id)
    information["destinationImageSet"] = {"imageSetId": copied, "latestVersionId": "1"}
    copy(copyImageSetInformation=information)

    events = received(10, store.id)[4:]
    assert told(events) == [
        ("Image Set Copying", "LOCKED", "COPYING"),
        ("Image Set Copying With Read Only Access", "LOCKED", "COPYING_WITH_READ_ONLY_ACCESS"),
        ("Image Set Copied", "ACTIVE", "COPIED"),
        ("Image Set Copying", "LOCKED", "COPYING"),
        ("Image Set Copying With Read Only Access", "LOCKED", "COPYING_WITH_READ_ONLY_ACCESS"),
        ("Image Set Copy Failed", "ACTIVE", "COPY_FAILED"),
    ]
    assert events[0]["detail"]["sourceImageSetArn"] == f"{store.arn}/imageset/{source}"
    assert [each["detail"]["imagesetId"] for each in events[:3]] == [copied, source, copied]


def test_a_deletion_tells_when_it_begins_and_ends(store: Store, received: Received) -> None:
    store.import_files({"1.dcm": ct_file()})
    (image_set,) = store.search()
    store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set["imageSetId"])

    assert told(received(6, store.id)[4:]) == [
        ("Image Set Deleting", "LOCKED", "DELETING"),
        ("Image Set Deleted", "DELETED", "DELETED"),
    ]


def test_a_failed_job_tells_it(store: Store, received: Received) -> None:
    store.run(inputS3Uri=f"s3://{store.bucket}/nothing/")

    event = received(3, store.id)[2]
    assert (event["detail-type"], event["detail"]["jobStatus"]) == ("Import Job Failed", "FAILED")


def test_nobody_else_may_speak_for_healthimaging(aws: LocalAws) -> None:
    entry = {"Source": "aws.medical-imaging", "DetailType": "Import Job Completed", "Detail": "{}"}
    answer = aws.client("events").put_events(Entries=[entry])

    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_a_new_object_in_a_versioned_bucket_tells_its_version(store: Store, received: Received) -> None:
    enabled = {"Status": "Enabled"}
    store.s3.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration=enabled)
    store.s3.put_bucket_notification_configuration(
        Bucket=store.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    versions = [store.s3.put_object(Bucket=store.bucket, Key="a b", Body=b"")["VersionId"] for _ in range(2)]

    events = received(2, store.bucket)
    assert {event["detail-type"] for event in events} == {"Object Created"}
    assert {event["detail"]["object"]["version-id"] for event in events} == set(versions)


def test_a_new_object_in_an_unversioned_bucket_has_no_version(store: Store, received: Received) -> None:
    store.s3.put_bucket_notification_configuration(
        Bucket=store.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    store.upload({"a": b""})

    assert "version-id" not in received(1, store.bucket)[0]["detail"]["object"]


def test_an_image_set_tells_that_a_request_stored_it(store: Store, received: Received) -> None:
    DicomWeb(store).send("POST", "/studies", ct_file(), content_type="application/dicom")

    (created,) = received(1, store.id)
    assert created["detail-type"] == "Image Set Created"
    assert created["detail"]["isPrimary"] is True
