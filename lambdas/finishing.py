"""The end of a job, which record, start, plan and sweep share: fates, slot, folder, job, in that order.

The job's row comes last, so a crash before it leaves a job that is not finished and is taken up again;
every step may be made twice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.importing.files import FINISHED, File, Folder, FolderState, Job, JobState, Status
from lambdas.importing.retries import delay
from lambdas.importing.settling import Settlement
from lambdas.importing.timing import Timing
from lambdas.telemetry import (
    FILES_FAILED,
    FILES_IMPORTED,
    FILES_NOT_PRIMARY,
    FILES_SKIPPED,
    FILES_WARNED,
    JOBS_COMPLETED,
    JOBS_FAILED,
    logger,
)

METRIC_OF = {
    Status.IMPORTED: FILES_IMPORTED,
    Status.FAILED: FILES_FAILED,
    Status.SKIPPED: FILES_SKIPPED,
}

OVER = {*FINISHED, JobState.ABANDONED}

Measure = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Finisher:
    """Ends jobs and looks again at their folders."""

    ledger: Ledger
    quota: Quota
    plans: Queue
    timing: Timing
    measure: Measure
    tag: Callable[[Job, Iterable[File]], None] | None = None

    def settle(self, files: tuple[File, ...]) -> None:
        """Give files their fate, and count those that had none before."""
        settled = self.ledger.settle(files)
        counts = Counter(METRIC_OF[file.status] for file in settled)
        imported = [file for file in settled if file.status is Status.IMPORTED]
        counts[FILES_NOT_PRIMARY] = sum(file.is_primary is False for file in imported)
        # The reason of a file that was imported is its warnings.
        counts[FILES_WARNED] = sum(file.reason is not None for file in imported)
        for name, number in counts.items():
            self.measure(name, number)

    def still_its_own(self, job: Job, settlement: Settlement) -> Settlement:
        """Without files of folders that the job has left: after a crash other jobs may have them in hand.

        All that it had to say of them was written before it left. What it imported is said again.
        """
        if not any(file.status is not Status.IMPORTED for file in settlement.files):
            return settlement
        return settlement.without(self.ledger.not_held(job))

    def finish(
        self,
        job: Job,
        settlement: Settlement,
        state: JobState,
        message: str | None,
        now: datetime,
        successors: Mapping[str, list[str]] | None = None,
    ) -> None:
        """End a job as COMPLETED or FAILED. `job` is the row as it stands.

        `successors` are the jobs that take its place in a folder, by the folder's path.
        """
        self.settle(settlement.settled)
        if self.tag:
            self.tag(job, settlement.settled)
        self.ledger.give_back(settlement.returned)
        self.quota.free_slot(job.datastore_id, job.name)
        errors = settlement.server_errors
        not_before = now + delay(errors, job.name) if errors else None
        for path in self.ledger.paths_of(job):
            if names := (successors or {}).get(path):
                self.ledger.replace_job(job, path, names)
            else:
                self.leave_folder(job, path, now, not_before)
        if job.state in FINISHED:
            return
        if self.ledger.advance(job, replace(job, state=state, at=now, finished_at=now, message=message)):
            self.measure(JOBS_COMPLETED if state is JobState.COMPLETED else JOBS_FAILED, 1)
            logger.info("job ended", extra={"job": job.name, "job_id": job.job_id, "state": str(state)})

    def release(self, job: Job, now: datetime) -> None:
        """Let go of a PLANNED job that cannot start, and plan its folders anew.

        Its row goes first: from then on nobody starts it, whatever folders still name it.
        """
        if self.ledger.abandon(job):
            self.quota.free_slot(job.datastore_id, job.name)
            for path in self.ledger.paths_of(job):
                # The same files make a job of the same name: it may be planned anew by now.
                if (
                    standing := self.ledger.job(job.name)
                ) is None or standing.state is not JobState.ABANDONED:
                    return
                self.leave_folder(job, path, now)

    def heal(self, folder: Folder, now: datetime) -> None:
        """Take from an IMPORTING folder the jobs that are over, where a crash left them."""
        for name in folder.jobs:
            job = self.ledger.job(name)
            if job and job.state in OVER:
                self.leave_folder(job, folder.path, now)
        self.look_again(self.ledger.folder(folder.bucket, folder.path), now)

    def leave_prefix(self, job: Job, now: datetime) -> None:
        """Give the prefix of a job free that is no longer to be read in place."""
        if job.path not in self.ledger.paths_of(replace(job, in_place=False)):
            self.leave_folder(job, job.path, now)

    def leave_folder(self, job: Job, path: str, now: datetime, not_before: datetime | None = None) -> None:
        folder = self.ledger.leave(job.bucket, path, job.name)
        if folder:
            self.look_again(folder, now, not_before)

    def look_again(self, folder: Folder | None, now: datetime, not_before: datetime | None = None) -> None:
        """Close a folder whose jobs are all over, or open it again for what still waits or came late."""
        while folder and folder.state is FolderState.IMPORTING and not folder.jobs:
            if self.ledger.has_waiting(folder.bucket, folder.path):
                if self.ledger.reopen(folder, self.timing, not_before):
                    due_at = self.timing.due_at(folder.last_at, folder.last_at)
                    wait = (max(due_at, not_before or due_at) - now).total_seconds()
                    self.plans.send({"bucket": folder.bucket, "folder": folder.path}, wait)
                return
            if self.ledger.close(folder, now):
                return
            folder = self.ledger.folder(folder.bucket, folder.path)
