"""Find what events did not tell: objects without a row, jobs that ended unseen, slots that nobody holds."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lambdas import clients
from lambdas.adapters.imaging import Imaging
from lambdas.adapters.inventories import Inventories
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.comparing import Comparer, tell
from lambdas.deleting import Deleter
from lambdas.finishing import OVER, Finisher
from lambdas.importing.files import Folder, FolderState, Job, JobState, Version
from lambdas.redriving import revive
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import described, logger, measure, observed
from lambdas.walking import Walk, by_inventory, by_listing

# Events of what is younger may still be on their way.
EVENTS_WITHIN = timedelta(seconds=60)
MILLISECONDS_TO_SPARE = 30_000

T = TypeVar("T")

DETAIL_TYPE = {"COMPLETED": "Import Job Completed", "FAILED": "Import Job Failed"}


@dataclass(frozen=True, kw_only=True)
class Swept:
    """A bucket that is looked through. Only in ours, which has a deleter, is anything deleted."""

    account: str
    walk: Walk
    comparer: Comparer
    deleter: Deleter | None = None


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """The function's parts."""

    ledger: Ledger
    quota: Quota
    imaging: Imaging
    uploads: Queue
    starts: Queue
    results: Queue
    settings: ImportSettings
    buckets: Sequence[Swept]
    finisher: Finisher
    now: Callable[[], datetime]

    def sweep(self, remaining_milliseconds: Callable[[], int]) -> None:
        """Jobs first: they are few, and the walk through a large bucket goes on in the next sweep.

        A job that cannot be asked after, or a partner's bucket that cannot be read, keeps nothing else from
        being swept; then the sweep fails.
        """
        before = self.now() - EVENTS_WITHIN
        failures = _tried(self._ask_after, self.ledger.jobs_in(JobState.STARTED, before))
        for job in self.ledger.jobs_in(JobState.STARTING, before):
            self.starts.send({"job": job.name})
        failures += _tried(self._heal, self.ledger.folders_in(FolderState.IMPORTING, before))
        self._free_slots()
        for number, swept in enumerate(self.buckets):
            if failure := self._walk(swept, before, self._share(number, remaining_milliseconds)):
                failures.append(failure)
        if failures:
            raise failures[0]

    def _heal(self, folder: Folder) -> None:
        self.finisher.heal(folder, self.now())

    def _share(self, number: int, remaining_milliseconds: Callable[[], int]) -> Callable[[], bool]:
        """Tells when a bucket has had its share of the time: one of millions leaves some to the rest."""
        begun_with = remaining_milliseconds() - MILLISECONDS_TO_SPARE
        left_to_the_rest = begun_with * (1 - 1 / (len(self.buckets) - number))
        return lambda: remaining_milliseconds() - MILLISECONDS_TO_SPARE < left_to_the_rest

    def _walk(self, swept: Swept, before: datetime, is_time_up: Callable[[], bool]) -> Exception | None:
        def look_at(versions: Iterable[Version]) -> None:
            self._look_at(swept, (one for one in versions if one.modified_at <= before))

        try:
            swept.walk(look_at, is_time_up)
        except Exception as error:
            logger.warning("bucket not swept", extra={"account": swept.account, **described(error)})
            return error
        return None

    def _ask_after(self, job: Job) -> None:
        """A job that ended, or is no longer known, is told of in the shape of HealthImaging's own event."""
        import_job = self.imaging.get(job.datastore_id, str(job.job_id))
        status = import_job.status if import_job else "FAILED"
        if status in DETAIL_TYPE:
            logger.info("job ended unseen", extra={"job": job.name, "job_id": job.job_id})
            event = {
                "source": "aws.medical-imaging",
                "detail-type": DETAIL_TYPE[status],
                "detail": {
                    "datastoreId": job.datastore_id,
                    "jobId": job.job_id,
                    "jobName": job.name,
                    "jobStatus": status,
                },
            }
            for queue in (self.starts, self.results):
                queue.send(event)

    def _free_slots(self) -> None:
        for store in self.settings.stores:
            for name in self.quota.slots(store.datastore_id):
                job = self.ledger.job(name)
                if job is None or job.state in OVER:
                    self.quota.free_slot(store.datastore_id, name)

    def _look_at(self, swept: Swept, versions: Iterable[Version]) -> None:
        found = swept.comparer.compare(versions)
        back = [one.row for one in found if one.is_back and one.row]
        revive(self.ledger, back, self.settings.timing, self.now())
        untold = [one.version for one in found if one.is_untold]
        tell(self.uploads, swept.comparer.bucket, swept.account, untold, "sweep")
        if swept.deleter:
            swept.deleter.delete(found, self.now())


def _tried(work: Callable[[T], None], what: Iterable[T]) -> list[Exception]:
    """Do the work for each, and answer what went wrong."""
    failures = []
    for one in what:
        try:
            work(one)
        except Exception as error:
            logger.warning("part not swept", extra=described(error))
            failures.append(error)
    return failures


def swept(
    settings: ImportSettings,
    bucket: str,
    storage: Storage,
    ledger: Ledger,
    inventories: Inventories | None,
    measure: Callable[[str, float], None],
    workers: int,
) -> list[Swept]:
    """The input bucket, by its inventories if it has some, and the partners' buckets."""
    ours = Swept(
        account=settings.owner(bucket),
        walk=by_inventory(inventories) if inventories else by_listing(storage, ledger, bucket),
        comparer=Comparer(ledger=ledger, bucket=bucket, workers=workers),
        deleter=Deleter(
            storage=storage, bucket=bucket, sources=settings.sources, measure=measure, workers=workers
        ),
    )
    theirs = [
        Swept(
            account=partner.account,
            walk=by_listing(storage, ledger, partner.bucket, partner.prefix),
            comparer=Comparer(ledger=ledger, bucket=partner.bucket, workers=workers),
        )
        for partner in settings.partners
    ]
    return [ours, *theirs]


def from_environment() -> Sweeper:
    table = clients.table()
    uploads, plans, starts, results = clients.queues(
        "UPLOADS_QUEUE_URL", "PLAN_QUEUE_URL", "START_QUEUE_URL", "RESULTS_QUEUE_URL"
    )
    ledger, quota = Ledger(table), Quota(table)
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    storage, bucket = clients.storage(settings), settings.input_bucket
    inventories = Inventories(storage, settings.inventory_uri, table) if settings.inventory_uri else None
    return Sweeper(
        ledger=ledger,
        quota=quota,
        # Without a job under way there is nothing to ask.
        imaging=Imaging(clients.WhenUsed(clients.healthimaging)),
        uploads=uploads,
        starts=starts,
        results=results,
        settings=settings,
        buckets=swept(settings, bucket, storage, ledger, inventories, measure, clients.WORKERS),
        finisher=Finisher(ledger=ledger, quota=quota, plans=plans, timing=settings.timing, measure=measure),
        now=clients.now,
    )


sweeper = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> None:
    sweeper.sweep(context.get_remaining_time_in_millis)
