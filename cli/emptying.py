"""Data stores, buckets and tables emptied and deleted. Stopped at any moment, all of it may be done again."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CommandError
from cli.find_remains import store_status
from cli.remains import Bucket, Store, duration

Tell = Callable[[str], None]

POLL_SECONDS = 2.0
RUNNING = ("SUBMITTED", "IN_PROGRESS")


class Pace:
    """Lets calls through at most `rate` times a second."""

    def __init__(self, rate: float) -> None:
        self.seconds = 1 / rate
        self._next = time.monotonic()

    def wait(self) -> None:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self.seconds


def delete_store(imaging: Any, store: Store, pace: Pace, tell: Tell) -> None:
    """Wait for its import jobs, delete its image sets at the pace that is allowed, and the data store."""
    while (status := store_status(imaging, store.id)) is not None:
        if status == "ACTIVE":
            _wait_for_jobs(imaging, store, tell)
            _delete_image_sets(imaging, store, pace, tell)
        if status != "DELETING":
            tell(f"{store.name}: the data store is deleted")
            # In conflict while something of it is still being deleted.
            _unless(lambda: imaging.delete_datastore(datastoreId=store.id), "ConflictException")
        time.sleep(POLL_SECONDS)


def _wait_for_jobs(imaging: Any, store: Store, tell: Tell) -> None:
    def running() -> int:
        pages = (
            imaging.get_paginator("list_dicom_import_jobs").paginate(datastoreId=store.id, jobStatus=status)
            for status in RUNNING
        )
        return sum(len(page["jobSummaries"]) for each in pages for page in each)

    while number := running():
        tell(f"{store.name}: {number} import jobs still run, and cannot be stopped")
        time.sleep(POLL_SECONDS)


def _delete_image_sets(imaging: Any, store: Store, pace: Pace, tell: Tell) -> None:
    """Always of the first page: a page's token would not outlive the hours that the page before it takes."""
    deleted = 0
    while found := imaging.search_image_sets(datastoreId=store.id)["imageSetsMetadataSummaries"]:
        for summary in found:
            left = max(0, store.image_sets - deleted)
            tell(f"{store.name}: {deleted} image sets deleted, {duration(left * pace.seconds)} to go")
            pace.wait()
            deleted += _delete_image_set(imaging, store.id, summary["imageSetId"])
        # The last ones are still being deleted, and would be found again.
        time.sleep(POLL_SECONDS)


def _delete_image_set(imaging: Any, datastore_id: str, image_set_id: str) -> bool:
    """False for one that is locked, by its own deletion or an import, or gone: it is looked for again."""
    return _unless(
        lambda: imaging.delete_image_set(datastoreId=datastore_id, imageSetId=image_set_id),
        "ConflictException",
        "ResourceNotFoundException",
    )


def delete_bucket(s3: Any, bucket: Bucket, tell: Tell) -> None:
    """Delete all versions, unfinished uploads and the bucket; access logs may still arrive meanwhile."""
    tell(f"{bucket.name}: {bucket.versions} object versions are deleted")
    _empty_bucket(s3, bucket.name)
    while not _unless(lambda: s3.delete_bucket(Bucket=bucket.name), "BucketNotEmpty"):
        _empty_bucket(s3, bucket.name)


def _empty_bucket(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        if not objects:
            continue
        refused = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
        if refused:
            raise CommandError(
                f"{len(refused)} objects of {name} could not be deleted: {refused[0]['Code']}",
                "see that your credentials may delete its object versions, and run `ahi destroy` again",
            )
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])


def delete_table(dynamodb: Any, name: str) -> None:
    """Take its deletion protection away, and delete it with all rows."""
    if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name)


def _unless(call: Callable[[], object], *codes: str) -> bool:
    """Whether AWS did as `call` asks; False if it refused with one of `codes`."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
        return False
    return True
