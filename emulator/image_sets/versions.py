"""The versions of an image set: each update and each copy into it makes one, whether it succeeds or not."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from emulator import events
from emulator.errors import ConflictException
from emulator.storage import Row, now

# Digits that a number of SQLite may have.
LONGEST = 18


def insert(
    connection: sqlite3.Connection,
    image_set: Row | Mapping[str, Any],
    *,
    document: int | None,
    forced: bool = False,
) -> None:
    """Add the version that the row of an image set is now at."""
    names = ("id", "version", "state", "workflow_status", "created_at", "updated_at")
    connection.execute(
        "INSERT INTO image_set_versions (image_set_id, version, state, workflow_status, created_at,"
        " updated_at, is_primary, forced, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*(image_set[name] for name in names), int(image_set["is_primary"]), int(forced), document),
    )


def number(version: str) -> int:
    """The number of a version as requests name it, and 0, which none has, where it is beyond SQLite's."""
    return int(version) if len(version) <= LONGEST else 0


def require_latest(image_set: Row, version: str) -> None:
    """Raises ConflictException unless the image set is unlocked and at that version."""
    if image_set["state"] != "ACTIVE":
        raise ConflictException(
            f"image set {image_set['id']} is {image_set['state']} and {image_set['workflow_status']}: "
            "wait until it is ACTIVE"
        )
    if number(version) != image_set["version"]:
        raise ConflictException(
            f"version {version} of image set {image_set['id']} is not the latest, "
            f"which is {image_set['version']}"
        )


def begin_next(connection: sqlite3.Connection, image_set: Row, status: str, *, forced: bool) -> Row:
    """Lock the image set at its next version, which has the metadata of the last until it is settled."""
    before = _version(connection, image_set)
    connection.execute(
        "UPDATE image_sets SET version = version + 1, state = 'LOCKED', workflow_status = ?, updated_at = ?,"
        " accessed_at = ? WHERE id = ?",
        (status, now(), now(), image_set["id"]),
    )
    locked = _image_set(connection, image_set["id"])
    insert(connection, locked, document=before["document"], forced=forced)
    return locked


def lock(connection: sqlite3.Connection, image_set: Row, status: str) -> Row:
    """Lock the image set at the version it has."""
    return move(connection, image_set["id"], "LOCKED", status)


def move(connection: sqlite3.Connection, image_set_id: str, state: str, status: str) -> Row:
    """Change the state and status of an image set, and of its latest version."""
    connection.execute(
        "UPDATE image_sets SET state = ?, workflow_status = ? WHERE id = ?", (state, status, image_set_id)
    )
    moved = _image_set(connection, image_set_id)
    connection.execute(
        "UPDATE image_set_versions SET state = ?, workflow_status = ? WHERE image_set_id = ? AND version = ?",
        (state, status, image_set_id, moved["version"]),
    )
    return moved


def settle(
    connection: sqlite3.Connection, datastore: Row, image_set_id: str, status: str, detail_type: str
) -> None:
    """Unlock the image set: its version now has a metadata document of its own."""
    row = _settle(connection, image_set_id, status)
    connection.execute(
        "UPDATE image_set_versions SET document = version WHERE image_set_id = ? AND version = ?",
        (image_set_id, row["version"]),
    )
    events.image_set_changed(connection, datastore, row, detail_type)


def fail(
    connection: sqlite3.Connection,
    datastore: Row,
    image_set_id: str,
    status: str,
    detail_type: str,
    message: str,
) -> None:
    """Unlock the image set: its version tells why it brought nothing new."""
    row = _settle(connection, image_set_id, status)
    connection.execute(
        "UPDATE image_set_versions SET message = ? WHERE image_set_id = ? AND version = ?",
        (message, image_set_id, row["version"]),
    )
    events.image_set_changed(connection, datastore, row, detail_type)


def _settle(connection: sqlite3.Connection, image_set_id: str, status: str) -> Row:
    row = move(connection, image_set_id, "ACTIVE", status)
    at = now()
    connection.execute("UPDATE image_sets SET updated_at = ? WHERE id = ?", (at, image_set_id))
    connection.execute(
        "UPDATE image_set_versions SET updated_at = ? WHERE image_set_id = ? AND version = ?",
        (at, image_set_id, row["version"]),
    )
    return row


def _image_set(connection: sqlite3.Connection, image_set_id: str) -> Row:
    row: Row = connection.execute("SELECT * FROM image_sets WHERE id = ?", (image_set_id,)).fetchone()
    return row


def _version(connection: sqlite3.Connection, image_set: Row) -> Row:
    row: Row = connection.execute(
        "SELECT * FROM image_set_versions WHERE image_set_id = ? AND version = ?",
        (image_set["id"], image_set["version"]),
    ).fetchone()
    return row
