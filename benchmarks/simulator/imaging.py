"""A HealthImaging that throttles, takes its time, and loses events."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.memory_aws.healthimaging import Job, MemoryHealthImaging, split_uri
from benchmarks.memory_aws.s3 import LAST, MemoryS3
from benchmarks.simulator.clock import Clock
from benchmarks.simulator.deployed import JOB_EVENT_SECONDS, JOB_FILES_PER_SECOND, JOB_SECONDS


@dataclass
class Bucket:
    """Tokens, as AWS's quotas of calls are counted: `rate` a second, `burst` of them after a rest."""

    rate: float
    burst: float
    tokens: float
    at: float

    def takes(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What HealthImaging truly allows, whatever is configured, and the share of job events that get lost."""

    rate: float
    burst: int = 2
    concurrent_jobs: int = 100
    files_per_job: int = 5_000
    lost_events: float = 0.0


def job_seconds(files: int) -> float:
    return JOB_SECONDS + files / JOB_FILES_PER_SECOND


class SimulatedImaging(MemoryHealthImaging):
    """Jobs end by the clock; their events go to `tell`."""

    def __init__(
        self,
        s3: MemoryS3,
        clock: Clock,
        around: Callable[[str, Callable[[], Any]], Any],
        quotas: Quotas,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        super().__init__(s3, clock.now, around)
        self.calls = 0
        self._clock, self._tell = clock, tell
        self._random = random.Random(1)  # noqa: S311
        self.allow(quotas)

    def allow(self, quotas: Quotas) -> None:
        self.concurrent_jobs = quotas.concurrent_jobs
        self._quotas = quotas
        self._bucket = Bucket(quotas.rate, quotas.burst, quotas.burst, self._clock.seconds)

    def _start(self, request: dict[str, str]) -> dict[str, str]:
        self.calls += 1
        if not self._bucket.takes(self._clock.seconds):
            raise self._refused("ThrottlingException")
        known = len(self.jobs)
        answer = super()._start(request)
        if len(self.jobs) > known:
            job = self.jobs[answer["jobId"]]
            bucket, prefix = split_uri(request["inputS3Uri"])
            files = sum(1 for _ in self._s3.buckets[bucket].irange(prefix, prefix + LAST))
            seconds = job_seconds(min(files, self._quotas.files_per_job))
            self._clock.after(seconds, lambda: self._over(job, files))
        return answer

    def _over(self, job: Job, files: int) -> None:
        if files > self._quotas.files_per_job:
            event = self.end(job, "FAILED", "too many files")
        else:
            self.run(job)
            event = self.end(job)
        if self._random.random() >= self._quotas.lost_events:
            self._clock.after(JOB_EVENT_SECONDS, lambda: self._tell(event))
