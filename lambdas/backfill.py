"""Tell `register` of the files that were in the bucket before: cut the bucket into slices, tell of one slice.

The state machine hands over numbers alone; the keys between which a slice lies stand in the ledger.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lambdas import clients
from lambdas.adapters.backfills import Backfills, Run
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.storage import Storage
from lambdas.comparing import Comparer, tell
from lambdas.importing.slicing import cut
from lambdas.settings import read_import_settings, setting
from lambdas.telemetry import logger, observed

VERSIONS_PER_SLICE = 5_000
# A state's input and output may hold 256 KiB; so many numbers take 8.
SLICES_AT_ONCE = 1_000
MILLISECONDS_TO_SPARE = 60_000


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """The function's parts."""

    runs: Backfills
    storage: Storage
    comparer: Comparer
    uploads: Queue
    account: str
    versions_per_slice: int = VERSIONS_PER_SLICE

    def cut(self, run_id: str, remaining_milliseconds: Callable[[], int]) -> dict[str, Any]:
        """The numbers of the slices to be told of now, and whether the backfill is at its end."""
        # Read first: another call may cut the rest meanwhile, of which `undone` knows nothing.
        run = self._run(run_id)
        undone = self.runs.undone(run_id, SLICES_AT_ONCE)
        if not undone:
            if run.is_cut:
                self.runs.finish(run)
                logger.info("backfill finished", extra={"run": run_id})
                return {"slices": [], "finished": True}
            self._cut(run, remaining_milliseconds)
            undone = self.runs.undone(run_id, SLICES_AT_ONCE)
        return {"slices": undone, "finished": False}

    def _cut(self, run: Run, remaining_milliseconds: Callable[[], int]) -> None:
        """Go on from where the last call stopped, or from where another execution is."""
        enough = run.slices + SLICES_AT_ONCE
        pages = self.storage.pages(self.comparer.bucket, run.after, run.prefix)
        for slice_ in cut(pages, run.after, self.versions_per_slice):
            run = self.runs.add(run, slice_)
            if (
                run.after != slice_.until
                or run.slices >= enough
                or remaining_milliseconds() < MILLISECONDS_TO_SPARE
            ):
                return
        self.runs.end_cutting(run)

    def tell(self, run_id: str, number: int) -> int:
        """Tell of what the ledger does not know in one slice; of how many."""
        run, found = self._run(run_id), self.runs.slice(run_id, number)
        if found is None:
            raise LookupError(f"the backfill {run_id} has no slice {number}")
        slice_, told = found
        if told is None:
            told = 0
            bucket = self.comparer.bucket
            for page in self.storage.pages(bucket, slice_.after, run.prefix):
                within = [version for version in page if version.key <= slice_.until]
                compared = self.comparer.compare(within)
                untold = [one.version for one in compared if one.is_untold]
                told += tell(self.uploads, bucket, self.account, untold, "backfill")
                if len(within) < len(page):
                    break
            self.runs.done(run_id, number, told)
        return told

    def _run(self, run_id: str) -> Run:
        run = self.runs.run(run_id)
        if run is None:
            raise LookupError(f"no backfill {run_id}: `ahi backfill` begins one")
        return run


def from_environment() -> Backfill:
    table = clients.table()
    (uploads,) = clients.queues("UPLOADS_QUEUE_URL")
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    bucket = settings.input_bucket
    return Backfill(
        runs=Backfills(table),
        storage=clients.storage(settings),
        comparer=Comparer(ledger=Ledger(table), bucket=bucket, workers=clients.WORKERS),
        uploads=uploads,
        account=settings.owner(bucket),
    )


backfill = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run"}` cuts and answers with numbers; `{"run", "slice"}` tells and answers with a count."""
    if "slice" in event:
        return {"told": backfill.tell(event["run"], int(event["slice"]))}
    return {"run": event["run"], **backfill.cut(event["run"], context.get_remaining_time_in_millis)}
