"""Find what events did not tell: objects without a row, jobs that ended unseen, slots that nobody holds."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas import clients
from lambdas.adapters.imaging import Imaging
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.rows import to_text
from lambdas.adapters.storage import Storage
from lambdas.finishing import Finisher
from lambdas.importing.files import FINISHED, FolderState, Job, JobState, Status, Version, split_key
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import logger, measure, observed

# Events of what is younger may still be on their way.
EVENTS_WITHIN = timedelta(seconds=60)
MILLISECONDS_TO_SPARE = 30_000

DETAIL_TYPE = {"COMPLETED": "Import Job Completed", "FAILED": "Import Job Failed"}


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """The function's parts."""

    ledger: Ledger
    quota: Quota
    storage: Storage
    imaging: Imaging
    uploads: Queue
    starts: Queue
    results: Queue
    settings: ImportSettings
    input_bucket: str
    finisher: Finisher
    now: Callable[[], datetime]

    def sweep(self, remaining_milliseconds: Callable[[], int]) -> None:
        """Jobs first: they are few, and the listing of a large bucket goes on in the next sweep."""
        before = self.now() - EVENTS_WITHIN
        for job in self.ledger.jobs_in(JobState.STARTED, before):
            self._ask_after(job)
        for job in self.ledger.jobs_in(JobState.STARTING, before):
            self.starts.send({"job": job.name})
        for folder in self.ledger.folders_in(FolderState.IMPORTING, before):
            self.finisher.heal(folder, self.now())
        self._free_slots()
        self._find_objects(before, remaining_milliseconds)

    def _ask_after(self, job: Job) -> None:
        """A job that ended, or is no longer known, is told of in the shape of HealthImaging's own event."""
        import_job = self.imaging.get(job.datastore_id, str(job.job_id))
        status = import_job.status if import_job else "FAILED"
        if status in DETAIL_TYPE:
            logger.info("job ended unseen", extra={"job": job.name, "job_id": job.job_id})
            self.results.send(
                {
                    "source": "aws.medical-imaging",
                    "detail-type": DETAIL_TYPE[status],
                    "detail": {
                        "datastoreId": job.datastore_id,
                        "jobId": job.job_id,
                        "jobName": job.name,
                        "jobStatus": status,
                    },
                }
            )

    def _free_slots(self) -> None:
        for store in self.settings.stores:
            for name in self.quota.slots(store.datastore_id):
                job = self.ledger.job(name)
                if job is None or job.state in FINISHED:
                    self.quota.free_slot(store.datastore_id, name)

    def _find_objects(self, before: datetime, remaining_milliseconds: Callable[[], int]) -> None:
        """Walk through the bucket, from where the last sweep had to stop."""
        start = self.ledger.sweep_position()
        position: str | None = None
        for page in self.storage.pages(self.input_bucket, start):
            self._tell_of(version for version in page if version.modified_at <= before)
            if remaining_milliseconds() < MILLISECONDS_TO_SPARE:
                position = max(version.key for version in page)
                break
        if position != start:
            self.ledger.keep_sweep_position(position)

    def _tell_of(self, versions: Iterable[Version]) -> None:
        """Send an upload event for each version without a row, or waiting in a folder at rest.

        Versions that are no longer current are told of too: they are skipped, with a row that says so.
        """
        folders: dict[str, list[Version]] = defaultdict(list)
        for version in versions:
            if not version.is_delete_marker:
                folders[split_key(version.key)[0]].append(version)
        for path, found in folders.items():
            rows = {(row.key, row.version): row for row in self.ledger.files(self.input_bucket, path)}
            folder = self.ledger.folder(self.input_bucket, path)
            is_asleep = folder is None or folder.state is FolderState.DONE
            for version in found:
                row = rows.get((version.key, version.version))
                if row is None or (is_asleep and row.status is Status.WAITING):
                    self._upload(version)

    def _upload(self, version: Version) -> None:
        self.uploads.send(
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "time": to_text(version.modified_at),
                "detail": {
                    "bucket": {"name": self.input_bucket},
                    "object": {
                        "key": version.key,
                        "size": version.size,
                        "etag": version.etag,
                        "version-id": version.version,
                    },
                    "reason": "sweep",
                },
            }
        )


def from_environment() -> Sweeper:
    table = clients.table()
    uploads, plans, starts, results = clients.queues(
        "UPLOADS_QUEUE_URL", "PLAN_QUEUE_URL", "START_QUEUE_URL", "RESULTS_QUEUE_URL"
    )
    ledger, quota = Ledger(table), Quota(table)
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    return Sweeper(
        ledger=ledger,
        quota=quota,
        storage=Storage(clients.s3()),
        # Without a job under way there is nothing to ask.
        imaging=Imaging(clients.WhenUsed(clients.healthimaging)),
        uploads=uploads,
        starts=starts,
        results=results,
        settings=settings,
        input_bucket=setting(os.environ, "INPUT_BUCKET"),
        finisher=Finisher(ledger=ledger, quota=quota, plans=plans, timing=settings.timing, measure=measure),
        now=clients.now,
    )


sweeper = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> None:
    sweeper.sweep(context.get_remaining_time_in_millis)
