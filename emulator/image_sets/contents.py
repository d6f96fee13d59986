"""What an image set holds at one version, as a value: read, and written as its next version."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.image_sets import search
from emulator.image_sets.metadata import TooLarge, document, metadata_file, write_document
from emulator.storage import Row, Storage, bulk_id

Levels = Mapping[str, dict[str, Any]]


class Refused(Exception):  # noqa: N818 - what happened
    """What was asked for does not fit the image set. The text is the message of the failed version."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"INVALID_REQUEST: {reason}.")


@dataclass(frozen=True, kw_only=True)
class Content:
    """Patient, Study and Series, and the instances below: SOP instance UID -> its JSON, compressed."""

    levels: Levels
    series_instance_uid: str
    instances: Mapping[str, bytes]


def read(storage: Storage, image_set: Row) -> Content:
    """What the image set holds now."""
    query = "SELECT sop_instance_uid, metadata FROM instances WHERE image_set_id = ? ORDER BY rowid"
    rows = storage.rows(query, image_set["id"])
    return Content(
        levels=json.loads(image_set["levels"]),
        series_instance_uid=image_set["series_instance_uid"],
        instances={row["sop_instance_uid"]: row["metadata"] for row in rows},
    )


def read_version(storage: Storage, image_set: Row, number: int) -> Content:
    """What the image set held at that version."""
    row = storage.row(
        "SELECT document FROM image_set_versions WHERE image_set_id = ? AND version = ?",
        image_set["id"],
        number,
    )
    assert row is not None
    return _parsed(metadata_file(storage, image_set["id"], row["document"]).read_bytes(), image_set)


def write(storage: Storage, image_set: Row, content: Content) -> None:
    """Write the metadata document of the version that the image set is locked at.

    Raises Refused when it is larger than HealthImaging allows.
    """
    data = document(
        image_set["datastore_id"],
        image_set["id"],
        dict(content.levels),
        content.series_instance_uid,
        content.instances.items(),
    )
    try:
        write_document(storage, image_set["id"], image_set["version"], data)
    except TooLarge as error:
        raise Refused(str(error)) from error


def store(connection: sqlite3.Connection, image_set_id: str, content: Content) -> None:
    """Write the rows of the instances, within the caller's transaction."""
    connection.execute("DELETE FROM instances WHERE image_set_id = ?", (image_set_id,))
    connection.executemany(
        "INSERT INTO instances VALUES (?, ?, ?)",
        [(image_set_id, uid, metadata) for uid, metadata in content.instances.items()],
    )
    connection.execute(
        "UPDATE image_sets SET instance_count = ? WHERE id = ?", (len(content.instances), image_set_id)
    )


def store_levels(
    connection: sqlite3.Connection,
    image_set_id: str,
    content: Content,
    found_by: dict[str, str],
    conflict_key: tuple[str, ...],
) -> None:
    """Write what an image set is found and grouped by, within the caller's transaction."""
    values = {
        "levels": json.dumps(content.levels),
        "dicom_tags": json.dumps(found_by),
        "conflict_key": json.dumps(conflict_key),
        "study_instance_uid": content.levels["Study"]["DICOM"]["StudyInstanceUID"],
        "series_instance_uid": content.series_instance_uid,
        **search.columns(found_by),
    }
    changes = ", ".join(f"{name} = ?" for name in values)
    connection.execute(
        f"UPDATE image_sets SET {changes} WHERE id = ?",  # noqa: S608
        (*values.values(), image_set_id),
    )


def frame_ids(metadata: bytes) -> list[str]:
    """The frames of an instance."""
    return [frame["ID"] for frame in unpacked(metadata)["ImageFrames"]]


def stored_ids(metadata: bytes) -> list[str]:
    """The frames of an instance, and its values that are kept apart."""
    # The dictionary of DICOM is slow to load, and few requests need it.
    from emulator.p10.elements import bulk_hashes

    return frame_ids(metadata) + [bulk_id(each) for each in bulk_hashes(unpacked(metadata)["DICOM"])]


def unpacked(metadata: bytes) -> dict[str, Any]:
    """The JSON of an instance."""
    instance: dict[str, Any] = json.loads(zlib.decompress(metadata))
    return instance


def packed(instance: dict[str, Any]) -> bytes:
    """The JSON of an instance, compressed as it is kept."""
    return zlib.compress(json.dumps(instance, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _parsed(data: bytes, image_set: Row) -> Content:
    found = json.loads(gzip.decompress(data))
    study = found["Study"]
    all_series = study.pop("Series")
    # A version without instances has no series either.
    uid, series = next(iter(all_series.items()), (image_set["series_instance_uid"], None))
    instances = series.pop("Instances") if series else {}
    return Content(
        levels={
            "Patient": found["Patient"],
            "Study": study,
            "Series": series or json.loads(image_set["levels"])["Series"],
        },
        series_instance_uid=uid,
        instances={uid: packed(instance) for uid, instance in instances.items()},
    )
