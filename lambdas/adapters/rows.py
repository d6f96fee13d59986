"""The ledger's schema: one DynamoDB table with the key `pk`, `sk` and the index `listed` (`listed`, `at`).

| row    | pk                     | sk                  | listed                                         |
|--------|------------------------|---------------------|------------------------------------------------|
| file   | `<bucket>/<folder>`    | `<name>#<version>`  | FAILED once it failed, else absent             |
| folder | `<bucket>/<folder>`    | `/`                 | OPEN, IMPORTING, DONE                          |
| job    | `job#<name>`           | `/`                 | PLANNED, STARTING, STARTED, COMPLETED, FAILED  |
| batch  | `job#<name>`           | digest of a folder  | absent: the members of the job in that folder  |
| slots  | `slots#<datastore id>` | `/`                 | absent: the names of the jobs that hold a slot |
| control| `control`              | `/`                 | absent: whether the import runs                |
| pace   | `pace`                 | `/`                 | absent: the pacer's value                      |
| sweep  | `sweep`                | `/`                 | absent: where the next sweep goes on           |
| sweep  | `sweep`                | `inventory`         | absent: how far an inventory was read          |
| run    | `backfill#<run>`       | `/`                 | absent: how far the bucket is cut into slices  |
| slice  | `backfill#<run>`       | `<number>`          | absent: the keys it lies between, files told   |
| latest | `backfill`             | `<prefix digest>`   | absent: the prefix's last run                  |

A name has no "/", so no file row is `/`; a bucket has no "#", so no file or folder is a job.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from lambdas.importing.files import File, Folder, FolderState, Job, JobState, Status

Item = dict[str, Any]
Key = dict[str, str]

SORT_KEY_BYTES = 1024
ID_BYTES = 8


def partition(bucket: str, folder: str) -> str:
    return f"{bucket}/{folder}"


def sort_key(name: str, version: str) -> str:
    """`<name>#<version>`; a name that leaves no room for the version is cut, and its digest put in."""
    room = SORT_KEY_BYTES - len(version.encode()) - 1
    if len(name.encode()) > room:
        digest = blake2b(name.encode(), digest_size=16).hexdigest()
        name = name.encode()[: room - len(digest)].decode(errors="ignore") + digest
    return f"{name}#{version}"


def file_key(file: File) -> Key:
    return {"pk": partition(file.bucket, file.folder), "sk": sort_key(file.name, file.version)}


def folder_key(bucket: str, path: str) -> Key:
    return {"pk": partition(bucket, path), "sk": "/"}


def job_key(name: str) -> Key:
    return {"pk": f"job#{name}", "sk": "/"}


def is_file(item: Item) -> bool:
    return item["sk"] != "/" and not is_job(item)


def is_job(item: Item) -> bool:
    return bool(item["pk"].startswith("job#"))


def to_text(time: datetime) -> str:
    """ISO 8601 in UTC, always as long, so that the order of texts is that of times."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time(item: Item, name: str) -> datetime | None:
    return to_time(item[name]) if name in item else None


def file_item(file: File) -> Item:
    """The row in full. Attributes without a value are left out."""
    item = {
        **file_key(file),
        "name": file.name,
        "version": file.version,
        "size": file.size,
        "etag": file.etag,
        "sequencer": file.sequencer,
        "uploaded_at": to_text(file.uploaded_at),
        **fate(file),
    }
    return {name: value for name, value in item.items() if value not in (None, "")}


def fate(file: File) -> Item:
    """What settling changes in a file's row, or returning it to the waiting ones."""
    settled_at = to_text(file.settled_at) if file.settled_at else None
    is_failed = file.status is Status.FAILED
    item = {
        "status": str(file.status),
        "attempts": file.attempts or None,
        "redriven": file.redriven or None,
        "job": file.job,
        "store": file.store,
        "image_set_id": file.image_set_id,
        "is_primary": file.is_primary,
        "reason": file.reason,
        "settled_at": settled_at,
        "listed": str(Status.FAILED) if is_failed else None,
        "at": settled_at if is_failed else None,
    }
    return {name: value for name, value in item.items() if value is not None}


def to_file(item: Item) -> File:
    bucket, _, folder = item["pk"].partition("/")
    return File(
        bucket=bucket,
        folder=folder,
        name=item.get("name", ""),
        version=item["version"],
        size=int(item["size"]),
        etag=item.get("etag", ""),
        sequencer=item.get("sequencer", ""),
        uploaded_at=to_time(item["uploaded_at"]),
        store=item.get("store"),
        status=Status(item["status"]),
        attempts=int(item.get("attempts", 0)),
        redriven=int(item.get("redriven", 0)),
        job=item.get("job"),
        image_set_id=item.get("image_set_id"),
        is_primary=item.get("is_primary"),
        reason=item.get("reason"),
        settled_at=_time(item, "settled_at"),
    )


