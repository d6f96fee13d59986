"""Turn each folder that is due into jobs, and put the jobs on the start queue."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas import clients
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.finishing import Finisher
from lambdas.importing.control import Mode
from lambdas.importing.files import Folder, FolderState, Job, JobState, Status, folders_above
from lambdas.importing.overwrites import settle_overwrites
from lambdas.importing.planner import Batch, Plan, plan, staging_key
from lambdas.messages import Response, each_message
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import (
    JOBS_IN_FLIGHT,
    OLDEST_WAITING_SECONDS,
    described,
    logger,
    measure,
    observed,
)

# A start message that is not handled by then is taken as lost.
LOST_AFTER = timedelta(seconds=60)
# Leaves the folder in hand time to end before Lambda ends the function.
MILLISECONDS_TO_SPARE = 30_000
# A folder that is said to be complete waits so often, and so long, for events that are on their way.
LOOKS_FOR_LATE_EVENTS = 5
LATE_EVENT_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Planner:
    """The function's parts."""

    ledger: Ledger
    quota: Quota
    storage: Storage
    plans: Queue
    starts: Queue
    settings: ImportSettings
    staging_bucket: str
    finisher: Finisher
    now: Callable[[], datetime]
    measure: Callable[[str, float], None]

    def folder(self, message: dict[str, Any]) -> None:
        """Plan the folder of a message, or send the message again for when it is due.

        While the import is paused or drained the message goes; the folder's row stays, and the tick has it.
        """
        if self.ledger.control.mode() is not Mode.RUNNING:
            return
        if message.get("complete"):
            self._complete(message)
            return
        folder = self.ledger.folder(message["bucket"], message["folder"])
        if folder is None or folder.state is not FolderState.OPEN:
            return
        wait = self._wait(folder)
        if wait <= 0:
            self._plan(folder, message)
        elif self._is_full(folder):
            self._plan(folder, None)
        else:
            self.plans.send(message, wait)

    def _complete(self, message: dict[str, Any]) -> None:
        """Somebody says that no more will come: plan every open folder under the prefix now."""
        bucket, prefix = message["bucket"], message["folder"]
        below = (one.path for one in self.ledger.folders_in(FolderState.OPEN) if one.bucket == bucket)
        for path in sorted({prefix, *(path for path in below if path.startswith(prefix))}):
            folder = self.ledger.folder(bucket, path)
            if folder and folder.state is FolderState.OPEN and self._is_free(folder):
                left = message.get("left", LOOKS_FOR_LATE_EVENTS)
                again = {"bucket": bucket, "folder": path}
                self._plan(folder, again | ({"complete": True, "left": left - 1} if left else {}))

    def _is_full(self, folder: Folder) -> bool:
        """Whether a whole job waits: then there is no use in waiting for more."""
        if not self._is_free(folder):
            return False
        limits = self.settings.limits
        rows = self.ledger.files(folder.bucket, folder.path)
        sizes = [row.size for row in rows if row.status is Status.WAITING]
        return len(sizes) >= limits.files or sum(sizes) >= limits.bytes

    def _is_free(self, folder: Folder) -> bool:
        """Whether nothing but the quiet period keeps the folder waiting."""
        is_held_back = folder.not_before is not None and folder.not_before > self.now()
        return not is_held_back and not self._is_read_from_above(folder)

    def tick(self, remaining_milliseconds: Callable[[], int]) -> None:
        """Plan what is due though its message was lost, and send start messages that were lost again."""
        now, mode = self.now(), self.ledger.control.mode()
        open_folders = self.ledger.folders_in(FolderState.OPEN, before=now) if mode is Mode.RUNNING else ()
        for folder in open_folders:
            if remaining_milliseconds() < MILLISECONDS_TO_SPARE:
                logger.warning("the rest is left to the next tick")
                break
            self._plan_alone(folder)
        for job in self.ledger.jobs_in(JobState.PLANNED, before=now - LOST_AFTER):
            if mode is not Mode.PAUSED:
                self._start_again(job)
        self._publish(now)

    def _plan_alone(self, listed: Folder) -> None:
        """One folder's error must not keep the others waiting."""
        try:
            folder = self.ledger.folder(listed.bucket, listed.path)
            if folder and folder.state is FolderState.OPEN and self._wait(folder) <= 0:
                self._plan(folder, {"bucket": folder.bucket, "folder": folder.path})
        except Exception as error:
            logger.warning("folder failed", extra=described(error))

    def _wait(self, folder: Folder) -> float:
        """Seconds until the folder may be planned."""
        timing = self.settings.timing
        due_at = max(timing.due(folder), folder.not_before or folder.first_at)
        wait = (due_at - self.now()).total_seconds()
        if wait <= 0 and self._is_read_from_above(folder):
            return timing.quiet_seconds
        return wait

    def _is_read_from_above(self, folder: Folder) -> bool:
        """Whether a job in place reads a folder that this one lies in, and may read its files as well."""
        for path in folders_above(folder.path):
            above = self.ledger.folder(folder.bucket, path)
            if above and above.state is FolderState.IMPORTING and above.in_place:
                return True
        return False

    def _plan(self, folder: Folder, again: dict[str, Any] | None) -> None:
        """Every step may be made twice, and by two at once: the folder's row has the last word.

        The jobs are written before the folder names them, and none starts before it does. `again` is sent
        when an object lies there whose event has not come; without it such objects are not waited for.
        """
        now = self.now()
        rows = self.ledger.files(folder.bucket, folder.path)
        listing = self.storage.listing(folder.bucket, folder.path)
        longest = folder.first_at + timedelta(seconds=self.settings.timing.longest_wait_seconds)
        if again and listing.holds_unseen(rows) and now < longest:
            wait = LATE_EVENT_SECONDS if again.get("complete") else self.settings.timing.quiet_seconds
            self.plans.send(again, min(wait, (longest - now).total_seconds()))
            return

        overwrites = settle_overwrites(rows, self.settings.overwrites, now)
        settled = {(file.key, file.version) for file in overwrites}
        waiting = [
            row for row in rows if row.status is Status.WAITING and (row.key, row.version) not in settled
        ]
        planned = plan(self.settings.deployment, waiting, listing, self.settings.limits, now)
        self.finisher.settle(overwrites + planned.settled)
        for batch in planned.batches:
            self.ledger.plan(self._job(folder, batch, now), batch.files)
        self._begin(folder, planned, now)

    def _begin(self, folder: Folder, planned: Plan, now: datetime) -> None:
        names = [batch.name for batch in planned.batches]
        in_place = any(batch.in_place for batch in planned.batches)
        if not self.ledger.begin(folder, names, in_place, now):
            return
        for batch in planned.batches:
            logger.info("job planned", extra={"job": batch.name, "files": len(batch.files)})
            self.starts.send({"job": batch.name})
        if not names:
            self.finisher.look_again(self.ledger.folder(folder.bucket, folder.path), now)

    def _job(self, folder: Folder, batch: Batch, now: datetime) -> Job:
        store = self.settings.store(folder.store)
        if store is None:
            raise LookupError(
                f"no data store {folder.store!r} in IMPORT_SETTINGS: deploy the Import stack again"
            )
        staged = f"s3://{self.staging_bucket}/{staging_key(batch.name, '')}"
        return Job(
            name=batch.name,
            bucket=folder.bucket,
            folder=folder.path,
            store=store.id,
            datastore_id=store.datastore_id,
            state=JobState.PLANNED,
            files=len(batch.files),
            bytes=batch.bytes,
            in_place=batch.in_place,
            prefix=f"s3://{folder.bucket}/{folder.path}" if batch.in_place else staged,
            created_at=now,
            at=now,
        )

    def _start_again(self, job: Job) -> None:
        folder = self.ledger.folder(job.bucket, job.folder)
        if folder and job.name in folder.jobs:
            self.starts.send({"job": job.name})
        elif folder and folder.state is not FolderState.OPEN:
            self.ledger.abandon(job)

    def _publish(self, now: datetime) -> None:
        oldest = [self._oldest(state) for state in (FolderState.OPEN, FolderState.IMPORTING)]
        waited = [(now - folder.first_at).total_seconds() for folder in oldest if folder]
        self.measure(OLDEST_WAITING_SECONDS, max(waited, default=0))
        in_flight = sum(len(self.quota.slots(store.datastore_id)) for store in self.settings.stores)
        self.measure(JOBS_IN_FLIGHT, in_flight)

    def _oldest(self, state: FolderState) -> Folder | None:
        return next(self.ledger.folders_in(state), None)


def from_environment() -> Planner:
    table = clients.table()
    plans, starts = clients.queues("PLAN_QUEUE_URL", "START_QUEUE_URL")
    ledger, quota = Ledger(table, clients.WORKERS), Quota(table)
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    return Planner(
        ledger=ledger,
        quota=quota,
        storage=Storage(clients.s3()),
        plans=plans,
        starts=starts,
        settings=settings,
        staging_bucket=setting(os.environ, "STAGING_BUCKET"),
        finisher=Finisher(ledger=ledger, quota=quota, plans=plans, timing=settings.timing, measure=measure),
        now=clients.now,
        measure=measure,
    )


planner = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response | None:
    if "Records" in event:
        return each_message(event, planner.folder)
    planner.tick(context.get_remaining_time_in_millis)
    return None
