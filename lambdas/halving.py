"""The jobs that take the place of one that failed as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.importing.files import File, Job, JobState
from lambdas.importing.halving import halves, most_halvings
from lambdas.importing.planner import job_name, staging_key


@dataclass(frozen=True, kw_only=True)
class Halver:
    """Writes the halves of a failed job, and has them started."""

    ledger: Ledger
    starts: Queue
    deployment: str
    staging_bucket: str

    def is_held(self, job: Job) -> bool:
        """Whether its folder still names the job: after a crash its halves may be named instead."""
        folder = self.ledger.folder(job.bucket, job.folder)
        return folder is not None and job.name in folder.jobs

    def split(self, job: Job, files: tuple[File, ...], now: datetime) -> tuple[Job, ...]:
        """The halves, written to the ledger but not started; none when enough has been halved.

        The same files give the same halves, so this may be done twice.
        """
        origin = self.ledger.job(job.origin) if job.origin else job
        if origin is None or not self.ledger.spend_halving(origin, job, most_halvings(origin.files)):
            return ()
        made = []
        for half in halves(files):
            one = self._job(job, origin, half, now)
            self.ledger.plan(one, half)
            made.append(one)
        return tuple(made)

    def start(self, jobs: tuple[Job, ...]) -> None:
        for job in jobs:
            self.starts.send({"job": job.name})

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
            prefix=f"s3://{self.staging_bucket}/{staging_key(name, '')}",
            origin=origin.name,
            created_at=now,
            at=now,
            job_id=None,
            starts=0,
            started_at=None,
            finished_at=None,
            message=None,
        )
