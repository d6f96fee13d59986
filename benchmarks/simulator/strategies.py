"""What others do: a function starts a job for each message, and leaves quotas to the SDK's retries.

Their bill is the least that it can be: how their messages come to be is not counted.

Nothing is known of what was started before, a call that is throttled is made three times in all, and a
message that failed comes again until it is a dead letter: its files are lost until somebody looks.
"""

import heapq
import itertools
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.simulator.billing import billed
from benchmarks.simulator.deployed import DELIVERY_SECONDS, WIRE
from benchmarks.simulator.imaging import Bucket, Quotas, job_seconds
from benchmarks.simulator.scenario import FILES_OF_A_SERIES, FILES_OF_A_STUDY, latencies

# The SDK's standard mode, and SQS and Lambda as they are when nothing is configured but a redrive policy.
TRIES, LONGEST_BACKOFF_SECONDS = 3, 20
VISIBILITY_SECONDS, RECEIVES = 30, 3
FUNCTIONS_AT_ONCE = 10
# The least that Lambda gives.
GIGABYTES = 128 / 1024


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """Messages of so many files come so many a second; a job reads more than its message where it says so."""

    name: str
    files_of_a_job: int
    a_second: float = float("inf")
    files_of_a_message: int = 0

    def messages(self, files: int) -> int:
        return -(-files // (self.files_of_a_message or self.files_of_a_job))


STRATEGIES = (
    Strategy(name="one job a file", files_of_a_job=1),
    Strategy(name="one job a series", files_of_a_job=FILES_OF_A_SERIES),
    # Each upload's event has its folder imported, whatever was imported of it before.
    Strategy(name="one job an event, of its folder", files_of_a_job=FILES_OF_A_STUDY, files_of_a_message=1),
    Strategy(name="one study a minute", files_of_a_job=FILES_OF_A_STUDY, a_second=1 / 60),
)


@dataclass
class Message:
    number: int
    receives: int = 0
    tries: int = 0


class Caller:
    """The strategy's messages through its functions to HealthImaging, a call after the other."""

    def __init__(self, strategy: Strategy, files: int, quotas: Quotas) -> None:
        self.strategy, self.files, self.quotas = strategy, files, quotas
        self.throttled = self.dead = 0
        self.used: Counter[str] = Counter()
        self._seconds = 0.0
        self.starts: list[tuple[float, int]] = []
        self._bucket = Bucket(quotas.rate, quotas.burst, quotas.burst, 0.0)
        self._ends: list[float] = []
        self._due: list[tuple[float, int, Message]] = []
        self._waiting: list[tuple[float, int, Message]] = []
        self._random = random.Random(3)  # noqa: S311
        self._numbers = itertools.count()

    def run(self) -> dict[str, Any]:
        self._arrive(0)
        for _ in range(FUNCTIONS_AT_ONCE):
            self._receive(0.0)
        while self._due:
            now, _, message = heapq.heappop(self._due)
            self._call(now, message)
        return self._figures()

    def _arrive(self, number: int) -> None:
        if number < self.strategy.messages(self.files):
            self._push(self._waiting, number / self.strategy.a_second, Message(number))

    def _push(self, heap: list[tuple[float, int, Message]], at: float, message: Message) -> None:
        heapq.heappush(heap, (at, next(self._numbers), message))

    def _receive(self, now: float) -> None:
        """A function that is free takes the next message, if one is left."""
        if not self._waiting:
            return
        at, _, message = heapq.heappop(self._waiting)
        self.used.update(("ReceiveMessage", "LambdaRequest"))
        if message.receives == 0:
            self.used["SendMessage"] += 1
            self._arrive(message.number + 1)
        message.receives, message.tries = message.receives + 1, 0
        self._push(self._due, max(now, at) + DELIVERY_SECONDS, message)

    def _call(self, now: float, message: Message) -> None:
        self.used["StartDICOMImportJob"] += 1
        self._seconds += WIRE["StartDICOMImportJob"]
        message.tries += 1
        if self._starts(now):
            self.used["DeleteMessageBatch"] += 1
            self._receive(now)
        elif message.tries < TRIES:
            longest = min(2.0 ** (message.tries - 1), LONGEST_BACKOFF_SECONDS)
            pause = self._random.random() * longest
            self._seconds += pause
            self._push(self._due, now + WIRE["StartDICOMImportJob"] + pause, message)
        else:
            self._fail(now, message)

    def _starts(self, now: float) -> bool:
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        if not self._bucket.takes(now):
            self.throttled += 1
            return False
        if len(self._ends) >= self.quotas.concurrent_jobs:
            return False
        heapq.heappush(self._ends, now + job_seconds(self.strategy.files_of_a_job))
        self.starts.append((now, self.strategy.files_of_a_job))
        return True

    def _fail(self, now: float, message: Message) -> None:
        if message.receives < RECEIVES:
            self._push(self._waiting, now + VISIBILITY_SECONDS, message)
        else:
            self.dead += 1
        self._receive(now)

    def _figures(self) -> dict[str, Any]:
        read = len(self.starts) * self.strategy.files_of_a_job
        last_end = self.starts[-1][0] + job_seconds(self.strategy.files_of_a_job)
        folders = -(-self.files // self.strategy.files_of_a_job)
        tells_of_a_folder = max(1, self.strategy.messages(self.files) // folders)
        # A folder is lost when each of its messages is.
        lost_messages = self.dead / self.strategy.messages(self.files)
        lost = round(self.files * lost_messages**tells_of_a_folder)
        return {
            "jobs": len(self.starts),
            "files_an_hour": round((self.files - lost) / last_end * 3600),
            "hours": round(last_end / 3600, 2),
            **latencies(self.starts),
            "throttled_share": round(self.throttled / self.used["StartDICOMImportJob"], 4),
            "duplicates": read - (self.files - lost),
            "losses": lost,
            "copies": 0,
            **billed({**self.used, "LambdaGigabyteSecond": self._seconds * GIGABYTES}, self.files),
        }
