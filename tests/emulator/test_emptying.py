"""What `ahi destroy` empties, on the local AWS: whatever lies in a bucket, a data store or a table goes."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import LocalAws, Store
from test_updates import imported

from cli.emptying import Pace, delete_bucket, delete_store, delete_table
from cli.find_remains import store_status
from cli.remains import Bucket
from cli.remains import Store as Remaining

QUICK = 1000.0


def quiet(_: str) -> None:
    """Nobody looks."""


@pytest.fixture
def bucket(aws: LocalAws) -> Bucket:
    name = f"doomed-{uuid.uuid4().hex[:12]}"
    aws.client("s3").create_bucket(Bucket=name)
    return Bucket(name=name, versions=0)


def names(s3: Any) -> set[str]:
    return {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_bucket_goes_with_its_versions_delete_markers_and_unfinished_uploads(
    aws: LocalAws, bucket: Bucket
) -> None:
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket.name, Key="twice", Body=body)
    s3.delete_object(Bucket=bucket.name, Key="twice")
    s3.create_multipart_upload(Bucket=bucket.name, Key="begun")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket.name)
    delete_bucket(s3, bucket, quiet)
    assert bucket.name not in names(s3)


def test_a_bucket_without_versions_goes_with_its_objects(aws: LocalAws, bucket: Bucket) -> None:
    s3 = aws.client("s3")
    for key in ("a", "b/c"):
        s3.put_object(Bucket=bucket.name, Key=key, Body=b"")
    delete_bucket(s3, bucket, quiet)
    assert bucket.name not in names(s3)


def test_a_data_store_goes_with_its_image_sets(store: Store) -> None:
    imported(store)
    (image_set,) = store.search()
    # Another one deletes at the same moment: the image set is locked, and then gone.
    store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set["imageSetId"])
    imported(store)
    said: list[str] = []
    delete_store(store.imaging, Remaining(id=store.id, name="doomed", image_sets=1), Pace(QUICK), said.append)
    assert store_status(store.imaging, store.id) is None
    assert said[0].startswith("doomed: 0 image sets deleted")
    assert said[-1] == "doomed: the data store is deleted"


def test_a_data_store_goes_once_the_job_that_fills_it_has_ended(store: Store) -> None:
    store.upload({f"in/{number}.dcm": ct_file(SOPInstanceUID=f"1.2.3.{number}") for number in range(20)})
    job = store.start()
    delete_store(store.imaging, Remaining(id=store.id, name="doomed", image_sets=0), Pace(QUICK), quiet)
    assert store_status(store.imaging, store.id) is None
    assert store.job(job)["jobStatus"] == "COMPLETED"


def test_a_table_goes_though_it_is_protected(aws: LocalAws) -> None:
    dynamodb, name = aws.client("dynamodb"), f"doomed-{uuid.uuid4().hex[:12]}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    delete_table(dynamodb, name)
    assert name not in dynamodb.list_tables()["TableNames"]
