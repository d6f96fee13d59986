"""Create a data store with what only the API can set, its lossless storage format."""

import time
from collections.abc import Callable
from typing import Any

import boto3

from lambdas.datastore.response import Answer, Event, put, respond

POLL_SECONDS = 5
FIXED = ("DatastoreName", "KmsKeyArn", "LosslessStorageFormat")


class DatastoreError(Exception):
    """A data store was not made, or may not be changed."""


def handle(event: Event, context: object) -> None:
    client = boto3.client("medical-imaging")
    respond(event, lambda request: answer(request, client, time.sleep), put)


def answer(event: Event, client: Any, sleep: Callable[[float], None]) -> Answer:
    """The data store of this request. A data store is never deleted here, and never changed."""
    if event["RequestType"] == "Create":
        return _create(event, client, sleep)
    if event["RequestType"] == "Update":
        _refuse_changes(event)
        return event["PhysicalResourceId"], _attributes(client, event["PhysicalResourceId"])
    return event["PhysicalResourceId"], {}


def _create(event: Event, client: Any, sleep: Callable[[float], None]) -> Answer:
    wanted = event["ResourceProperties"]
    datastore_id = client.create_datastore(
        datastoreName=wanted["DatastoreName"],
        kmsKeyArn=wanted["KmsKeyArn"],
        losslessStorageFormat=wanted["LosslessStorageFormat"],
        clientToken=event["RequestId"],
    )["datastoreId"]
    while (status := _properties(client, datastore_id)["datastoreStatus"]) == "CREATING":
        sleep(POLL_SECONDS)
    if status != "ACTIVE":
        raise DatastoreError(f"the data store {datastore_id} is {status}, not ACTIVE")
    return datastore_id, _attributes(client, datastore_id)


def _refuse_changes(event: Event) -> None:
    new, old = event["ResourceProperties"], event["OldResourceProperties"]
    for name in FIXED:
        if new[name] != old[name]:
            raise DatastoreError(f"{name} of a data store cannot change; make another data store")


def _attributes(client: Any, datastore_id: str) -> dict[str, str]:
    return {"DatastoreId": datastore_id, "DatastoreArn": _properties(client, datastore_id)["datastoreArn"]}


def _properties(client: Any, datastore_id: str) -> Any:
    return client.get_datastore(datastoreId=datastore_id)["datastoreProperties"]
