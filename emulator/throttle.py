"""How often an account may call each action in a Region, by the documented rates and bursts."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from emulator.aws import Scope
from emulator.errors import ThrottlingException


class Limit(NamedTuple):
    """Calls a second in the long run, and at once after a rest."""

    rate: float
    burst: int


LIMITS = {
    "CreateDatastore": Limit(0.085, 1),
    "GetDatastore": Limit(10, 20),
    "ListDatastores": Limit(5, 10),
    "DeleteDatastore": Limit(0.085, 1),
    "StartDICOMImportJob": Limit(1, 2),
    "GetDICOMImportJob": Limit(25, 50),
    "ListDICOMImportJobs": Limit(10, 20),
    "SearchImageSets": Limit(25, 50),
    "GetImageSet": Limit(25, 50),
    "GetImageSetMetadata": Limit(50, 100),
    "GetImageFrame": Limit(1000, 2000),
    "ListImageSetVersions": Limit(25, 50),
    "UpdateImageSetMetadata": Limit(0.25, 1),
    "CopyImageSet": Limit(0.25, 1),
    "DeleteImageSet": Limit(0.25, 1),
    "TagResource": Limit(10, 20),
    "ListTagsForResource": Limit(10, 20),
    "UntagResource": Limit(10, 20),
    "GetDICOMInstance": Limit(50, 100),
    "GetDICOMInstanceMetadata": Limit(50, 100),
    "GetDICOMInstanceFrames": Limit(50, 100),
    "GetDICOMSeriesMetadata": Limit(50, 100),
}


class _Bucket(NamedTuple):
    calls: float
    at: float


class Throttle:
    """The buckets of every account and Region. They are full at the start, also after a restart."""

    def __init__(self, factor: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """`factor` is how many times as often as on AWS calls may come; 0 leaves them unlimited."""
        self._factor = factor
        self._clock = clock
        self._buckets: dict[tuple[Scope, str], _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, scope: Scope, action: str) -> None:
        """Count one call. Raises ThrottlingException when the bucket of the action is empty.

        An action without a documented limit is never throttled.
        """
        if action not in LIMITS or not self._factor:
            return
        # A burst is of whole calls, so a factor below one leaves the first.
        rate, burst = LIMITS[action].rate * self._factor, max(1.0, LIMITS[action].burst * self._factor)
        with self._lock:
            now = self._clock()
            before = self._buckets.get((scope, action), _Bucket(burst, now))
            calls = min(burst, before.calls + (now - before.at) * rate)
            if calls < 1:
                self._buckets[scope, action] = _Bucket(calls, now)
                raise ThrottlingException(
                    f"{action} is called more often than {rate:g} times a second: wait, and try again"
                )
            self._buckets[scope, action] = _Bucket(calls - 1, now)
