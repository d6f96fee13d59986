"""Image sets as they are read: their properties, metadata and frames, by version."""

from pathlib import Path
from typing import Any

from emulator import events, pages
from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ConflictException, ResourceNotFoundException
from emulator.image_sets import tiers, versions
from emulator.image_sets.metadata import metadata_file
from emulator.storage import Row, Storage


class ImageSets:
    """GetImageSet, ListImageSetVersions, GetImageSetMetadata and GetImageFrame."""

    def __init__(self, storage: Storage, datastores: Datastores) -> None:
        self._storage = storage
        self._datastores = datastores

    def get(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetImageSet. One that is deleted still tells that it was."""
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        image_set = self._find_ever(datastore, parameters["imageSetId"])
        version = self._version(image_set, parameters)
        return {
            "datastoreId": datastore["id"],
            "imageSetArn": events.image_set_arn(datastore, image_set["id"]),
            "imageSetWorkflowStatus": version["workflow_status"],
            **_properties(version),
            **tiers.tier(image_set),
        }

    def list_versions(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """ListImageSetVersions, the newest first."""
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        image_set = self._find_ever(datastore, parameters["imageSetId"])
        size = parameters.get("maxResults", pages.PAGE_SIZE)
        before, _ = pages.position(parameters.get("nextToken")) or (image_set["version"] + 1, "")
        rows = self._storage.rows(
            "SELECT *, image_set_id AS id FROM image_set_versions WHERE image_set_id = ? AND version < ?"
            " ORDER BY version DESC LIMIT ?",
            image_set["id"],
            before,
            size + 1,
        )
        page, token = pages.cut(rows, size, "version")
        # Spelled with a capital here and nowhere else: AWS's own difference.
        found = [{"ImageSetWorkflowStatus": row["workflow_status"], **_properties(row)} for row in page]
        return {"imageSetPropertiesList": found, **({"nextToken": token} if token else {})}

    def metadata(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetImageSetMetadata: the gzip document of the asked, or the newest, version."""
        image_set = self.find(scope, parameters["datastoreId"], parameters["imageSetId"])
        version = self._version(image_set, parameters)
        if version["document"] is None:
            raise ConflictException(f"image set {image_set['id']} is being copied: wait until it is ACTIVE")
        blob = _read(metadata_file(self._storage, image_set["id"], version["document"]))
        tiers.touch(self._storage, image_set)
        return {
            "imageSetMetadataBlob": blob,
            "contentType": "application/json",
            "contentEncoding": "gzip",
        }

    def frame(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetImageFrame: one frame, as encoded, of any version of the image set."""
        image_set = self.find(scope, parameters["datastoreId"], parameters["imageSetId"])
        frame_id = parameters["imageFrameInformation"]["imageFrameId"]
        row = self._storage.row(
            "SELECT * FROM frames WHERE image_set_id = ? AND id = ?", image_set["id"], frame_id
        )
        if row is None:
            raise ResourceNotFoundException(f"image frame {frame_id} does not exist in this image set")
        data = _read(self._storage.frames / row["file"], row["start"], row["size"])
        tiers.touch(self._storage, image_set)
        return {"imageFrameBlob": data, "contentType": "application/octet-stream"}

    def find(self, scope: Scope, datastore_id: str, image_set_id: str) -> Row:
        """The image set, which must be there."""
        datastore = self._datastores.find_active(scope, datastore_id)
        row = self._row("image_sets", datastore, image_set_id)
        if row is None:
            raise ResourceNotFoundException(f"image set {image_set_id} does not exist")
        return row

    def _find_ever(self, datastore: Row, image_set_id: str) -> Row:
        row = self._row("image_sets", datastore, image_set_id) or self._row(
            "deleted_image_sets", datastore, image_set_id
        )
        if row is None:
            raise ResourceNotFoundException(f"image set {image_set_id} does not exist")
        return row

    def _row(self, table: str, datastore: Row, image_set_id: str) -> Row | None:
        query = f"SELECT * FROM {table} WHERE id = ? AND datastore_id = ?"  # noqa: S608
        return self._storage.row(query, image_set_id, datastore["id"])

    def _version(self, image_set: Row, parameters: dict[str, Any]) -> Row:
        asked: str = parameters.get("versionId", str(image_set["version"]))
        query = "SELECT * FROM image_set_versions WHERE image_set_id = ? AND version = ?"
        row = self._storage.row(query, image_set["id"], versions.number(asked))
        if row is None:
            raise ResourceNotFoundException(f"image set {image_set['id']} has no version {asked}")
        return row


def _read(path: Path, start: int = 0, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except FileNotFoundError as error:
        raise ResourceNotFoundException("the image set was deleted while it was read") from error


def _properties(version: Row) -> dict[str, Any]:
    required = {
        "imageSetId": version["image_set_id"],
        "versionId": str(version["version"]),
        "imageSetState": version["state"],
        "createdAt": version["created_at"],
        "updatedAt": version["updated_at"],
        "isPrimary": bool(version["is_primary"]),
    }
    optional = {
        "deletedAt": version["deleted_at"],
        "message": version["message"],
        "overrides": {"forced": True} if version["forced"] else None,
    }
    return {**required, **{name: value for name, value in optional.items() if value is not None}}
