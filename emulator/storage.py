"""SQLite for what is searched, files for what is large, all under one folder.

Every thread gets its own connection; writers take turns through `writing()`.
"""

import sqlite3
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS datastores (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
    name TEXT NOT NULL, status TEXT NOT NULL,
    kms_key_arn TEXT, authorizer_arn TEXT, lossless_format TEXT NOT NULL,
    client_token TEXT NOT NULL, request TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS datastores_of_account ON datastores (account, region, created_at, id);
CREATE TABLE IF NOT EXISTS tags (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, datastore_id TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    role_arn TEXT NOT NULL, input_uri TEXT NOT NULL, output_uri TEXT NOT NULL,
    client_token TEXT NOT NULL, request TEXT NOT NULL, message TEXT,
    submitted_at REAL NOT NULL, ended_at REAL,
    UNIQUE (datastore_id, client_token));
CREATE INDEX IF NOT EXISTS jobs_of_datastore ON jobs (datastore_id, submitted_at, id);
CREATE TABLE IF NOT EXISTS image_sets (
    id TEXT PRIMARY KEY, datastore_id TEXT NOT NULL, is_primary INTEGER NOT NULL, version INTEGER NOT NULL,
    state TEXT NOT NULL, workflow_status TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    accessed_at REAL NOT NULL,
    conflict_key TEXT NOT NULL, levels TEXT NOT NULL, dicom_tags TEXT NOT NULL,
    instance_count INTEGER NOT NULL,
    study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL,
    patient_id TEXT, accession_number TEXT, study_id TEXT, study_moment TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS one_primary_image_set
    ON image_sets (datastore_id, series_instance_uid) WHERE is_primary;
-- These three hold what ranges are judged by, so that no search reads the wide rows it leaves out.
CREATE INDEX IF NOT EXISTS image_sets_by_update
    ON image_sets (datastore_id, updated_at, id, created_at, study_moment, is_primary);
CREATE INDEX IF NOT EXISTS image_sets_by_creation
    ON image_sets (datastore_id, created_at, id, updated_at, study_moment, is_primary);
CREATE INDEX IF NOT EXISTS image_sets_by_moment
    ON image_sets (datastore_id, study_moment, id, created_at, updated_at, is_primary);
CREATE INDEX IF NOT EXISTS image_sets_by_study
    ON image_sets (datastore_id, study_instance_uid, updated_at, id);
CREATE INDEX IF NOT EXISTS image_sets_by_series
    ON image_sets (datastore_id, series_instance_uid, updated_at, id);
CREATE INDEX IF NOT EXISTS image_sets_by_patient ON image_sets (datastore_id, patient_id, updated_at, id);
CREATE INDEX IF NOT EXISTS image_sets_by_accession
    ON image_sets (datastore_id, accession_number, updated_at, id);
CREATE INDEX IF NOT EXISTS image_sets_by_study_id ON image_sets (datastore_id, study_id, updated_at, id);
CREATE TABLE IF NOT EXISTS image_set_versions (
    image_set_id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL, workflow_status TEXT NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, deleted_at REAL,
    is_primary INTEGER NOT NULL, forced INTEGER NOT NULL, message TEXT,
    document INTEGER, -- the version whose metadata file this one has; none while it is first copied
    PRIMARY KEY (image_set_id, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted_image_sets (
    id TEXT PRIMARY KEY, datastore_id TEXT NOT NULL, version INTEGER NOT NULL, accessed_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS operations (
    image_set_id TEXT PRIMARY KEY, datastore_id TEXT NOT NULL, kind TEXT NOT NULL, request TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS garbage (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instances (
    image_set_id TEXT NOT NULL, sop_instance_uid TEXT NOT NULL, metadata BLOB NOT NULL,
    PRIMARY KEY (image_set_id, sop_instance_uid));
CREATE TABLE IF NOT EXISTS frames (
    image_set_id TEXT NOT NULL, id TEXT NOT NULL,
    file TEXT NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (image_set_id, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS frames_by_file ON frames (file);
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL,
    detail_type TEXT NOT NULL, detail TEXT NOT NULL, resource TEXT NOT NULL);
"""

Row = sqlite3.Row


class OtherSchema(Exception):  # noqa: N818 - what was found
    """The folder holds the data of another version."""


class Storage:
    """The data of every data store, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames = folder / "frames"
        self.metadata = folder / "metadata"
        self.frames.mkdir(parents=True, exist_ok=True)
        self.metadata.mkdir(exist_ok=True)
        # Set when the service ends: nobody should wait for a lock any more.
        self.stopping = threading.Event()
        self._of_thread = threading.local()
        self._writer = threading.RLock()
        self._arranging: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._make_schema()

    def _make_schema(self) -> None:
        """Tables of another schema would be read wrongly; nothing converts them, a local AWS is made anew."""
        connection = self._connection()
        ours = zlib.crc32(SCHEMA.encode()) & 0x7FFFFFFF
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (theirs,) = connection.execute("PRAGMA user_version").fetchone()
        if tables and theirs != ours:
            raise OtherSchema(
                f"the state in {self.folder} was made by another version of the local AWS: go on with "
                "that version, or start afresh with `ahi down --wipe`"
            )
        connection.executescript(f"{SCHEMA}PRAGMA user_version = {ours};")

    def rows(self, query: str, *values: Any) -> list[Row]:
        return self._connection().execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> Row | None:
        found: Row | None = self._connection().execute(query, values).fetchone()
        return found

    def arranging(self, datastore_id: str) -> threading.RLock:
        """To be held from reading which image sets a data store has until they are locked or written."""
        return self._arranging[datastore_id]

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it becomes visible, or none."""
        connection = self._connection()
        with self._writer:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.folder / "healthimaging.sqlite", isolation_level=None, timeout=30
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            self._of_thread.connection = connection
        return connection


def bulk_id(hashed: str) -> str:
    """The id, among those of frames, of a value kept apart: one that no GetImageFrame can ask for."""
    return f"bulk-{hashed}"


def now() -> float:
    """Epoch seconds to the millisecond, as AWS prints times."""
    return round(time.time(), 3)
