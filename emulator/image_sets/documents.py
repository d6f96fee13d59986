"""The image set metadata documents that DICOMweb reads, the last few of them kept parsed."""

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ResourceNotFoundException
from emulator.image_sets.metadata import metadata_file
from emulator.storage import Row, Storage

KEPT = 8
LEVELS_ABOVE = ("Patient", "Study")


class Instance(NamedTuple):
    """One instance with everything above it: its `attributes` by key, the VRs of those that need one.

    Frames that were transcoded were encoded, and then verified, by the service itself.
    """

    attributes: dict[str, Any]
    vrs: dict[str, str]
    transfer_syntax_uid: str
    frame_ids: list[str]
    is_transcoded: bool


class Documents:
    """Series and instances of a data store, as their image sets' newest metadata has them."""

    def __init__(self, storage: Storage, datastores: Datastores) -> None:
        self._storage = storage
        self._datastores = datastores
        self._parsed = lru_cache(maxsize=KEPT)(self._parse)

    def image_set(self, scope: Scope, labels: Mapping[str, str], image_set_id: str | None) -> Row:
        """The image set of a series: its primary one, unless another is named."""
        datastore = self._datastores.find_active(scope, labels["datastore"])
        row = self._storage.row(
            "SELECT image_sets.*, document FROM image_sets JOIN image_set_versions AS latest"
            " ON image_set_id = id AND latest.version = image_sets.version"
            " WHERE datastore_id = ? AND study_instance_uid = ? AND series_instance_uid = ?"
            " AND document IS NOT NULL AND (image_sets.is_primary AND ? IS NULL OR id = ?)",
            datastore["id"],
            labels["study"],
            labels["series"],
            image_set_id,
            image_set_id,
        )
        if row is None:
            raise ResourceNotFoundException("the series does not exist in this data store or image set")
        return row

    def instances(self, image_set: Row) -> list[Instance]:
        """Every instance of the image set's newest metadata."""
        return [self._instance(image_set, each) for each in self._series(image_set)["Instances"].values()]

    def instance(self, image_set: Row, sop_instance_uid: str) -> Instance:
        """One instance of it. Raises ResourceNotFoundException."""
        found = self._series(image_set)["Instances"].get(sop_instance_uid)
        if found is None:
            raise ResourceNotFoundException("the instance does not exist in this series")
        return self._instance(image_set, found)

    def _instance(self, image_set: Row, own: dict[str, Any]) -> Instance:
        document = self._parsed(image_set["id"], image_set["document"])
        levels = [*(document[level] for level in LEVELS_ABOVE), self._series(image_set), own]
        return Instance(
            {key: value for level in levels for key, value in level["DICOM"].items()},
            {key: vr for level in levels for key, vr in level.get("DICOMVRs", {}).items()},
            own["StoredTransferSyntaxUID"],
            [frame["ID"] for frame in own["ImageFrames"]],
            all(frame["MinPixelValue"] is not None for frame in own["ImageFrames"]),
        )

    def _series(self, image_set: Row) -> dict[str, Any]:
        document = self._parsed(image_set["id"], image_set["document"])
        # An update may have taken the last instance out, and the series with it.
        empty: dict[str, Any] = {"DICOM": {}, "Instances": {}}
        found: dict[str, Any] = document["Study"]["Series"].get(image_set["series_instance_uid"], empty)
        return found

    def _parse(self, image_set_id: str, version: int) -> dict[str, Any]:
        path = metadata_file(self._storage, image_set_id, version)
        try:
            document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
        except FileNotFoundError as error:
            raise ResourceNotFoundException("the image set was deleted while it was read") from error
        return document
