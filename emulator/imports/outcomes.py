"""What became of one object of an import job: the words between the job and its worker processes."""

from dataclasses import dataclass, field
from typing import Any

from emulator.aws import Credentials

CUSTOMER_ERROR = "ValidationException"
SERVER_ERROR = "InternalServerException"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a job reads, as whom, and where its frames go."""

    endpoint: str
    region: str
    credentials: Credentials
    bucket: str
    owner: str | None
    job_id: str
    frames: str
    lossless_format: str


@dataclass(frozen=True, kw_only=True)
class StoredFrame:
    """A frame's place in the instance's frame file."""

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


Outcome = Imported | Refused | Denied
