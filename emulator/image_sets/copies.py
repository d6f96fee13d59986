"""CopyImageSet: instances of one image set into a new one, or into one that exists."""

import secrets
import sqlite3
from typing import Any

from emulator import events
from emulator.aws import Aws, Scope
from emulator.datastores import Datastores
from emulator.errors import AccessDeniedException, ServiceQuotaExceededException, ValidationException
from emulator.image_sets import contents, operations, versions
from emulator.image_sets.changes import tree
from emulator.image_sets.contents import Content, Refused
from emulator.image_sets.reading import ImageSets
from emulator.storage import Row, Storage, now

KIND = "CopyImageSet"
FRAMES = 1_000


class Copies:
    """CopyImageSet."""

    def __init__(
        self,
        storage: Storage,
        datastores: Datastores,
        image_sets: ImageSets,
        running: operations.Operations,
        aws: Aws,
    ) -> None:
        self._storage = storage
        self._aws = aws
        self._datastores = datastores
        self._image_sets = image_sets
        self._running = running
        running.register(KIND, self._finish, self._fail)

    def copy(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """CopyImageSet. Without a destination the instances go to a new image set."""
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        information = parameters["copyImageSetInformation"]
        promote = parameters.get("promoteToPrimary", False)
        forced = parameters.get("force", False)
        if promote and "destinationImageSet" in information:
            raise ValidationException(
                "promoteToPrimary chooses the destination: leave destinationImageSet out"
            )
        with self._storage.arranging(datastore["id"]):
            source = self._image_sets.find(scope, datastore["id"], parameters["sourceImageSetId"])
            versions.require_latest(source, information["sourceImageSet"]["latestVersionId"])
            if promote and source["is_primary"]:
                raise ValidationException(f"image set {source['id']} is primary already")
            chosen = self._chosen(source, information["sourceImageSet"].get("DICOMCopies"))
            destination = self._destination(scope, source, information.get("destinationImageSet"), promote)
            if destination:
                self._authorise(datastore, destination)
            request = {"source": source["id"], "status": source["workflow_status"], "instances": chosen}
            with self._storage.writing() as connection:
                copied = (
                    versions.begin_next(connection, destination, "COPYING", forced=forced)
                    if destination
                    else _new(connection, source, len(chosen), is_primary=promote, forced=forced)
                )
                read = versions.move(connection, source["id"], "LOCKED", "COPYING_WITH_READ_ONLY_ACCESS")
                into_new = destination is None
                self._running.begin(
                    connection,
                    KIND,
                    datastore,
                    copied["id"],
                    {**request, "forced": forced, "into_new": into_new},
                )
                events.image_set_changed(connection, datastore, copied, "Image Set Copying", source["id"])
                events.image_set_changed(
                    connection, datastore, read, "Image Set Copying With Read Only Access"
                )
        self._running.finish_later(copied["id"])
        return {
            "datastoreId": datastore["id"],
            "sourceImageSetProperties": _properties(datastore, read),
            "destinationImageSetProperties": _properties(datastore, copied),
        }

    def _authorise(self, datastore: Row, destination: Row) -> None:
        """The path of the request names the source alone, and both must be allowed."""
        arn = events.image_set_arn(datastore, destination["id"])
        if not self._aws.allows(KIND, arn):
            raise AccessDeniedException(
                f"the caller is not authorized to perform: medical-imaging:{KIND} on resource: {arn}"
            )

    def _destination(
        self, scope: Scope, source: Row, given: dict[str, Any] | None, promote: bool
    ) -> Row | None:
        """The image set that takes the copy in, unless it is a new one."""
        if given:
            if given["imageSetId"] == source["id"]:
                raise ValidationException("the source and the destination are the same image set")
            found = self._image_sets.find(scope, source["datastore_id"], given["imageSetId"])
            versions.require_latest(found, given["latestVersionId"])
            return found
        if not promote:
            return None
        primary = self._storage.row(
            "SELECT * FROM image_sets WHERE datastore_id = ? AND series_instance_uid = ? AND is_primary",
            source["datastore_id"],
            source["series_instance_uid"],
        )
        if primary:
            versions.require_latest(primary, str(primary["version"]))
        return primary

    def _chosen(self, source: Row, copies: dict[str, str] | None) -> list[str]:
        """The SOP instance UIDs to copy, in the order of the source."""
        content = contents.read(self._storage, source)
        asked = _asked(content, copies["copiableAttributes"]) if copies else content.instances.keys()
        chosen = [uid for uid in content.instances if uid in asked]
        frames = sum(len(contents.frame_ids(content.instances[uid])) for uid in chosen)
        if frames > FRAMES:
            raise ServiceQuotaExceededException(
                f"the instances to copy have {frames} image frames: one request copies at most {FRAMES}"
            )
        return chosen

    def _finish(self, operation: Row, datastore: Row, request: dict[str, Any]) -> None:
        source, destination = self._row(request["source"]), self._row(operation["image_set_id"])
        content = contents.read(self._storage, source)
        chosen = {uid: content.instances[uid] for uid in request["instances"]}
        try:
            copied = self._copied(destination, content, chosen, request)
            contents.write(self._storage, destination, copied)
        except Refused as error:
            self._fail(operation, datastore, request, str(error))
            return
        with self._storage.writing() as connection:
            contents.store(connection, destination["id"], copied)
            _share_frames(connection, source["id"], destination["id"], chosen)
            versions.settle(connection, datastore, destination["id"], "COPIED", "Image Set Copied")
            self._end(connection, operation, request)

    def _fail(self, operation: Row, datastore: Row, request: dict[str, Any], message: str) -> None:
        destination = operation["image_set_id"]
        with self._storage.writing() as connection:
            versions.fail(connection, datastore, destination, "COPY_FAILED", "Image Set Copy Failed", message)
            self._end(connection, operation, request)

    def _copied(
        self, destination: Row, source: Content, chosen: dict[str, bytes], request: dict[str, Any]
    ) -> Content:
        if request["into_new"]:
            return Content(
                levels=source.levels, series_instance_uid=source.series_instance_uid, instances=chosen
            )
        return merged(source, chosen, contents.read(self._storage, destination), forced=request["forced"])

    def _end(self, connection: sqlite3.Connection, operation: Row, request: dict[str, Any]) -> None:
        versions.move(connection, request["source"], "ACTIVE", request["status"])
        operations.end(connection, operation)

    def _row(self, image_set_id: str) -> Row:
        row = self._storage.row("SELECT * FROM image_sets WHERE id = ?", image_set_id)
        assert row is not None
        return row


def merged(source: Content, chosen: dict[str, bytes], destination: Content, *, forced: bool) -> Content:
    """The destination with the chosen instances of the source. Raises Refused when they do not go together.

    With force the Patient, Study and Series attributes of the destination stand, whatever the source has.
    """
    if chosen.keys() & destination.instances.keys():
        raise Refused("SOP Instance UIDs of SourceImageSet and DestinationImageSet are not unique")
    for level in ("Series", "Study", "Patient"):
        if not forced and source.levels[level] != destination.levels[level]:
            raise Refused(f"{level} of SourceImageSet and DestinationImageSet don't match")
    return Content(
        levels=destination.levels,
        series_instance_uid=destination.series_instance_uid,
        instances={**destination.instances, **chosen},
    )


def _asked(content: Content, copiable: str) -> set[str]:
    series = tree(copiable, "copiableAttributes").get("Study", {}).get("Series", {})
    asked = {uid for each in series.values() for uid in each.get("Instances", {})}
    if series.keys() != {content.series_instance_uid} or not asked:
        raise ValidationException("copiableAttributes does not name instances of the source's one Series")
    if asked - content.instances.keys():
        raise ValidationException("copiableAttributes names a SOP Instance that the source does not have")
    return asked


def _new(
    connection: sqlite3.Connection, source: Row, instance_count: int, *, is_primary: bool, forced: bool
) -> Row:
    """The row of an image set that nothing is copied into yet."""
    at = now()
    values = {
        **dict(source),
        "id": secrets.token_hex(16),
        "is_primary": int(is_primary),
        "version": 1,
        "state": "LOCKED",
        "workflow_status": "COPYING",
        "created_at": at,
        "updated_at": at,
        "accessed_at": at,
        "instance_count": instance_count,
    }
    connection.execute(
        f"INSERT INTO image_sets ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
        tuple(values.values()),
    )
    versions.insert(connection, values, document=None, forced=forced)
    row: Row = connection.execute("SELECT * FROM image_sets WHERE id = ?", (values["id"],)).fetchone()
    return row


def _share_frames(
    connection: sqlite3.Connection, source: str, destination: str, chosen: dict[str, bytes]
) -> None:
    """Frames and values kept apart are not copied: both image sets name the same places of the same files."""
    connection.executemany(
        "INSERT OR IGNORE INTO frames SELECT ?, id, file, start, size FROM frames"
        " WHERE image_set_id = ? AND id = ?",
        [
            (destination, source, each)
            for metadata in chosen.values()
            for each in contents.stored_ids(metadata)
        ],
    )


def _properties(datastore: Row, image_set: Row) -> dict[str, Any]:
    return {
        "imageSetId": image_set["id"],
        "latestVersionId": str(image_set["version"]),
        "imageSetState": image_set["state"],
        "imageSetWorkflowStatus": image_set["workflow_status"],
        "createdAt": image_set["created_at"],
        "updatedAt": image_set["updated_at"],
        "imageSetArn": events.image_set_arn(datastore, image_set["id"]),
    }
