"""Sources of imported files are tagged; what cannot be is counted and left as it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.parallel import each
from lambdas.adapters.storage import Storage
from lambdas.importing.files import File, Job, Status
from lambdas.telemetry import SOURCES_LEFT, SOURCES_TAGGED, described, logger

TAG = ("healthimaging-import", "IMPORTED")

Measure = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """Tags the versions that a job imported; nothing in another account's bucket is changed."""

    ledger: Ledger
    storage: Storage
    is_ours: Callable[[str], bool]
    measure: Measure
    workers: int = 1

    def tag(self, job: Job, settled: Iterable[File]) -> None:
        """Of the job's members, and what it imported beside them, those whose row says IMPORTED.

        Rows are read anew: a crash may have come between the fates and the tags.
        """
        if not self.is_ours(job.bucket):
            return
        members = {(file.key, file.version): file for file in self.ledger.members(job)}
        others = [file for file in settled if (file.key, file.version) not in members]
        rows = [*members.values(), *filter(None, map(self.ledger.file, others))]
        imported = [row for row in rows if row.status is Status.IMPORTED]
        tagged = sum(each(self.workers, self._tag, imported))
        self.measure(SOURCES_TAGGED, tagged)
        self.measure(SOURCES_LEFT, len(imported) - tagged)

    def _tag(self, file: File) -> bool:
        try:
            self.storage.tag(file, *TAG)
        except (BotoCoreError, ClientError) as error:
            logger.warning("source not tagged", extra={"job": file.job, **described(error)})
            return False
        return True
