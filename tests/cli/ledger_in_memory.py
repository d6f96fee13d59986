"""The reading half of the ledger in memory, and rows to put into it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from benchmarks.memory_aws.dynamodb import MemoryTable
from cli.deployed import Deployed
from config.deployment import Deployment, load_deployment
from lambdas.adapters.control import Control
from lambdas.adapters.table import Table
from lambdas.importing.files import File, Folder, FolderState, Job, JobState, Status

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class LedgerInMemory:
    """The reading half of the ledger."""

    rows: list[File] = field(default_factory=list)
    job_rows: list[Job] = field(default_factory=list)
    folders_read: list[str] = field(default_factory=list)
    folders_come: int = 1
    control: Control = field(default_factory=lambda: Control(Table(MemoryTable())))

    def folders(self) -> Iterator[Folder]:
        for bucket, path in [
            *dict.fromkeys((row.bucket, row.folder) for row in self.rows)
        ] * self.folders_come:
            yield Folder(
                bucket=bucket, path=path, store="main", state=FolderState.DONE,
                first_at=NOON, last_at=NOON, due_at=NOON,
            )  # fmt: skip

    def files(self, bucket: str, folder: str) -> list[File]:
        self.folders_read.append(folder)
        return [row for row in self.rows if (row.bucket, row.folder) == (bucket, folder)]

    def failed_files(self) -> Iterator[File]:
        failed = [row for row in self.rows if row.status == Status.FAILED]
        return iter(sorted(failed, key=lambda row: row.settled_at or NOON, reverse=True))

    def jobs(self) -> Iterator[Job]:
        return iter(self.job_rows)

    def jobs_in(self, state: JobState, *, newest_first: bool = False) -> Iterator[Job]:
        return (job for job in self.job_rows if job.state is state)


@dataclass
class DeployedInMemory:
    ledger: LedgerInMemory
    deployment: Deployment = field(default_factory=lambda: load_deployment("sandbox"))
    table: MemoryTable = field(default_factory=MemoryTable)
    pace_table: MemoryTable | None = None
    input_bucket: str = "input"


@dataclass(frozen=True, kw_only=True)
class DeployedOverMemory(Deployed):
    """The sandbox over a table in memory, and the clients that a test gives it."""

    deployment: Deployment = field(default_factory=lambda: load_deployment("sandbox"))
    outputs: dict[str, str] = field(default_factory=lambda: {"InputBucket": "input"})
    clients: Mapping[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.clients[service]

    @cached_property
    def table(self) -> Any:
        return MemoryTable()


def a_file(key: str, status: Status = Status.WAITING, *, after: float | None = None, **values: Any) -> File:
    """A file uploaded at noon that got its fate `after` seconds."""
    folder, slash, name = key.rpartition("/")
    settled_at = None if after is None else NOON + timedelta(seconds=after)
    return File(
        folder=folder + slash, name=name, version="v1", size=1,
        **{"bucket": "input", "uploaded_at": NOON, "status": status, "settled_at": settled_at, **values},
    )  # fmt: skip


def a_job(name: str, job_id: str) -> Job:
    return Job(
        name=name, bucket="input", store="main", datastore_id="d", state=JobState.COMPLETED,
        files=1, bytes=1, in_place=True, prefix="s3://input/ct/", created_at=NOON, at=NOON, job_id=job_id,
    )  # fmt: skip
