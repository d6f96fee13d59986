"""Instances into image sets, and the image sets into storage, in one transaction."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from emulator import events
from emulator.image_sets import search, versions
from emulator.image_sets.metadata import TooLarge, document, metadata_file, write_document
from emulator.imports.grouping import Group, group, image_set_id, merge_levels
from emulator.imports.manifests import Placed
from emulator.imports.outcomes import Imported
from emulator.storage import Row, Storage, now

SECONDS_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A group of instances and the image set it becomes part of: `before` is that set's row, if it exists."""

    id: str
    version: int
    group: Group
    before: Row | None
    levels: dict[str, dict[str, Any]]
    search: dict[str, str]


@contextmanager
def planned(
    storage: Storage, datastore: Row, job_id: str, imported: Iterable[Imported]
) -> Iterator[list[Placement]]:
    """As `plan`, and nobody else changes these image sets until the block ends.

    An image set that is LOCKED by an update, a copy or its deletion is waited for, unless the service stops.
    """
    instances = list(imported)
    while not storage.stopping.is_set():
        with storage.arranging(datastore["id"]):
            placements = plan(storage, datastore, job_id, instances)
            if not any(each.before and each.before["state"] == "LOCKED" for each in placements):
                yield placements
                return
        time.sleep(SECONDS_BETWEEN_LOOKS)
    raise RuntimeError("the service is stopping")


def plan(storage: Storage, datastore: Row, job_id: str, imported: Iterable[Imported]) -> list[Placement]:
    """Decide the image set and version of every instance. Nothing is written."""
    instances = list(imported)
    primaries = _primaries(storage, datastore, {each.series_instance_uid for each in instances})
    keys = {series: tuple(json.loads(row["conflict_key"])) for series, row in primaries.items()}
    groups = group(instances, keys)
    return [
        _placement(job_id, each, primaries.get(each.series_instance_uid) if each.is_primary else None)
        for each in groups
    ]


def _primaries(storage: Storage, datastore: Row, series_instance_uids: Iterable[str]) -> dict[str, Row]:
    query = "SELECT * FROM image_sets WHERE datastore_id = ? AND series_instance_uid = ? AND is_primary"
    found = {series: storage.row(query, datastore["id"], series) for series in series_instance_uids}
    return {series: row for series, row in found.items() if row is not None}


def _placement(job_id: str, members: Group, before: Row | None) -> Placement:
    if before is None:
        return Placement(
            id=image_set_id(job_id, members.series_instance_uid, members.conflict_key),
            version=1,
            group=members,
            before=None,
            levels=members.levels(),
            search=members.search(),
        )
    return Placement(
        id=before["id"],
        version=before["version"] + 1,
        group=members,
        before=before,
        levels=merge_levels(json.loads(before["levels"]), members.levels()),
        search={**json.loads(before["dicom_tags"]), **members.search()},
    )


def placed(placements: Iterable[Placement]) -> dict[str, Placed]:
    """The image set of each object key."""
    return {
        member.key: Placed(each.id, each.version, each.group.is_primary)
        for each in placements
        for member in each.group.members
    }


class Written(NamedTuple):
    """A placement whose metadata document is written, and how many instances it holds."""

    placement: Placement
    instance_count: int


@contextmanager
def documents(
    storage: Storage, datastore: Row, placements: list[Placement]
) -> Iterator[tuple[list[Written], dict[str, str]]]:
    """As `write_documents`; a failure in the block leaves none of them, so storing comes last in it."""
    try:
        yield write_documents(storage, datastore, placements)
    except Exception:
        for each in placements:
            metadata_file(storage, each.id, each.version).unlink(missing_ok=True)
        raise


def write_documents(
    storage: Storage, datastore: Row, placements: Iterable[Placement]
) -> tuple[list[Written], dict[str, str]]:
    """Write the document of each image set's new version. Also: by object key, why an instance has no place.

    An image set whose metadata would be too large takes in nothing of this import.
    """
    written, refused = [], {}
    for each in placements:
        try:
            written.append(Written(each, _write_document(storage, datastore, each)))
        except TooLarge as error:
            refused.update({member.key: f"image set {error}" for member in each.group.members})
    return written, refused


def _write_document(storage: Storage, datastore: Row, placement: Placement) -> int:
    instances = dict(_stored_instances(storage, placement.id))
    instances.update({uid: each.metadata for uid, each in placement.group.instances.items()})
    series = placement.group.series_instance_uid
    data = document(datastore["id"], placement.id, placement.levels, series, instances.items())
    write_document(storage, placement.id, placement.version, data)
    return len(instances)


def _stored_instances(storage: Storage, identity: str) -> Iterable[tuple[str, bytes]]:
    query = "SELECT sop_instance_uid, metadata FROM instances WHERE image_set_id = ? ORDER BY rowid"
    return ((row["sop_instance_uid"], row["metadata"]) for row in storage.rows(query, identity))


def store(connection: sqlite3.Connection, datastore: Row, written: Written) -> None:
    """Write an image set's rows and its event, within the caller's transaction."""
    placement, instance_count = written
    at = now()
    values = _row(datastore, placement, instance_count, at)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    connection.execute(
        f"INSERT INTO image_sets ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608
        f" ON CONFLICT (id) DO UPDATE SET {changes}",
        tuple(values.values()),
    )
    versions.insert(connection, values, document=placement.version)
    _store_instances(connection, placement)
    detail_type = "Image Set Updated" if placement.before else "Image Set Created"
    events.image_set_changed(connection, datastore, values, detail_type)


def _row(datastore: Row, placement: Placement, instance_count: int, at: float) -> dict[str, Any]:
    return {
        "id": placement.id,
        "datastore_id": datastore["id"],
        "is_primary": int(placement.group.is_primary),
        "version": placement.version,
        "state": "ACTIVE",
        "workflow_status": "UPDATED" if placement.before else "CREATED",
        "created_at": placement.before["created_at"] if placement.before else at,
        "updated_at": at,
        "accessed_at": at,
        "conflict_key": json.dumps(placement.group.conflict_key),
        "levels": json.dumps(placement.levels),
        "dicom_tags": json.dumps(placement.search),
        "instance_count": instance_count,
        "study_instance_uid": placement.group.members[0].study_instance_uid,
        "series_instance_uid": placement.group.series_instance_uid,
        **search.columns(placement.search),
    }


def _store_instances(connection: sqlite3.Connection, placement: Placement) -> None:
    instances = placement.group.instances
    # Not REPLACE: an instance keeps its place in the document when it is overwritten.
    connection.executemany(
        "INSERT INTO instances VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET metadata = excluded.metadata",
        [(placement.id, uid, each.metadata) for uid, each in instances.items()],
    )
    connection.executemany(
        "REPLACE INTO frames VALUES (?, ?, ?, ?, ?)",
        [
            (placement.id, frame.id, each.file, frame.start, frame.size)
            for each in instances.values()
            for frame in each.frames
        ],
    )
