"""Write planned jobs to the ledger, and have them started.

Every step may be made twice, and by two at once. The jobs come first, then the folders that name them, one by
one: a job starts only when all its folders do.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.finishing import Finisher
from lambdas.importing.files import FINISHED, Folder, FolderState, Job, JobState
from lambdas.importing.names import staging_folder
from lambdas.importing.planner import Batch, Contents
from lambdas.settings import ImportSettings
from lambdas.telemetry import logger


@dataclass(frozen=True, kw_only=True)
class Committer:
    """Makes PLANNED jobs of batches."""

    ledger: Ledger
    finisher: Finisher
    stages: Queue
    starts: Queue
    settings: ImportSettings
    staging_bucket: str
    now: Callable[[], datetime]

    def commit(self, batches: Sequence[Batch], group: Sequence[Contents]) -> list[Batch]:
        """Plan these batches, whose files are those of the group; none if a folder changed meanwhile."""
        if not group:
            return []
        now = self.now()
        self.finisher.settle(tuple(file for contents in group for file in contents.settled))
        jobs = [self._job(batch, group[0].folder, now) for batch in batches]
        named: dict[str, set[str]] = defaultdict(set)
        for job, batch in zip(jobs, batches, strict=True):
            if not self.ledger.plan(job, batch.files) and self._is_over(job):
                self._rename(job, batch)
                return self._let_go(jobs, now)
            for path in batch.folders:
                named[path].add(job.name)
            # The prefix may be an OPEN folder with nothing left to import: it is held as the others are.
            if job.in_place and any(contents.folder.path == job.path for contents in group):
                named[job.path].add(job.name)
        if not all(self._holds_prefix(job, named, now) for job in jobs) or not all(
            self._claim(contents.folder, named[contents.folder.path], jobs, now) for contents in group
        ):
            return self._let_go(jobs, now)
        for job in jobs:
            logger.info("job planned", extra={"job": job.name, "files": job.files})
            self.send(job)
        return list(batches)

    def _let_go(self, jobs: Sequence[Job], now: datetime) -> list[Batch]:
        for job in jobs:
            self.finisher.release(job, now)
        return []

    def _is_over(self, job: Job) -> bool:
        standing = self.ledger.job(job.name)
        return standing is not None and standing.state in FINISHED

    def _rename(self, job: Job, batch: Batch) -> None:
        """A job of this name has ended, and yet its files wait: what was to take its place was let go.

        Another attempt has another name, and HealthImaging another clientToken.
        """
        again = (replace(file, job=job.name, attempts=file.attempts + 1) for file in batch.files)
        self.ledger.give_back(again)

    def send(self, job: Job) -> None:
        """Hand a job to where it goes on."""
        queue = self.starts if job.in_place or job.staged else self.stages
        queue.send({"job": job.name})

    def send_again(self, job: Job) -> None:
        """A PLANNED job whose message was lost, or whose planning ended in the middle."""
        if not self.ledger.not_held(job):
            self.send(job)
        else:
            self.finisher.release(job, self.now())

    def _holds_prefix(self, job: Job, named: Collection[str], now: datetime) -> bool:
        """Whether nothing else below the prefix of a job in place is planned from now on."""
        if not job.in_place or job.path in named:
            return True
        return self.ledger.hold(job.bucket, job.path, job.store, job.name, now)

    def _claim(self, folder: Folder, names: Collection[str], jobs: Sequence[Job], now: datetime) -> bool:
        """Whether the folder names these jobs now, whoever made it so. Without jobs it is over at once."""
        is_made = self.ledger.begin(folder, names, any(job.in_place for job in jobs), now)
        standing = self.ledger.folder(folder.bucket, folder.path) if not (is_made and names) else None
        if not names:
            self.finisher.look_again(standing, now)
            return True
        if is_made:
            return True
        return bool(standing and standing.state is FolderState.IMPORTING and set(names) <= standing.jobs)

    def _job(self, batch: Batch, folder: Folder, now: datetime) -> Job:
        store = self.settings.store(folder.store)
        if store is None:
            raise LookupError(
                f"no data store {folder.store!r} in IMPORT_SETTINGS: deploy the Import stack again"
            )
        prefix = f"s3://{self.staging_bucket}/{staging_folder(store.id, batch.name)}"
        if batch.prefix is not None:
            prefix = f"s3://{folder.bucket}/{batch.prefix}"
        return Job(
            name=batch.name,
            bucket=folder.bucket,
            store=store.id,
            datastore_id=store.datastore_id,
            state=JobState.PLANNED,
            files=len(batch.files),
            bytes=batch.bytes,
            in_place=batch.prefix is not None,
            prefix=prefix,
            is_urgent=folder.path.startswith(self.settings.urgent_prefixes),
            created_at=now,
            at=now,
        )