def folder_item(bucket: str, path: str, state: FolderState, store: str, now: datetime) -> Item:
    """The row of a folder in which nothing waits."""
    return {
        **folder_key(bucket, path),
        "listed": str(state),
        **dict.fromkeys(("at", "first_at", "last_at"), to_text(now)),
        "store": store,
        "openings": 0,
        "touches": 0,
    }


def to_folder(item: Item) -> Folder:
    bucket, _, path = item["pk"].partition("/")
    return Folder(
        bucket=bucket,
        path=path,
        store=item["store"],
        state=FolderState(item["listed"]),
        first_at=to_time(item["first_at"]),
        last_at=to_time(item["last_at"]),
        due_at=to_time(item["at"]),
        openings=int(item["openings"]),
        touches=int(item["touches"]),
        jobs=frozenset(item.get("jobs", ())),
        in_place=item.get("in_place", False),
        not_before=_time(item, "not_before"),
        files=int(item.get("files", 0)),
        bytes=int(item.get("bytes", 0)),
        counted=int(item.get("counted", 0)),
    )


def job_item(job: Job) -> Item:
    item = {
        **job_key(job.name),
        "bucket": job.bucket,
        "store": job.store,
        "datastore_id": job.datastore_id,
        "files": job.files,
        "bytes": job.bytes,
        "token": job.name,
        "origin": job.origin or "",
        "is_urgent": job.is_urgent or "",
        "created_at": to_text(job.created_at),
        **job_progress(job),
    }
    return {name: value for name, value in item.items() if value != ""}


def job_progress(job: Job) -> Item:
    """What a job's way through its states changes in its row."""
    item = {
        "listed": str(job.state),
        "at": to_text(job.at),
        "in_place": job.in_place,
        "prefix": job.prefix,
        "staged": job.staged,
        "starts": job.starts,
        "job_id": job.job_id,
        "started_at": to_text(job.started_at) if job.started_at else None,
        "finished_at": to_text(job.finished_at) if job.finished_at else None,
        "message": job.message,
    }
    return {name: value for name, value in item.items() if value is not None}


def to_job(item: Item) -> Job:
    """A job that was abandoned has no `listed`."""
    created_at = to_time(item["created_at"])
    return Job(
        name=item["pk"].partition("#")[2],
        bucket=item["bucket"],
        store=item["store"],
        datastore_id=item["datastore_id"],
        state=JobState(item.get("listed", JobState.ABANDONED)),
        files=int(item["files"]),
        bytes=int(item["bytes"]),
        in_place=item["in_place"],
        prefix=item["prefix"],
        staged=item["staged"],
        is_urgent=item.get("is_urgent", False),
        starts=int(item.get("starts", 0)),
        origin=item.get("origin"),
        created_at=created_at,
        at=_time(item, "at") or created_at,
        job_id=item.get("job_id"),
        started_at=_time(item, "started_at"),
        finished_at=_time(item, "finished_at"),
        message=item.get("message"),
    )


@dataclass(frozen=True, kw_only=True)
class Members:
    """Which rows of a folder are a job's: their digests, and the range of sort keys they lie in.

    Digests keep the row small whatever the names are: 5,000 files take 40 KB.
    """

    first: str
    last: str
    ids: frozenset[bytes]

    @classmethod
    def of(cls, files: Iterable[File]) -> "Members":
        keys = sorted(sort_key(file.name, file.version) for file in files)
        return cls(first=keys[0], last=keys[-1], ids=frozenset(map(member_id, keys)))

    def __contains__(self, file: File) -> bool:
        return member_id(sort_key(file.name, file.version)) in self.ids


def member_id(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=ID_BYTES).digest()


def members_item(job: Job, folder: str, members: Members) -> Item:
    """The sort key is a digest: a folder's path may be longer than a sort key."""
    return {
        "pk": f"job#{job.name}",
        "sk": blake2b(folder.encode(), digest_size=16).hexdigest(),
        "folder": folder,
        "first": members.first,
        "last": members.last,
        "ids": b"".join(sorted(members.ids)),
    }


def to_members(item: Item) -> Members:
    ids = bytes(item["ids"])
    return Members(
        first=item["first"],
        last=item["last"],
        ids=frozenset(ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES)),
    )
