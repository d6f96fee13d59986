"""Turn folders that are due into jobs, and send what was lost on its way again."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from lambdas import clients
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.committing import Committer
from lambdas.finishing import Finisher
from lambdas.importing.control import Mode
from lambdas.importing.files import Folder, FolderState, JobState
from lambdas.messages import Response, each_message
from lambdas.planning import Planner
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import JOBS_IN_FLIGHT, OLDEST_WAITING_SECONDS, measure, observed

# A message that is not handled by then is taken as lost.
LOST_AFTER = timedelta(seconds=60)
# With more folders open than these, one message's look at all of them costs too much: the tick plans them.
FEW_FOLDERS = 200
# A folder that is said to be complete waits so often, and so long, for events that are on their way.
LOOKS_FOR_LATE_EVENTS = 5
LATE_EVENT_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The function's parts."""

    ledger: Ledger
    quota: Quota
    plans: Queue
    settings: ImportSettings
    planner: Planner
    committer: Committer
    now: Callable[[], datetime]
    measure: Callable[[str, float], None]

    def message(self, message: dict[str, Any]) -> None:
        """Plan the folder of a message, or send the message again for when it is due.

        While the import is paused or drained the message goes; the folder's row stays, and the tick has it.
        """
        if self.ledger.control.mode() is not Mode.RUNNING:
            return
        if message.get("complete"):
            self._complete(message)
            return
        if "units" in message:
            self.planner.take(message)
            return
        folder = self.ledger.folder(message["bucket"], message["folder"])
        if folder is None or folder.state is not FolderState.OPEN:
            return
        due_at = max(self.settings.timing.due(folder), folder.not_before or folder.first_at)
        if (wait := (due_at - self.now()).total_seconds()) <= 0:
            self._plan_with(folder)
        elif self._is_full(folder):
            self.planner.plan([folder], complete=True, patient=False)
        else:
            self.plans.send(message, wait)

    def _plan_with(self, folder: Folder) -> None:
        """Plan a folder with the others that are due. With very many open, the choice is the tick's."""
        open_folders = list(islice(self.ledger.folders_in(FolderState.OPEN), FEW_FOLDERS))
        if folder.path.startswith(self.settings.urgent_prefixes):
            open_folders = []
        if len(open_folders) < FEW_FOLDERS:
            others = [one for one in open_folders if (one.bucket, one.path) != (folder.bucket, folder.path)]
            for one in self.planner.plan([folder, *others]):
                again = {"bucket": one.bucket, "folder": one.path}
                if one.path == folder.path:
                    self.plans.send(again, self.settings.timing.quiet_seconds)

    def _complete(self, message: dict[str, Any]) -> None:
        """Somebody says that no more will come: plan every open folder under the prefix now."""
        bucket, prefix = message["bucket"], message["folder"]
        left = message.get("left", LOOKS_FOR_LATE_EVENTS)
        below = {
            one.path
            for one in self.ledger.folders_in(FolderState.OPEN)
            if one.bucket == bucket and one.path.startswith(prefix)
        }
        found = [self.ledger.folder(bucket, path) for path in sorted({prefix, *below})]
        still_open = [one for one in found if one and one.state is FolderState.OPEN]
        for one in self.planner.plan(still_open, complete=True, patient=left > 0):
            again = {"bucket": bucket, "folder": one.path, "complete": True, "left": left - 1}
            self.plans.send(again, LATE_EVENT_SECONDS)

    def _is_full(self, folder: Folder) -> bool:
        """Whether a whole job waits: then there is no use in waiting for more."""
        if folder.not_before is not None and folder.not_before > self.now():
            return False
        limits = self.settings.limits
        sizes = self.ledger.waiting_sizes(folder.bucket, folder.path, limits.files)
        return len(sizes) >= limits.files or sum(sizes) >= limits.bytes

    def tick(self) -> None:
        """Plan what is due though its message was lost or had to wait, and send lost job messages again."""
        now, mode = self.now(), self.ledger.control.mode()
        failure = self._failure_of_planning(mode)
        for job in self.ledger.jobs_in(JobState.PLANNED, before=now - LOST_AFTER):
            if mode is not Mode.PAUSED:
                self.committer.send_again(job)
        self._publish(now)
        if failure:
            raise failure

    def _failure_of_planning(self, mode: Mode) -> Exception | None:
        """Kept to the end of the tick, when it rings the alarm: first, lost messages are sent again."""
        folders = self.ledger.folders_in(FolderState.OPEN)
        try:
            if mode is Mode.RUNNING:
                self.planner.plan(folders, send=self.plans.send)
            else:
                self.planner.count(folders)
        except Exception as error:
            return error
        return None

    def _publish(self, now: datetime) -> None:
        oldest = [self._oldest(state) for state in (FolderState.OPEN, FolderState.IMPORTING)]
        waited = [(now - folder.first_at).total_seconds() for folder in oldest if folder]
        self.measure(OLDEST_WAITING_SECONDS, max(waited, default=0))
        in_flight = sum(len(self.quota.slots(store.datastore_id)) for store in self.settings.stores)
        self.measure(JOBS_IN_FLIGHT, in_flight)

    def _oldest(self, state: FolderState) -> Folder | None:
        return next(self.ledger.folders_in(state), None)


def from_environment() -> Plan:
    table = clients.table()
    plans, stages, starts = clients.queues("PLAN_QUEUE_URL", "STAGE_QUEUE_URL", "START_QUEUE_URL")
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    ledger, quota = Ledger(table, clients.WORKERS), Quota(table, clients.pace_table(settings))
    committer = Committer(
        ledger=ledger,
        finisher=Finisher(ledger=ledger, quota=quota, plans=plans, timing=settings.timing, measure=measure),
        stages=stages,
        starts=starts,
        settings=settings,
        staging_bucket=setting(os.environ, "STAGING_BUCKET"),
        now=clients.now,
    )
    planner = Planner(
        ledger=ledger,
        quota=quota,
        storage=clients.storage(settings),
        committer=committer,
        settings=settings,
        now=clients.now,
        workers=clients.WORKERS,
    )
    return Plan(
        ledger=ledger,
        quota=quota,
        plans=plans,
        settings=settings,
        planner=planner,
        committer=committer,
        now=clients.now,
        measure=measure,
    )


plan = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response | None:
    if "Records" in event:
        return each_message(event, plan.message)
    plan.tick()
    return None
