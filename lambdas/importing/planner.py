"""From what waits in a folder and what lies there to the files of a job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lambdas.importing.files import File, Folder, Status, Version, skipped
from lambdas.importing.limits import Limits
from lambdas.importing.names import job_name

SUPERSEDED = "superseded by a newer version"
DELETED = "deleted before it was imported"

INPUT_URI_CHARACTERS = 1024


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What waits in a folder, beside what lies right there.

    `files` are to be imported, in the ledger's order; `settled` need no job any more. `is_alone` says that
    nothing else lies there, `has_unseen` that an object does which no row is about.
    """

    folder: Folder
    files: tuple[File, ...]
    settled: tuple[File, ...]
    is_alone: bool
    has_unseen: bool

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def is_clean(self) -> bool:
        """Whether it may be read in place.

        A file that a job left without a word is copied: then there is no doubt which version is read.
        """
        return self.is_alone and not self.has_unseen and not any(file.attempts for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The files of one job, and the prefix it reads them from; None when they are copied to staging."""

    name: str
    files: tuple[File, ...]
    prefix: str | None = None

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(sorted({file.folder for file in self.files}))


def compare(
    folder: Folder,
    rows: Iterable[File],
    current: Iterable[Version],
    overwrites: Iterable[File],
    now: datetime,
) -> Contents:
    """The rows of a folder beside the versions that are current right there.

    `overwrites` are the waiting files that its policy keeps from being imported, with their fate.
    """
    rows, latest = list(rows), {one.key: one.version for one in current}
    settled = {(file.key, file.version): file for file in overwrites}
    files: list[File] = []
    for file in sorted(rows, key=lambda one: (one.name, one.version)):
        if file.status is not Status.WAITING or (file.key, file.version) in settled:
            continue
        if latest.get(file.key) == file.version:
            files.append(file)
        else:
            rule = SUPERSEDED if file.key in latest else DELETED
            settled[file.key, file.version] = skipped(file, rule, now)
    seen = {(row.key, row.version) for row in rows}
    return Contents(
        folder=folder,
        files=tuple(files),
        settled=tuple(settled.values()),
        is_alone=len(files) == len(latest),
        has_unseen=any(one not in seen for one in latest.items()),
    )


def in_place(deployment: str, prefix: str, found: Iterable[Contents], limits: Limits) -> Batch | None:
    """The job that reads all of `found` where it lies, under `prefix`; None when it must not."""
    found = list(found)
    files = tuple(file for contents in found for file in contents.files)
    if not files or not all(contents.is_clean for contents in found):
        return None
    batch = Batch(name=job_name(deployment, files), files=files, prefix=prefix)
    fits = len(files) <= limits.files and batch.bytes <= limits.bytes and len(found) <= limits.folders
    return batch if fits and _has_uri(files[0].bucket, prefix) else None


def staged(deployment: str, files: Iterable[File]) -> Batch:
    """The job that reads copies of these files."""
    files = tuple(files)
    return Batch(name=job_name(deployment, files), files=files)


def split(files: Iterable[File], limits: Limits) -> Iterator[list[File]]:
    """Files into as many jobs as the limits ask for, in their order."""
    part: list[File] = []
    size = 0
    for file in files:
        if part and (len(part) == limits.files or size + file.size > limits.bytes):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.size
    if part:
        yield part


def _has_uri(bucket: str, prefix: str) -> bool:
    """Whether inputS3Uri can name the prefix: it has a length, and a line break is not matched by it."""
    uri = f"s3://{bucket}/{prefix}"
    return len(uri) <= INPUT_URI_CHARACTERS and len(uri.splitlines()) == 1
