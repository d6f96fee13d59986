"""CloudWatch metrics of HealthImaging: how often each operation is called, and what the data stores hold.

Names, units and the dimensions `AccountId`, `DatastoreId` and `StorageTier` are the developer guide's.
It names no keys for the dimensions of `CallCount`, and no period.
"""

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from emulator.aws import Datum, Scope
from emulator.image_sets.tiers import ARCHIVED_AFTER_SECONDS
from emulator.storage import Row, Storage, now

SECONDS_BETWEEN_LOOKS = 5
PERIOD_SECONDS = 60
# How much longer than counting lasts is between one count and the next.
SHARE = 50
SMALL_IMAGE_SET = 5 * 1024 * 1024
COUNT, BYTES = "Count", "Bytes"

# What frames and metadata take, by image set and then by data store. Values kept apart count as frames do.
HELD = f"""
WITH frame_bytes AS (SELECT image_set_id AS id, sum(size) AS bytes FROM frames GROUP BY image_set_id),
metadata_bytes AS (SELECT image_set_id AS id, sum(length(metadata)) AS structured FROM instances
    GROUP BY image_set_id),
held AS (SELECT image_sets.*, coalesce(bytes, 0) AS bytes,
    length(levels) + coalesce(structured, 0) AS structured
    FROM image_sets LEFT JOIN frame_bytes USING (id) LEFT JOIN metadata_bytes USING (id))
SELECT datastore_id, count(*) AS image_sets, sum(is_primary) AS primaries,
    sum(bytes < {SMALL_IMAGE_SET}) AS small, sum(bytes) AS bytes,
    sum(iif(accessed_at <= ?, bytes, 0)) AS archived, sum(structured) AS structured,
    count(DISTINCT study_instance_uid) AS studies, count(DISTINCT series_instance_uid) AS series,
    sum(instance_count) AS instances
FROM held GROUP BY datastore_id
"""  # noqa: S608 - a number of ours


Put = Callable[[Scope, list[Datum]], None]

log = logging.getLogger(__name__)


class Metrics:
    """Counts calls, and publishes them and what is held: soon after a change, and once a minute."""

    def __init__(self, storage: Storage, put: Put) -> None:
        self._storage = storage
        self._put = put
        self._calls: Counter[tuple[Scope, str, str | None]] = Counter()
        self._lock = threading.Lock()
        self._is_changed = True
        self._stopping = threading.Event()

    def count(self, scope: Scope, operation: str, datastore_id: str | None) -> None:
        """One call of an operation, whether it is allowed, throttled or refused."""
        with self._lock:
            self._calls[scope, operation, datastore_id] += 1

    def changed(self) -> None:
        """What the data stores hold is no longer what was published."""
        self._is_changed = True

    def start(self) -> None:
        threading.Thread(target=self._work, name="metrics", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def publish_calls(self) -> None:
        """Publish the calls since the last time, for the account and for each data store."""
        with self._lock:
            calls, self._calls = self._calls, Counter()
        data: defaultdict[Scope, list[Datum]] = defaultdict(list)
        of_account: Counter[tuple[Scope, str]] = Counter()
        for (scope, operation, datastore_id), count in calls.items():
            of_account[scope, operation] += count
            if datastore_id:
                dimensions = {"Operation": operation, "DatastoreId": datastore_id}
                data[scope].append(Datum("CallCount", 1, COUNT, dimensions, count))
        for (scope, operation), count in of_account.items():
            data[scope].append(Datum("CallCount", 1, COUNT, {"Operation": operation}, count))
        for scope, each in data.items():
            self._put(scope, each)

    def publish_held(self) -> None:
        """Publish what every ACTIVE data store holds, and every account."""
        self._is_changed = False
        rows = self._storage.rows(HELD, now() - ARCHIVED_AFTER_SECONDS)
        held = {row["datastore_id"]: row for row in rows}
        stores: defaultdict[Scope, list[str]] = defaultdict(list)
        for row in self._storage.rows("SELECT id, account, region FROM datastores WHERE status = 'ACTIVE'"):
            stores[Scope(row["account"], row["region"])].append(row["id"])
        for scope, ids in stores.items():
            of_stores = [datum for each in ids for datum in _of_store(each, held.get(each))]
            self._put(scope, of_stores + _of_account(scope, ids, held))

    def _work(self) -> None:
        published_at = 0.0
        seconds: float = SECONDS_BETWEEN_LOOKS
        while not self._stopping.wait(seconds):
            begin = time.monotonic()
            try:
                self.publish_calls()
                if self._is_changed or time.monotonic() - published_at >= PERIOD_SECONDS:
                    published_at = time.monotonic()
                    self.publish_held()
            except Exception as error:
                # The text may quote what the database holds.
                log.error("metrics could not be published: %s", type(error).__name__)
            # Counting a million frames takes its time, which image sets that change all along must not cost.
            seconds = max(SECONDS_BETWEEN_LOOKS, SHARE * (time.monotonic() - begin))


def _of_store(datastore_id: str, row: Row | None) -> list[Datum]:
    names = {
        "TotalImageSetCount": "image_sets",
        "PrimaryImageSetCount": "primaries",
        "SmallImageSetCount": "small",
        "DICOMStudyCount": "studies",
        "DICOMSeriesCount": "series",
        "DICOMInstanceCount": "instances",
    }
    dimensions = {"DatastoreId": datastore_id}
    return [
        *(Datum(name, _held(row, column), COUNT, dimensions) for name, column in names.items()),
        Datum("StructuredStorageBytes", _held(row, "structured"), BYTES, dimensions),
        *_storage_bytes(_held(row, "bytes"), _held(row, "archived"), dimensions),
    ]


def _of_account(scope: Scope, ids: list[str], held: Mapping[str, Row]) -> list[Datum]:
    rows = [held.get(each) for each in ids]
    dimensions = {"AccountId": scope.account}
    total, archived = (sum(_held(row, column) for row in rows) for column in ("bytes", "archived"))
    return [
        Datum("DataStoreCount", len(ids), COUNT, dimensions),
        Datum("ImageSetCount", sum(_held(row, "image_sets") for row in rows), COUNT, dimensions),
        *_storage_bytes(total, archived, dimensions),
    ]


def _storage_bytes(total: float, archived: float, dimensions: Mapping[str, str]) -> list[Datum]:
    tiers = {
        "FrequentAccessStorage": total - archived,
        "ArchiveInstantAccessStorage": archived,
        "AllStorage": total,
    }
    return [
        Datum("StorageBytes", value, BYTES, {**dimensions, "StorageTier": tier})
        for tier, value in tiers.items()
    ]


def _held(row: Row | None, column: str) -> float:
    return row[column] or 0 if row else 0
