"""Start the import job of a message, once, when there is a slot and its turn has come."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas import clients
from lambdas.adapters.imaging import Imaging, LaterError, RefusedError
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import LONGEST_DELAY_SECONDS, Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.finishing import Finisher
from lambdas.importing.control import Mode
from lambdas.importing.files import Job, JobState
from lambdas.importing.manifests import REASON_CHARACTERS
from lambdas.importing.names import staging_folder
from lambdas.importing.pacer import SOON_SECONDS, nap, wait
from lambdas.importing.retries import MAX_STARTS, delay
from lambdas.importing.routing import Store
from lambdas.importing.settling import Ended, settle_staged
from lambdas.messages import Response, each_message
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import (
    JOBS_STARTED,
    STARTS_THROTTLED,
    described,
    logger,
    measure,
    observed,
)

# One more message of a start under way does no harm; those of a long wait would add up.
RESUMED_WITHIN_SECONDS = 60
PUT_OFF_SECONDS = 15
# A job that waits for a slot is called when one is free. This is for slots that came free unseen.
SLOT_SECONDS = 60
NO_LONGER_CONFIGURED = "its data store is no longer configured; whether the job began, nobody could tell"
# SQS counts a delay by its own clock.
CLOCK_MARGIN = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class Starter:
    """The function's parts."""

    ledger: Ledger
    quota: Quota
    storage: Storage
    imaging: Imaging
    stages: Queue
    starts: Queue
    settings: ImportSettings
    staging_bucket: str
    finisher: Finisher
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    measure: Callable[[str, float], None]

    def message(self, message: dict[str, Any]) -> None:
        """Start a job, or send its message again for later. `ticket` is its place in the line.

        The event of a job that ended comes here too: its slot goes to the next that waits for one.
        """
        if "detail" in message:
            self._pass_on_slot(message["detail"])
            return
        if self.ledger.control.mode() is Mode.PAUSED:
            # The job stays as it is; after `resume` the plan's tick and the sweep send its message again.
            return
        job = self.ledger.job(message["job"])
        if job is None or job.state not in (JobState.PLANNED, JobState.STARTING):
            return
        ticket = message.get("ticket")
        if job.state is JobState.STARTING:
            self._resume(job, ticket)
        elif not job.in_place and not job.staged:
            self.stages.send({"job": job.name})
        elif not self.ledger.not_held(job) and not self._is_put_off(job, ticket):
            # A job starts only while its folders name it: another plan of the same files may have won.
            self._take_off(job, ticket)

    def _pass_on_slot(self, ended: dict[str, Any]) -> None:
        """Not left to `record`: it takes seconds for 5,000 files, and many may wait in its queue."""
        if name := ended.get("jobName"):
            self.quota.free_slot(ended["datastoreId"], name)
        if self.ledger.control.mode() is Mode.PAUSED:
            return
        while waiting := self.quota.next_waiting(ended["datastoreId"]):
            job = self.ledger.job(waiting)
            # One that was let go or planned anew meanwhile, or has begun, leaves the slot to the next.
            if job and self._is_ready(job):
                if self._has_slot(job):
                    self._go_on(job, None)
                return

    def _is_ready(self, job: Job) -> bool:
        is_there = (job.in_place or job.staged) and self._goes_there_still(job)
        return job.state is JobState.PLANNED and is_there and not self.ledger.not_held(job)

    def _goes_there_still(self, job: Job) -> bool:
        """Whether the configuration sends all its folders to its data store, as when it was planned."""
        store = self.settings.store(job.store)
        if store is None or store.datastore_id != job.datastore_id:
            return False
        # One prefix tells of all folders below: those of data stores do not overlap.
        paths = [job.path] if job.in_place else self.ledger.paths_of(job)
        return all(self.settings.store_of(job.bucket, path) == store for path in paths)

    def _is_put_off(self, job: Job, ticket: float | None) -> bool:
        """Whether another message of this job waits for its time: one message a job is enough."""
        return ticket is None and job.at > self.now() + CLOCK_MARGIN

    def _resume(self, job: Job, ticket: float | None) -> None:
        """A start that ended between asking HealthImaging and noting the answer, or is just doing so."""
        seconds = (job.at + delay(job.starts, job.name) - self.now()).total_seconds()
        if job.message is not None:
            self._end_refused(job, job.message)
        elif seconds > RESUMED_WITHIN_SECONDS:
            return
        elif seconds > 0:
            self.starts.send({"job": job.name}, seconds)
        elif job_id := self.imaging.find(job.datastore_id, job.name, job.created_at):
            self._started(job, job_id)
        elif job.starts >= MAX_STARTS:
            self._refuse(job, f"HealthImaging gave no answer to {MAX_STARTS} starts")
        else:
            self._take_off(job, ticket)

    def _take_off(self, job: Job, ticket: float | None) -> None:
        """A slot, and what comes after it. What was planned for another data store is planned anew."""
        if job.state is JobState.PLANNED and not self._goes_there_still(job):
            self.finisher.release(job, self.now())
        elif self.settings.store(job.store) is None:
            self._refuse(job, NO_LONGER_CONFIGURED)
        elif self._has_slot(job):
            self._go_on(job, ticket)
        else:
            self._later(job, self.now() + timedelta(seconds=SLOT_SECONDS))

    def _has_slot(self, job: Job) -> bool:
        return self.quota.take_slot(job, self.settings.slots(is_urgent=job.is_urgent))

    def _go_on(self, job: Job, ticket: float | None) -> None:
        """With a slot: a last look at what lies there, turn, and the start."""
        store = self.settings.store(job.store)
        if store is None:
            raise LookupError(
                f"no data store {job.store!r} in IMPORT_SETTINGS: deploy the Import stack again"
            )
        turn = None if ticket is None else self._turn(job, ticket)
        if turn is not None and self._is_far(turn):
            self._wait_for(job, ticket, turn)
        elif job.state is JobState.PLANNED and job.in_place and not self._is_exact(job):
            self._stage_instead(job)
        elif (place := self._place(job, ticket)) is None:
            self._later(job, self.now() + timedelta(seconds=PUT_OFF_SECONDS))
        elif self._is_called(job, *place):
            self._start(job, store, place[0])

    def _is_called(self, job: Job, ticket: float, turn: float) -> bool:
        """Wait for the turn here, with all made ready: by SQS's whole seconds, ten starts would come at once.

        False when it is far, or the line moved back meanwhile, and the queue waits for it.
        """
        while (seconds := turn - self.now().timestamp()) > 0:
            if self._is_far(turn):
                self._wait_for(job, ticket, turn)
                return False
            self.sleep(nap(seconds))
            turn = self._turn(job, ticket) or turn
        return True

    def _is_far(self, turn: float) -> bool:
        return turn - self.now().timestamp() > SOON_SECONDS

    def _wait_for(self, job: Job, ticket: float | None, turn: float) -> None:
        self._later(job, self.now() + timedelta(seconds=wait(turn - self.now().timestamp())), ticket)

    def _turn(self, job: Job, ticket: float) -> float | None:
        """When it is called, as the rate is now; None for a ticket that was called too long ago."""
        return self.quota.turn(ticket, self.now().timestamp(), self.settings.rate, is_urgent=job.is_urgent)

    def _place(self, job: Job, ticket: float | None) -> tuple[float, float] | None:
        """The ticket and its turn; a new one for a message that has none or came too late for it."""
        turn = None if ticket is None else self._turn(job, ticket)
        if ticket is None or turn is None:
            now = self.now().timestamp()
            return self.quota.take_ticket(now, self.settings.rate, is_urgent=job.is_urgent)
        return ticket, turn

    def _later(self, job: Job, at: datetime, ticket: float | None = None) -> None:
        """Waiting is the queue's, not the function's. The ticket is kept: it need not be asked for again."""
        seconds = (at - self.now()).total_seconds()
        longest = self.now() + timedelta(seconds=LONGEST_DELAY_SECONDS)
        if job.state is JobState.PLANNED and not self.ledger.advance(job, replace(job, at=min(at, longest))):
            return
        self.starts.send({"job": job.name} | ({"ticket": ticket} if ticket is not None else {}), seconds)

    def _is_exact(self, job: Job) -> bool:
        """Whether the objects under the prefix are still the batch: files may have come since the plan."""
        members = {(file.key, file.version): file.folder for file in self.ledger.members(job)}
        lying = self.storage.under(job.bucket, job.path, set(members.values()), len(members))
        return lying is not None and {(one.key, one.version) for one in lying} == members.keys()

    def _stage_instead(self, job: Job) -> None:
        """Copy the files after all; the prefix in which they lie is given free."""
        prefix = f"s3://{self.staging_bucket}/{staging_folder(job.store, job.name)}"
        copied = replace(job, in_place=False, prefix=prefix, at=self.now())
        if self.ledger.advance(job, copied):
            self.stages.send({"job": job.name})
            self.finisher.leave_prefix(job, self.now())

    def _start(self, job: Job, store: Store, ticket: float) -> None:
        """STARTING is written before HealthImaging is asked: after a crash the job is looked for first."""
        now = self.now()
        starting = replace(
            job, state=JobState.STARTING, at=now, started_at=job.started_at or now, starts=job.starts + 1
        )
        if not self.ledger.advance(job, starting):
            return
        try:
            job_id = self.imaging.start(starting, store, self.settings.owner(starting.reads))
        except LaterError as refusal:
            logger.warning("start put off", extra={"job": job.name, "code": str(refusal)})
            # A start that once ended unknown stays STARTING, so that its prefix never changes.
            if refusal.is_throttled:
                self._slow_down(job, ticket, now)
            self._put_back(
                starting,
                replace(starting, state=job.state, starts=job.starts),
                ticket if refusal.is_throttled else None,
            )
        except RefusedError as refusal:
            logger.error("start refused", extra={"job": job.name, "code": refusal.code})
            self._refuse(starting, refusal.reason)
        except Exception as error:
            logger.warning("start unknown", extra={"job": job.name, **described(error)})
            self.starts.send({"job": job.name}, delay(starting.starts, job.name).total_seconds())
        else:
            self._started(starting, job_id)

    def _slow_down(self, job: Job, ticket: float, asked_at: datetime) -> None:
        now, rate = self.now().timestamp(), self.settings.rate
        self.quota.throttled(ticket, asked_at.timestamp(), now, rate, is_urgent=job.is_urgent)
        self.measure(STARTS_THROTTLED, 1)

    def _put_back(self, seen: Job, job: Job, ticket: float | None) -> None:
        """A throttled start comes again when its ticket is called again, any other after a while."""
        place = self._place(job, ticket) if ticket is not None else None
        at = self.now() + timedelta(seconds=PUT_OFF_SECONDS)
        if place:
            at = max(self.now(), datetime.fromtimestamp(place[1], UTC))
        if self.ledger.advance(seen, replace(job, at=at)):
            message = {"job": job.name} | ({"ticket": place[0]} if place else {})
            if job.state is JobState.STARTING:
                at += delay(job.starts, job.name)
            self.starts.send(message, (at - self.now()).total_seconds())

    def _refuse(self, job: Job, reason: str) -> None:
        """HealthImaging will never take this job.

        Its row says so before its files do: after a crash between them it must not be started again.
        """
        refused = replace(job, at=self.now(), message=reason)
        if self.ledger.advance(job, refused):
            self._end_refused(refused, reason)

    def _end_refused(self, job: Job, reason: str) -> None:
        """The files fail with HealthImaging's reason."""
        now = self.now()
        ended = Ended(job=job, started_at=now, ended_at=now, failure=reason[:REASON_CHARACTERS])
        settlement = settle_staged(ended, self.ledger.members(job), {}, now)
        settlement = self.finisher.still_its_own(job, settlement)
        self.finisher.finish(job, settlement, JobState.FAILED, reason, now)

    def _started(self, job: Job, job_id: str) -> None:
        if self.ledger.advance(job, replace(job, state=JobState.STARTED, job_id=job_id, at=self.now())):
            logger.info("job started", extra={"job": job.name, "job_id": job_id, "in_place": job.in_place})
            self.measure(JOBS_STARTED, 1)
            self.quota.started(self.now().timestamp(), self.settings.rate)


def from_environment() -> Starter:
    table = clients.table()
    stages, starts, plans = clients.queues("STAGE_QUEUE_URL", "START_QUEUE_URL", "PLAN_QUEUE_URL")
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    ledger, quota = Ledger(table, clients.WORKERS), Quota(table, clients.pace_table(settings))
    return Starter(
        ledger=ledger,
        quota=quota,
        storage=clients.storage(settings),
        imaging=Imaging(clients.healthimaging(clients.ONCE), clients.WhenUsed(clients.healthimaging)),
        stages=stages,
        starts=starts,
        settings=settings,
        staging_bucket=setting(os.environ, "STAGING_BUCKET"),
        finisher=Finisher(ledger=ledger, quota=quota, plans=plans, timing=settings.timing, measure=measure),
        now=clients.now,
        sleep=time.sleep,
        measure=measure,
    )


starter = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response:
    return each_message(event, starter.message)
