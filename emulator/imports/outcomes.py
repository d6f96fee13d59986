"""What became of one object of an import job: the words between the job and its worker processes."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.aws import Credentials

CUSTOMER_ERROR = "ValidationException"
SERVER_ERROR = "InternalServerException"


class MetadataMapping(NamedTuple):
    """The object whose elements go over those of a study, or of one series of it."""

    study_instance_uid: str
    series_instance_uid: str | None
    key: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a job reads, as whom, and where its frames go. `transcode`: see `importing.import_instance`."""

    endpoint: str
    region: str
    credentials: Credentials
    bucket: str
    job_id: str
    frames: str
    lossless_format: str
    transcode: bool = True
    mappings: tuple[MetadataMapping, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoredFrame:
    """The place of a frame, or of a value kept apart, in the instance's frame file."""

    id: str
    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Imported:
    """An instance that can be stored. `metadata` is its JSON, compressed; `file` is in the frames folder."""

    key: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    conflict_key: tuple[str, ...]
    search: dict[str, str]
    levels: dict[str, dict[str, Any]]
    metadata: bytes
    file: str
    frames: list[StoredFrame]
    warnings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An object that is not imported, and why."""

    key: str
    exception_type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The role may not read the object: the whole job fails."""

    message: str


Judged = Imported | Refused
Outcome = Judged | Denied
