"""What lies in the input bucket beside what the ledger knows; `register` is told of the difference."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.parallel import each
from lambdas.adapters.queues import Queue
from lambdas.adapters.rows import to_text
from lambdas.importing.files import File, FolderState, Status, Version, split_key
from lambdas.importing.planner import DELETED, SUPERSEDED

GONE = frozenset({DELETED, SUPERSEDED})


@dataclass(frozen=True, kw_only=True)
class Found:
    """A version in the bucket and its row. `is_untold`: `register` has not seen it, or nobody plans it."""

    version: Version
    row: File | None
    is_untold: bool

    @property
    def is_back(self) -> bool:
        """Whether it is current again, since what came after it was taken away: no event tells of that."""
        is_gone = self.row is not None and self.row.status is Status.SKIPPED and self.row.reason in GONE
        return is_gone and self.version.is_latest


@dataclass(frozen=True, kw_only=True)
class Comparer:
    """Compares versions of one bucket with the ledger, `workers` folders at a time."""

    ledger: Ledger
    bucket: str
    workers: int = 1

    def compare(self, versions: Iterable[Version]) -> list[Found]:
        """What is found of each version but the delete markers, folder by folder.

        Versions that are no longer current are told of too: they are skipped, with a row that says so.
        """
        folders: dict[str, list[Version]] = defaultdict(list)
        for version in versions:
            if not version.is_delete_marker:
                folders[split_key(version.key)[0]].append(version)
        compared = each(self.workers, self._in_folder, folders.items())
        return [found for folder in compared for found in folder]

    def _in_folder(self, folder: tuple[str, list[Version]]) -> list[Found]:
        path, versions = folder
        rows = {(row.key, row.version): row for row in self.ledger.rows_of(self.bucket, path, versions)}
        is_asleep = any(row.status is Status.WAITING for row in rows.values()) and self._is_asleep(path)
        found = ((version, rows.get((version.key, version.version))) for version in versions)
        return [
            Found(
                version=version,
                row=row,
                is_untold=row is None or (is_asleep and row.status is Status.WAITING),
            )
            for version, row in found
        ]

    def _is_asleep(self, path: str) -> bool:
        folder = self.ledger.folder(self.bucket, path)
        return folder is None or folder.state is FolderState.DONE


def tell(uploads: Queue, bucket: str, account: str, versions: Iterable[Version], reason: str) -> int:
    """Send `register` an upload event for each version; how many. `account` owns the bucket."""
    return uploads.send_all(upload_event(bucket, account, version, reason) for version in versions)


def upload_event(bucket: str, account: str, version: Version, reason: str) -> dict[str, object]:
    """S3's own event, without a sequencer: a listing has none."""
    return {
        "account": account,
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": to_text(version.modified_at),
        "detail": {
            "bucket": {"name": bucket},
            "object": {
                "key": version.key,
                "size": version.size,
                "etag": version.etag,
                "version-id": version.version,
            },
            "reason": reason,
        },
    }
