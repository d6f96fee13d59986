"""The jobs that take the place of one that failed as a whole."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.importing.files import File, Job, JobState
from lambdas.importing.halving import halves, most_halvings
from lambdas.importing.names import job_name, staging_folder


@dataclass(frozen=True, kw_only=True)
class Halver:
    """Writes the halves of a failed job, and has them staged."""

    ledger: Ledger
    stages: Queue
    deployment: str
    staging_bucket: str

    def split(self, job: Job, files: tuple[File, ...], now: datetime) -> dict[str, list[str]]:
        """The names of the halves, written to the ledger but not staged, for each of their folders.

        There are none when enough has been halved. The same files give the same halves.
        """
        origin = self.ledger.job(job.origin) if job.origin else job
        if origin is None or not self.ledger.spend_halving(origin, job, most_halvings(origin.files)):
            return {}
        named: dict[str, list[str]] = defaultdict(list)
        for half in halves(files):
            one = self._job(job, origin, half, now)
            self.ledger.plan(one, half)
            for path in {file.folder for file in half}:
                named[path].append(one.name)
        return named

    def stage(self, named: Mapping[str, list[str]]) -> None:
        for name in sorted({name for names in named.values() for name in names}):
            self.stages.send({"job": name})

    def _job(self, job: Job, origin: Job, files: Sequence[File], now: datetime) -> Job:
        """Copied to a prefix of its own: the rest of the folder is not to be read again."""
        name = job_name(self.deployment, files)
        return replace(
            job,
            name=name,
            state=JobState.PLANNED,
            files=len(files),
            bytes=sum(file.size for file in files),
            in_place=False,
            staged=False,
            prefix=f"s3://{self.staging_bucket}/{staging_folder(job.store, name)}",
            origin=origin.name,
            created_at=now,
            at=now,
            job_id=None,
            starts=0,
            started_at=None,
            finished_at=None,
            message=None,
        )
