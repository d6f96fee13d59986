"""Sources that were imported long enough ago are deleted; what cannot be is counted and left as it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.parallel import each
from lambdas.adapters.storage import Storage
from lambdas.comparing import Found
from lambdas.importing.sources import Sources
from lambdas.telemetry import SOURCES_DELETED, SOURCES_LEFT, described, logger

Measure = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Deleter:
    """Deletes the versions that were imported long enough ago."""

    storage: Storage
    bucket: str
    sources: Sources
    measure: Measure
    workers: int = 1

    def delete(self, found: Iterable[Found], now: datetime) -> None:
        """A version goes by its id, and a current one only when it is the last of its key.

        So no delete marker hides a newer version, and no older version becomes current again. S3 is asked
        anew, since an inventory is days old.
        """
        old = [one.version for one in found if self.sources.may_delete(one.row, now)]
        if not old:
            return
        try:
            kept = each(self.workers, lambda version: self.storage.hides_another(self.bucket, version), old)
            going = [version for version, is_kept in zip(old, kept, strict=True) if not is_kept]
            left = self.storage.delete(self.bucket, going)
        except (BotoCoreError, ClientError) as error:
            # The next sweep finds them again.
            logger.warning("sources not deleted", extra={"files": len(old), **described(error)})
            self.measure(SOURCES_LEFT, len(old))
            return
        self.measure(SOURCES_DELETED, len(going) - left)
        self.measure(SOURCES_LEFT, left)
