"""Copy the files of a job to a prefix of its own, so that it reads them and nothing else."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lambdas import clients
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.parallel import each
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import CopyRefusedError, Storage
from lambdas.finishing import Finisher
from lambdas.importing.control import Mode
from lambdas.importing.files import File, Job, JobState, Status, failed, skipped
from lambdas.importing.names import KEY_TOO_LONG, fits_staging
from lambdas.importing.planner import DELETED
from lambdas.importing.settling import NOTHING
from lambdas.messages import Response, each_message
from lambdas.settings import read_import_settings, setting
from lambdas.telemetry import FILES_COPIED, measure, observed

# While copies are made, other messages of the same job leave it alone.
STAGING_FOR = timedelta(minutes=5)
# A right that was taken from all is given back within so long; until then none of the files fails for it.
PATIENT_FOR = timedelta(minutes=30)
NOT_COPIED = "S3 does not let it be copied to staging: "
# SQS counts a delay by its own clock.
CLOCK_MARGIN = timedelta(seconds=2)


class AllRefusedError(Exception):
    """S3 refused every copy of a job: more likely a right is missing than each file is to blame."""


@dataclass(frozen=True, kw_only=True)
class Stager:
    """The function's parts."""

    ledger: Ledger
    storage: Storage
    starts: Queue
    staging_bucket: str
    finisher: Finisher
    now: Callable[[], datetime]
    measure: Callable[[str, float], None]
    workers: int

    def message(self, message: dict[str, Any]) -> None:
        """Copy the job's files, and have it started. Made twice, the copies are the same."""
        if self.ledger.control.mode() is Mode.PAUSED:
            return
        job = self.ledger.job(message["job"])
        if job is None or job.state is not JobState.PLANNED or job.in_place:
            return
        if not job.staged:
            if job.at > self.now() + CLOCK_MARGIN or self.ledger.not_held(job):
                return
            if not self._stage(job):
                return
        self.starts.send({"job": job.name})

    def _stage(self, job: Job) -> bool:
        """Whether all that waits is copied; False when nothing is left, or another has taken over."""
        copying = replace(job, at=self.now() + STAGING_FOR)
        if not self.ledger.advance(job, copying):
            return False
        files = [file for file in self.ledger.members(job) if file.status is Status.WAITING]
        copied = each(self.workers, lambda file: self._copy(file, job), files)
        lost = [file for file in copied if file]
        refused = [file for file in lost if (file.reason or "").startswith(NOT_COPIED)]
        gone = [file for file in lost if file.reason == DELETED]
        if refused and len(refused) == len(files) - len(gone) and self.now() < job.created_at + PATIENT_FOR:
            raise AllRefusedError
        self.finisher.settle(tuple(lost))
        self.measure(FILES_COPIED, len(files) - len(lost))
        if len(lost) == len(files):
            self.finisher.finish(
                copying, NOTHING, JobState.COMPLETED, "no file was left to import", self.now()
            )
            return False
        return self.ledger.advance(copying, replace(job, staged=True, at=self.now()))

    def _copy(self, file: File, job: Job) -> File | None:
        """The file with its fate when it cannot be copied.

        What a try before this one copied is there all the same, and the job will read it.
        """
        if not fits_staging(job.path, file):
            return failed(file, KEY_TOO_LONG, self.now())
        key = job.path + file.key
        try:
            if self.storage.copy(file, self.staging_bucket, key):
                return None
            lost = skipped(file, DELETED, self.now())
        except CopyRefusedError as error:
            lost = failed(file, f"{NOT_COPIED}{error}", self.now())
        return None if self.storage.is_there(self.staging_bucket, key) else lost


def from_environment() -> Stager:
    table = clients.table()
    starts, plans = clients.queues("START_QUEUE_URL", "PLAN_QUEUE_URL")
    ledger = Ledger(table, clients.WORKERS)
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    return Stager(
        ledger=ledger,
        storage=clients.storage(settings),
        starts=starts,
        staging_bucket=setting(os.environ, "STAGING_BUCKET"),
        finisher=Finisher(
            ledger=ledger, quota=Quota(table), plans=plans, timing=settings.timing, measure=measure
        ),
        now=clients.now,
        measure=measure,
        workers=clients.WORKERS,
    )


stager = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response:
    return each_message(event, stager.message)
