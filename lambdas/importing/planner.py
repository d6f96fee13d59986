"""From what waits in a folder and what lies there to the jobs that import it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from lambdas.importing.files import File, Status, Version

SUPERSEDED = "superseded by a newer version"
DELETED = "deleted before it was imported"
KEY_TOO_LONG = "key too long to be copied to staging"

S3_KEY_BYTES = 1024
INPUT_URI_CHARACTERS = 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one job may hold."""

    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The current versions right under a folder, and whether it holds folders of its own."""

    current: tuple[Version, ...]
    nested: bool

    def holds_unseen(self, rows: Iterable[File]) -> bool:
        """Whether an object lies there that no row is about: its event is on its way, or lost."""
        seen = {(row.key, row.version) for row in rows}
        return any((one.key, one.version) not in seen for one in self.current)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The files of one job, in the ledger's order, and where the job reads them."""

    name: str
    files: tuple[File, ...]
    in_place: bool

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The jobs of a folder, and the files that need none any more."""

    batches: tuple[Batch, ...]
    settled: tuple[File, ...]


def plan(deployment: str, waiting: Iterable[File], listing: Listing, limits: Limits, now: datetime) -> Plan:
    """The jobs for the waiting files of one folder.

    They are read in place only when they are all that lies under the folder and one job holds them.
    A file that a job left without a word is copied: then there is no doubt which version is read.
    """
    latest = {one.key: one.version for one in listing.current}
    current: list[File] = []
    settled: list[File] = []
    for file in sorted(waiting, key=lambda one: (one.name, one.version)):
        if latest.get(file.key) == file.version:
            current.append(file)
        else:
            rule = SUPERSEDED if file.key in latest else DELETED
            settled.append(skipped(file, rule, now))

    batches = [tuple(files) for files in _split(current, limits)]
    alone = len(batches) == 1 and len(current) == len(latest) and not listing.nested
    in_place = alone and _has_uri(current[0]) and not any(file.attempts for file in current)
    return Plan(
        batches=tuple(
            Batch(name=job_name(deployment, files), files=files, in_place=in_place) for files in batches
        ),
        settled=tuple(settled),
    )


def staging_key(job: str, key: str) -> str:
    """Where the copy of a file lies, so that the job's prefix holds its batch and nothing else."""
    return f"{job}/{key}"


def fits_staging(job: str, file: File) -> bool:
    return len(staging_key(job, file.key).encode()) <= S3_KEY_BYTES


def skipped(file: File, rule: str, now: datetime) -> File:
    return replace(file, status=Status.SKIPPED, reason=rule, settled_at=now)


def failed(file: File, reason: str, now: datetime) -> File:
    return replace(file, status=Status.FAILED, reason=reason, settled_at=now)


def job_name(deployment: str, files: Iterable[File]) -> str:
    """The same for the same versions of the same attempt, and for nothing else.

    It is the clientToken too: both allow these characters, up to 64 of them.
    """
    digest = blake2b(digest_size=16)
    for file in files:
        for part in (file.bucket, file.key, file.version, f"{file.attempts}.{file.redriven}"):
            digest.update(len(part.encode()).to_bytes(4, "big") + part.encode())
    return f"ahi-{deployment}-{digest.hexdigest()}"


def _has_uri(file: File) -> bool:
    """Whether inputS3Uri can name the folder: it has a length, and a line break is not matched by it."""
    uri = f"s3://{file.bucket}/{file.folder}"
    return len(uri) <= INPUT_URI_CHARACTERS and len(uri.splitlines()) == 1


def _split(files: list[File], limits: Limits) -> Iterator[list[File]]:
    batch: list[File] = []
    size = 0
    for file in files:
        if batch and (len(batch) == limits.files or size + file.size > limits.bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch
