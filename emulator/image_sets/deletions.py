"""DeleteImageSet: the image set and all its versions go, and every frame that no other image set has."""

import sqlite3
from typing import Any

from emulator import events, tags
from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ConflictException
from emulator.image_sets import operations, versions
from emulator.image_sets.metadata import metadata_file
from emulator.image_sets.reading import ImageSets
from emulator.storage import Row, Storage, now

KIND = "DeleteImageSet"


class Deletions:
    """DeleteImageSet."""

    def __init__(
        self,
        storage: Storage,
        datastores: Datastores,
        image_sets: ImageSets,
        running: operations.Operations,
    ) -> None:
        self._storage = storage
        self._datastores = datastores
        self._image_sets = image_sets
        self._running = running
        running.register(KIND, self._finish)

    def delete(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """DeleteImageSet."""
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        with self._storage.arranging(datastore["id"]):
            image_set = self._image_sets.find(scope, datastore["id"], parameters["imageSetId"])
            if image_set["state"] != "ACTIVE":
                raise ConflictException(
                    f"image set {image_set['id']} is {image_set['state']} and "
                    f"{image_set['workflow_status']}: wait until it is ACTIVE"
                )
            with self._storage.writing() as connection:
                self._running.begin(connection, KIND, datastore, image_set["id"], {})
                locked = versions.move(connection, image_set["id"], "LOCKED", "DELETING")
                events.image_set_changed(connection, datastore, locked, "Image Set Deleting")
        self._running.finish_later(image_set["id"])
        return {
            "datastoreId": datastore["id"],
            "imageSetId": image_set["id"],
            "imageSetState": "LOCKED",
            "imageSetWorkflowStatus": "DELETING",
        }

    def resume(self) -> None:
        """Remove the files of what was deleted when the process ended."""
        for row in self._storage.rows("SELECT path FROM garbage"):
            self._remove(row["path"])

    def _finish(self, operation: Row, datastore: Row, _request: dict[str, Any]) -> None:
        image_set_id = operation["image_set_id"]
        with self._storage.writing() as connection:
            garbage = [*self._frame_files(connection, image_set_id), *self._documents(image_set_id)]
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(path,) for path in garbage])
            deleted = versions.move(connection, image_set_id, "DELETED", "DELETED")
            events.image_set_changed(connection, datastore, deleted, "Image Set Deleted")
            tags.forget(connection, events.image_set_arn(datastore, image_set_id))
            _delete_rows(connection, image_set_id)
            operations.end(connection, operation)
        # Only what no row names any more: a crash here leaves garbage, and never a row without its file.
        for path in garbage:
            self._remove(path)

    def _frame_files(self, connection: sqlite3.Connection, image_set_id: str) -> list[str]:
        rows = connection.execute(
            "SELECT DISTINCT file FROM frames AS own WHERE image_set_id = ? AND NOT EXISTS"
            " (SELECT 1 FROM frames AS other WHERE other.file = own.file"
            "  AND other.image_set_id != own.image_set_id)",
            (image_set_id,),
        )
        return [str((self._storage.frames / row["file"]).relative_to(self._storage.folder)) for row in rows]

    def _documents(self, image_set_id: str) -> list[str]:
        """Where any version may have left its document, one that failed too."""
        query = "SELECT version FROM image_set_versions WHERE image_set_id = ?"
        rows = self._storage.rows(query, image_set_id)
        files = [metadata_file(self._storage, image_set_id, row["version"]) for row in rows]
        return [str(file.relative_to(self._storage.folder)) for file in files]

    def _remove(self, path: str) -> None:
        (self._storage.folder / path).unlink(missing_ok=True)
        with self._storage.writing() as connection:
            connection.execute("DELETE FROM garbage WHERE path = ?", (path,))


def _delete_rows(connection: sqlite3.Connection, image_set_id: str) -> None:
    own = (image_set_id,)
    connection.execute(
        "INSERT INTO deleted_image_sets SELECT id, datastore_id, version, accessed_at"
        " FROM image_sets WHERE id = ?",
        own,
    )
    connection.execute(
        "UPDATE image_set_versions SET state = 'DELETED', deleted_at = ? WHERE image_set_id = ?",
        (now(), image_set_id),
    )
    connection.execute("DELETE FROM frames WHERE image_set_id = ?", own)
    connection.execute("DELETE FROM instances WHERE image_set_id = ?", own)
    connection.execute("DELETE FROM image_sets WHERE id = ?", own)
