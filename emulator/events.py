"""EventBridge events: written with the change they tell of, published after it.

An event leaves the table only once published, so a crash between the two repeats
it and never loses it.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws import Scope
from emulator.storage import Row, Storage

IMAGING_VERSION = "1.0"

Publish = Callable[[Scope, str, Mapping[str, Any], list[str]], None]


def datastore_arn(datastore: Row) -> str:
    return f"arn:aws:medical-imaging:{datastore['region']}:{datastore['account']}:datastore/{datastore['id']}"


def image_set_arn(datastore: Row, image_set_id: str) -> str:
    return f"{datastore_arn(datastore)}/imageset/{image_set_id}"


def datastore_changed(connection: sqlite3.Connection, datastore: Row, status: str, detail_type: str) -> None:
    """Record an event of a data store, for `Outbox.flush` to publish."""
    detail = {
        "datastoreId": datastore["id"],
        "datastoreName": datastore["name"],
        "datastoreStatus": status,
    }
    _add(connection, datastore, detail_type, detail, datastore_arn(datastore))


def job_changed(
    connection: sqlite3.Connection, datastore: Row, job: Row, status: str, detail_type: str
) -> None:
    """Record an event of an import job, for `Outbox.flush` to publish."""
    detail = {
        "datastoreId": datastore["id"],
        "jobId": job["id"],
        "jobName": job["name"],
        "jobStatus": status,
        "inputS3Uri": job["input_uri"],
        "outputS3Uri": job["output_uri"],
    }
    _add(connection, datastore, detail_type, detail, datastore_arn(datastore))


def image_set_changed(
    connection: sqlite3.Connection,
    datastore: Row,
    image_set: Row | Mapping[str, Any],
    detail_type: str,
    source: str | None = None,
) -> None:
    """Record an event of an image set, for `Outbox.flush` to publish. `source` is what it is copied from."""
    detail = {
        "isPrimary": bool(image_set["is_primary"]),
        # Text here, a number in the manifests: AWS's own difference.
        "imageSetVersion": str(image_set["version"]),
        "datastoreId": datastore["id"],
        "imagesetId": image_set["id"],
        "imageSetState": image_set["state"],
        "imageSetWorkflowStatus": image_set["workflow_status"],
        **({"sourceImageSetArn": image_set_arn(datastore, source)} if source else {}),
    }
    _add(connection, datastore, detail_type, detail, image_set_arn(datastore, image_set["id"]))


def _add(
    connection: sqlite3.Connection, datastore: Row, detail_type: str, detail: dict[str, Any], resource: str
) -> None:
    connection.execute(
        "INSERT INTO events (account, region, detail_type, detail, resource) VALUES (?, ?, ?, ?, ?)",
        (
            datastore["account"],
            datastore["region"],
            detail_type,
            json.dumps({"imagingVersion": IMAGING_VERSION, **detail}),
            resource,
        ),
    )


class Outbox:
    """Publishes recorded events, in the order they were recorded."""

    def __init__(self, storage: Storage, publish: Publish) -> None:
        self._storage = storage
        self._publish = publish
        self._one_at_a_time = threading.Lock()

    def flush(self) -> None:
        with self._one_at_a_time:
            for event in self._storage.rows("SELECT * FROM events ORDER BY sequence"):
                scope = Scope(event["account"], event["region"])
                self._publish(scope, event["detail_type"], json.loads(event["detail"]), [event["resource"]])
                with self._storage.writing() as connection:
                    connection.execute("DELETE FROM events WHERE sequence = ?", (event["sequence"],))
