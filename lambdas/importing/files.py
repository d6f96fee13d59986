"""The ledger's rows as values: files, folders and jobs, and the states they may be in."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The fate of one object version. Every status but WAITING is final."""

    WAITING = "WAITING"
    IMPORTED = "IMPORTED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class FolderState(StrEnum):
    """OPEN gathers files, IMPORTING has jobs under way, DONE has nothing waiting."""

    OPEN = "OPEN"
    IMPORTING = "IMPORTING"
    DONE = "DONE"


class JobState(StrEnum):
    """STARTING means that HealthImaging may or may not have been asked; ABANDONED that it never will be."""

    PLANNED = "PLANNED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


FINISHED = frozenset({JobState.COMPLETED, JobState.FAILED})


@dataclass(frozen=True, kw_only=True)
class File:
    """One version of one object. `folder` is "" or ends in "/"; `job` is the last job that read it.

    `attempts` counts the jobs that ended without a word on the file or with an error of the service, and
    `redriven` how often somebody let it wait again after it had failed.
    """

    bucket: str
    folder: str
    name: str
    version: str
    size: int
    uploaded_at: datetime
    etag: str = ""
    sequencer: str = ""
    store: str | None = None
    status: Status = Status.WAITING
    attempts: int = 0
    redriven: int = 0
    job: str | None = None
    image_set_id: str | None = None
    is_primary: bool | None = None
    reason: str | None = None
    settled_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.folder + self.name


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What lies right under one path, with one plan in hand at a time.

    `openings` counts the times it became OPEN and `touches` the arrivals that were written, so that
    a decision taken on an older reading of the row can be refused. `not_before` holds back a retry.
    `files` and `bytes` wait in it, as counted when it had as many touches as `counted` says.
    A job in place has a row for its prefix too, so that nothing below is read twice.
    """

    bucket: str
    path: str
    store: str
    state: FolderState
    first_at: datetime
    last_at: datetime
    due_at: datetime
    openings: int = 0
    touches: int = 0
    jobs: frozenset[str] = frozenset()
    in_place: bool = False
    not_before: datetime | None = None
    files: int = 0
    bytes: int = 0
    counted: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """One import job. `prefix` is its inputS3Uri; `staged` says that its copies are all made.

    `at` is when its state was entered or, for a PLANNED job that was put off, when it is tried again.
    `starts` counts the calls whose outcome nobody knows. `origin` is the job that this one is a part of.
    """

    name: str
    bucket: str
    store: str
    datastore_id: str
    state: JobState
    files: int
    bytes: int
    in_place: bool
    prefix: str
    created_at: datetime
    at: datetime
    staged: bool = False
    is_urgent: bool = False
    starts: int = 0
    origin: str | None = None
    job_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    message: str | None = None

    @property
    def path(self) -> str:
        """What follows the bucket in its prefix."""
        return self.prefix.removeprefix("s3://").partition("/")[2]

    @property
    def reads(self) -> str:
        """The bucket of its prefix: the files' own, or the staging bucket."""
        return self.prefix.removeprefix("s3://").partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of an object, or a delete marker, as S3 lists it."""

    key: str
    version: str
    modified_at: datetime
    is_latest: bool
    size: int = 0
    etag: str = ""
    is_delete_marker: bool = False


def split_key(key: str) -> tuple[str, str]:
    """The folder and the name of an object key: "a/b/c" is ("a/b/", "c")."""
    folder, slash, name = key.rpartition("/")
    return folder + slash, name


def folders_above(path: str) -> list[str]:
    """The folders that a folder lies in: "a/b/" lies in "" and "a/"."""
    return [path[:end] for end in range(len(path)) if end == 0 or path[end - 1] == "/"]


def skipped(file: File, rule: str, now: datetime) -> File:
    return replace(file, status=Status.SKIPPED, reason=rule, settled_at=now)


def failed(file: File, reason: str, now: datetime) -> File:
    return replace(file, status=Status.FAILED, reason=reason, settled_at=now)
