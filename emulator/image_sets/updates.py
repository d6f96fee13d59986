"""UpdateImageSetMetadata: attributes changed, anything removed, or an older version brought back."""

from typing import Any

from emulator import events
from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ResourceNotFoundException, ValidationException
from emulator.image_sets import changes, contents, operations, versions
from emulator.image_sets.changes import Changes
from emulator.image_sets.contents import Content, Refused
from emulator.image_sets.reading import ImageSets
from emulator.storage import Row, Storage

KIND = "UpdateImageSetMetadata"


class Updates:
    """UpdateImageSetMetadata."""

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
        running.register(KIND, self._finish, self._fail)

    def update(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """UpdateImageSetMetadata.

        What the request alone shows to be wrong is refused at once; what does not fit the image set
        ends as a version in UPDATE_FAILED.
        """
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        with self._storage.arranging(datastore["id"]):
            image_set = self._image_sets.find(scope, datastore["id"], parameters["imageSetId"])
            versions.require_latest(image_set, parameters["latestVersionId"])
            request = self._request(image_set, parameters)
            others = self._others(image_set) if parameters.get("includeStudyImageSets") else []
            request["others"] = [each["id"] for each in others]
            forced = parameters.get("force", False)
            with self._storage.writing() as connection:
                self._running.begin(connection, KIND, datastore, image_set["id"], request)
                locked = versions.begin_next(connection, image_set, "UPDATING", forced=forced)
                events.image_set_changed(connection, datastore, locked, "Image Set Updating")
                for each in others:
                    status = "UPDATING_FOR_STUDY_CONSISTENCY"
                    other = versions.begin_next(connection, each, status, forced=forced)
                    events.image_set_changed(connection, datastore, other, "Image Set Updating")
        self._running.finish_later(image_set["id"])
        return {
            "datastoreId": datastore["id"],
            "imageSetId": image_set["id"],
            "latestVersionId": str(locked["version"]),
            "imageSetState": locked["state"],
            "imageSetWorkflowStatus": locked["workflow_status"],
            "createdAt": locked["created_at"],
            "updatedAt": locked["updated_at"],
        }

    def _request(self, image_set: Row, parameters: dict[str, Any]) -> dict[str, Any]:
        """What there is to do, checked as far as the request shows it."""
        given = parameters["updateImageSetMetadataUpdates"]
        if "revertToVersionId" in given:
            if parameters.get("includeStudyImageSets"):
                raise ValidationException("includeStudyImageSets cannot go with revertToVersionId")
            return {"revert": self._reverted(image_set, versions.number(given["revertToVersionId"]))}
        # The dictionary of DICOM is slow to load, and no other request needs it.
        from emulator.image_sets.constraints import check

        asked = changes.parse(given["DICOMUpdates"])
        check(
            asked,
            forced=parameters.get("force", False),
            is_primary=bool(image_set["is_primary"]),
            whole_study=parameters.get("includeStudyImageSets", False),
        )
        return {"removals": asked.removals, "updates": asked.updates}

    def _reverted(self, image_set: Row, number: int) -> int:
        if number == image_set["version"]:
            raise ValidationException(f"version {number} is the latest: name an earlier one to revert to")
        known = "SELECT 1 FROM image_set_versions WHERE image_set_id = ? AND version = ?"
        if not self._storage.row(known, image_set["id"], number):
            raise ResourceNotFoundException(f"image set {image_set['id']} has no version {number}")
        return number

    def _others(self, image_set: Row) -> list[Row]:
        """The other primary image sets of the study, which must not be locked."""
        others = self._storage.rows(
            "SELECT * FROM image_sets"
            " WHERE datastore_id = ? AND study_instance_uid = ? AND is_primary AND id != ? ORDER BY id",
            image_set["datastore_id"],
            image_set["study_instance_uid"],
            image_set["id"],
        )
        for each in others:
            versions.require_latest(each, str(each["version"]))
        return others

    def _finish(self, operation: Row, datastore: Row, request: dict[str, Any]) -> None:
        ids = [operation["image_set_id"], *request["others"]]
        rows = [self._row(each) for each in ids]
        try:
            changed = [self._changed(row, request, is_asked=row is rows[0]) for row in rows]
            for row, content in zip(rows, changed, strict=True):
                contents.write(self._storage, row, content)
        except Refused as error:
            self._fail(operation, datastore, request, str(error))
            return
        from emulator.image_sets.grouping_attributes import conflict_key, found_by

        with self._storage.writing() as connection:
            for row, content in zip(rows, changed, strict=True):
                contents.store(connection, row["id"], content)
                key = conflict_key(content.levels)
                contents.store_levels(connection, row["id"], content, found_by(content.levels), key)
                versions.settle(connection, datastore, row["id"], "UPDATED", "Image Set Updated")
            operations.end(connection, operation)

    def _fail(self, operation: Row, datastore: Row, request: dict[str, Any], message: str) -> None:
        with self._storage.writing() as connection:
            for each in (operation["image_set_id"], *request["others"]):
                versions.fail(
                    connection, datastore, each, "UPDATE_FAILED", "Image Set Update Failed", message
                )
            operations.end(connection, operation)

    def _changed(self, row: Row, request: dict[str, Any], *, is_asked: bool) -> Content:
        if "revert" in request:
            return contents.read_version(self._storage, row, request["revert"])
        asked = Changes(removals=request["removals"], updates=request["updates"])
        content = contents.read(self._storage, row)
        return changes.apply(content, asked if is_asked else asked.of_the_study())

    def _row(self, image_set_id: str) -> Row:
        row = self._storage.row("SELECT * FROM image_sets WHERE id = ?", image_set_id)
        assert row is not None
        return row
