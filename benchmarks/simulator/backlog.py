"""A backlog of studies: laid out in folders, uploaded while the import is paused, then imported."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.scenario import FILE_BYTES, Scenario, latencies, least_seconds
from benchmarks.simulator.world import SimulatedWorld
from lambdas.importing.control import Mode
from lambdas.importing.pacer import Rate
from lambdas.settings import ImportSettings

UPLOADS_PER_SECOND = 2_000
# Functions poll their queues in five long polls of twenty seconds each, also when nothing is there.
POLLS, POLL_SECONDS = 5, 20
LONGEST_SECONDS = 100 * 24 * 3600

FATES = ("FilesImported", "FilesFailed", "FilesSkipped")


def settings_for(settings: ImportSettings, quotas: Quotas) -> ImportSettings:
    """As they are configured who know their quotas; the rate is learned all the same."""
    return replace(
        settings,
        rate=Rate(per_second=quotas.rate, burst=quotas.burst, ceiling=20.0),
        concurrent_jobs=quotas.concurrent_jobs,
        limits=replace(settings.limits, files=quotas.files_per_job),
    )


class Run:
    """One scenario, run to its end."""

    def __init__(self, scenario: Scenario, settings: ImportSettings) -> None:
        self.scenario = scenario
        self.world = SimulatedWorld(
            settings_for(settings, scenario.quotas), scenario.quotas, scenario.lost_uploads
        )
        self._random = random.Random(2)  # noqa: S311

    def upload(self) -> "Run":
        """Upload all while the import is paused."""
        world, keys = self.world, self.scenario.keys
        world.ledger.control.set(Mode.PAUSED)

        def uploads() -> None:
            if some := list(itertools.islice(keys, UPLOADS_PER_SECOND)):
                world.upload_many(some, FILE_BYTES, self._body)
                world.time.after(1, uploads)

        self.began = world.time.seconds
        world.time.after(0, uploads)
        known = world.metrics
        enough = self.scenario.files * (1 - 2 * self.scenario.lost_uploads)
        world.time.run(until=lambda: known["FilesRegistered"] >= enough and world.is_idle("uploads"))
        self.registered = world.time.seconds
        world.time.after(2 * world.settings.timing.quiet_seconds, lambda: setattr(self, "resumed", 1))
        self.resumed = 0.0
        world.time.run(until=lambda: self.resumed)
        return self

    def deploy(self, settings: ImportSettings, quotas: Quotas) -> "Run":
        """Other settings and quotas for what is uploaded already."""
        self.scenario = replace(self.scenario, quotas=quotas)
        self.world.deploy(settings_for(settings, quotas), quotas)
        return self

    def resume(self, meanwhile: Callable[[], None] = lambda: None) -> "Run":
        """Go on until every file has its fate. `meanwhile` is called when the import goes on."""
        world = self.world
        self.resumed = world.time.seconds
        world.ledger.control.set(Mode.RUNNING)
        meanwhile()
        world.time.run(until=self._has_ended)
        self.ended = world.time.seconds
        return self

    def _body(self) -> bytes:
        return b"bad" if self.scenario.bad and self._random.random() < self.scenario.bad else b""

    @property
    def is_over(self) -> bool:
        """Whether as many files have their fate as the backlog held."""
        return sum(self.world.metrics[name] for name in FATES) >= self.scenario.files

    def _has_ended(self) -> bool:
        world = self.world
        if world.time.seconds > self.resumed + LONGEST_SECONDS:
            raise RuntimeError("the import never came to its end")
        return self.is_over and not world.imaging.running()

    def figures(self) -> dict[str, Any]:
        scenario, imaging = self.scenario, self.world.imaging
        first = min(imaging.starts).timestamp()
        last = max(job.ended_at.timestamp() for job in imaging.jobs.values() if job.ended_at)
        read = imaging.imported
        imported = len(read)
        fates = Counter({name: self.world.metrics[name] for name in FATES})
        return {
            "files": scenario.files,
            "jobs": len(imaging.jobs),
            "fewest_jobs": scenario.fewest_jobs,
            "files_an_hour": round(scenario.files / (last - first) * 3600),
            "share_of_bound": round(scenario.least_seconds / (last - first), 3),
            "share_of_bound_of_its_jobs": round(
                least_seconds(len(imaging.jobs), scenario.files, scenario.quotas) / (last - first), 3
            ),
            "hours": round((last - self.resumed) / 3600, 3),
            **latencies(sorted(self._latencies())),
            "throttled_share": round(imaging.refused["ThrottlingException"] / imaging.calls, 4),
            "over_quota": imaging.refused["ServiceQuotaExceededException"],
            "duplicates": sum(read.values()) - imported,
            "losses": scenario.files - sum(fates.values()),
            "failed": fates["FilesFailed"],
            "copies": self.world.s3.copies,
            "most_running": imaging.most_running,
            "timeouts": dict(self.world.timeouts),
            "registered_a_second": round(scenario.files / (self.registered - self.began)),
            "calls": self.calls(),
        }

    def _latencies(self) -> Iterator[tuple[float, int]]:
        """Of each job, seconds from the resume to its start, and its files."""
        for job in self.world.imaging.jobs.values():
            files = len(self.world.imaging.read.get(job.name, ()))
            yield job.submitted_at.timestamp() - self.resumed, files

    def calls(self) -> dict[str, int]:
        """What AWS bills, by name."""
        units, used = self.world.table.units, dict(self.world.used)
        for operation in ("GetItem", "PutItem", "UpdateItem", "Query"):
            used.pop(operation, None)
        used["WriteRequestUnit"] = self.world.table.writes
        used["ReadRequestUnit"] = units["reads"] + units["index reads"]
        used["ReceiveMessage"] += (self.ended - self.began) / POLL_SECONDS * POLLS * self.world.queues
        return {name: round(number) for name, number in sorted(used.items())}
