"""Tags of data stores and image sets."""

import sqlite3
from typing import Any

from emulator import events
from emulator.aws import Scope
from emulator.errors import ResourceNotFoundException, ValidationException
from emulator.storage import Storage

MAX_TAGS = 50


class Tags:
    """TagResource, UntagResource and ListTagsForResource."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        arn = self._existing(scope, parameters["resourceArn"])
        with self._storage.writing() as connection:
            put(connection, arn, parameters["tags"])
        return {}

    def remove(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        arn = self._existing(scope, parameters["resourceArn"])
        with self._storage.writing() as connection:
            connection.executemany(
                "DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in parameters["tagKeys"]]
            )
        return {}

    def list(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        return {"tags": self.of(self._existing(scope, parameters["resourceArn"]))}

    def of(self, arn: str) -> dict[str, str]:
        """The tags of that ARN, be there such a resource or not."""
        rows = self._storage.rows("SELECT key, value FROM tags WHERE arn = ?", arn)
        return {row["key"]: row["value"] for row in rows}

    def _existing(self, scope: Scope, arn: str) -> str:
        """The ARN, which must name a data store, or an image set of one, of this account and Region."""
        parts = arn.split(":")[5].split("/")
        datastore = self._storage.row(
            "SELECT * FROM datastores WHERE id = ? AND account = ? AND region = ? AND status != 'DELETED'",
            parts[1],
            *scope,
        )
        if datastore is None or not arn.startswith(events.datastore_arn(datastore)):
            raise ResourceNotFoundException(f"resource {arn} does not exist")
        image_set = "SELECT 1 FROM image_sets WHERE id = ? AND datastore_id = ?"
        if len(parts) == 4 and not self._storage.row(image_set, parts[3], parts[1]):
            raise ResourceNotFoundException(f"resource {arn} does not exist")
        return arn


def put(connection: sqlite3.Connection, arn: str, tags: dict[str, str]) -> None:
    """Add tags, or change the values of those that are there."""
    connection.executemany("REPLACE INTO tags VALUES (?, ?, ?)", [(arn, *tag) for tag in tags.items()])
    (count,) = connection.execute("SELECT count(*) FROM tags WHERE arn = ?", (arn,)).fetchone()
    if count > MAX_TAGS:
        raise ValidationException(f"{count} tags on one resource: at most {MAX_TAGS} are allowed")


def forget(connection: sqlite3.Connection, arn: str) -> None:
    """Remove every tag of a resource that is gone."""
    connection.execute("DELETE FROM tags WHERE arn = ?", (arn,))
