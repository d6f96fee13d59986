"""What AWS says is still there of a deployment."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from cli.remains import Bucket, Remains, Store
from config.deployment import Deployment

# A stack goes after those that use what it exports. The trails of the Audit stack record the emptying.
BEFORE_THE_DATA = ("watch", "people", "import", "network")
AFTER_THE_DATA = ("audit", "access", "data")
STORES = ("AWS::HealthImaging::Datastore", "Custom::HealthImagingDatastore")

Clients = Callable[[str], Any]


def stack_name(deployment: Deployment, stack: str) -> str:
    return f"ahi-{deployment.name}-{stack}"


def find_remains(deployment: Deployment, client: Clients, tell: Callable[[str], None]) -> Remains:
    """Count what there is. What an earlier `ahi destroy` deleted is no longer found."""
    cloudformation = client("cloudformation")
    names = [stack_name(deployment, stack) for stack in (*BEFORE_THE_DATA, *AFTER_THE_DATA)]
    stacks = [name for name in names if stack_status(cloudformation, name)]
    data = stack_name(deployment, "data")
    if data not in stacks:
        return Remains(stacks=tuple(stacks))
    made = _resources(cloudformation, data)
    tell("counting image sets and objects")
    return Remains(
        stacks=tuple(stacks),
        stores=tuple(_stores(client("medical-imaging"), [id for kind in STORES for id in made(kind)])),
        buckets=tuple(_buckets(client("s3"), made("AWS::S3::Bucket"))),
        tables=tuple(_tables(client("dynamodb"), made("AWS::DynamoDB::Table"))),
        keys=tuple(_keys(client("kms"), made("AWS::KMS::Key"))),
    )


def stack_status(cloudformation: Any, name: str) -> str | None:
    """The stack's status; None once it is gone."""
    try:
        status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return None if status == "DELETE_COMPLETE" else status


def store_status(imaging: Any, datastore_id: str) -> str | None:
    """The data store's status; None once it is gone."""
    found = _store(imaging, datastore_id)
    return found and str(found["datastoreStatus"])


def _store(imaging: Any, datastore_id: str) -> Any:
    try:
        found = imaging.get_datastore(datastoreId=datastore_id)["datastoreProperties"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return None if found["datastoreStatus"] == "DELETED" else found


def _resources(cloudformation: Any, stack: str) -> Callable[[str], list[str]]:
    """The physical ids of a stack's resources by their type."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    made = [
        (resource["ResourceType"], resource["PhysicalResourceId"])
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    return lambda kind: [physical_id for type_, physical_id in made if type_ == kind]


def _stores(imaging: Any, ids: list[str]) -> Iterator[Store]:
    for datastore_id in ids:
        if found := _store(imaging, datastore_id):
            number = _image_sets(imaging, datastore_id) if found["datastoreStatus"] == "ACTIVE" else 0
            yield Store(id=datastore_id, name=found["datastoreName"], image_sets=number)


def _image_sets(imaging: Any, datastore_id: str) -> int:
    pages = imaging.get_paginator("search_image_sets").paginate(datastoreId=datastore_id)
    return sum(len(page["imageSetsMetadataSummaries"]) for page in pages)


def _buckets(s3: Any, names: list[str]) -> Iterator[Bucket]:
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for name in names:
        if name in there:
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
            number = sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages)
            yield Bucket(name=name, versions=number)


def _tables(dynamodb: Any, names: list[str]) -> Iterator[str]:
    there = {name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]}
    return (name for name in names if name in there)


def _keys(kms: Any, ids: list[str]) -> Iterator[str]:
    for key_id in ids:
        if kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield key_id
