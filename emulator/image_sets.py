"""Image sets: their properties, metadata and frames, by version."""

from pathlib import Path
from typing import Any

from emulator import events
from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ResourceNotFoundException
from emulator.storage import Row, Storage


class ImageSets:
    """GetImageSet, GetImageSetMetadata and GetImageFrame."""

    def __init__(self, storage: Storage, datastores: Datastores) -> None:
        self._storage = storage
        self._datastores = datastores

    def get(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        datastore, image_set = self._find(scope, parameters)
        version = self._version(image_set, parameters)
        return {
            "datastoreId": datastore["id"],
            "imageSetId": image_set["id"],
            "versionId": str(version["version"]),
            "imageSetState": version["state"],
            "imageSetWorkflowStatus": version["workflow_status"],
            "createdAt": version["created_at"],
            "updatedAt": version["updated_at"],
            "imageSetArn": events.image_set_arn(datastore, image_set["id"]),
            "isPrimary": bool(image_set["is_primary"]),
            "storageTier": "FREQUENT_ACCESS",
        }

    def metadata(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetImageSetMetadata: the gzip document of the asked, or the newest, version."""
        _, image_set = self._find(scope, parameters)
        version = self._version(image_set, parameters)
        document = metadata_file(self._storage, image_set["id"], version["version"])
        return {
            "imageSetMetadataBlob": document.read_bytes(),
            "contentType": "application/json",
            "contentEncoding": "gzip",
        }

    def frame(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetImageFrame: one frame, as encoded."""
        _, image_set = self._find(scope, parameters)
        frame_id = parameters["imageFrameInformation"]["imageFrameId"]
        row = self._storage.row(
            "SELECT * FROM frames WHERE image_set_id = ? AND id = ?", image_set["id"], frame_id
        )
        if row is None:
            raise ResourceNotFoundException(f"image frame {frame_id} does not exist in this image set")
        with (self._storage.frames / row["file"]).open("rb") as file:
            file.seek(row["start"])
            data = file.read(row["size"])
        return {"imageFrameBlob": data, "contentType": "application/octet-stream"}

    def _find(self, scope: Scope, parameters: dict[str, Any]) -> tuple[Row, Row]:
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        image_set_id = parameters["imageSetId"]
        row = self._storage.row(
            "SELECT * FROM image_sets WHERE id = ? AND datastore_id = ?", image_set_id, datastore["id"]
        )
        if row is None:
            raise ResourceNotFoundException(f"image set {image_set_id} does not exist")
        return datastore, row

    def _version(self, image_set: Row, parameters: dict[str, Any]) -> Row:
        number = int(parameters.get("versionId", image_set["version"]))
        row = self._storage.row(
            "SELECT * FROM image_set_versions WHERE image_set_id = ? AND version = ?", image_set["id"], number
        )
        if row is None:
            raise ResourceNotFoundException(f"image set {image_set['id']} has no version {number}")
        return row


def metadata_file(storage: Storage, image_set_id: str, version: int) -> Path:
    """Where the metadata of one version of an image set lies."""
    return storage.metadata / image_set_id[:2] / f"{image_set_id}.{version}.json.gz"
