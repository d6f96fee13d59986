"""What becomes of a file in the input bucket when it is imported."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lambdas.importing.files import File, Status


class AfterImport(StrEnum):
    """KEEP it, TAG that version, or DELETE that version some days later."""

    KEEP = "keep"
    TAG = "tag"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a deployment does with its sources."""

    after_import: AfterImport
    delete_after: timedelta

    @property
    def are_deleted(self) -> bool:
        return self.after_import is AfterImport.DELETE

    def may_delete(self, row: File | None, now: datetime) -> bool:
        """Only what the ledger calls IMPORTED, for long enough, and into the primary image set.

        A file that conflicts with another, so that it went into a set of its own, may be needed again.
        """
        return (
            self.are_deleted
            and row is not None
            and row.status is Status.IMPORTED
            and row.is_primary is not False
            and row.settled_at is not None
            and now - row.settled_at >= self.delete_after
        )
