"""One study after another: from a study's last upload to the start of its job."""

from math import ceil
from typing import Any

from benchmarks.simulator.backlog import FATES, Run, settings_for
from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.scenario import FILE_BYTES
from benchmarks.simulator.world import SimulatedWorld
from lambdas.settings import ImportSettings

STUDY_FILES = 300
# Modalities differ, and so does where in the time between two writes of a folder's row the last file comes.
UPLOADS_PER_SECOND = (7, 10, 13, 20, 30)
SECONDS_BETWEEN = 15


def alone(studies: int, settings: ImportSettings, quotas: Quotas) -> dict[str, Any]:
    """Each study has the import to itself, and comes a little later in the minute than the one before."""
    world = SimulatedWorld(settings_for(settings, quotas), quotas)
    waits = []
    for number in range(studies):
        study = Study(world, f"1.2.840.{number:05d}/", UPLOADS_PER_SECOND[number % len(UPLOADS_PER_SECOND)])
        # Not a divisor of a minute, so that the studies meet each part of it.
        world.time.after(number % 60 * 0.997, study.upload)
        fates = STUDY_FILES * (number + 1)
        world.time.run(until=lambda fates=fates: sum(world.metrics[name] for name in FATES) >= fates)
        waits.append(study.wait)
    return {**_figures(waits, settings), "jobs": len(world.imaging.jobs), "copies": world.s3.copies}


def beside_a_backlog(run: Run, settings: ImportSettings) -> dict[str, Any]:
    """Studies under an urgent prefix, one after the other, as long as the backlog of `run` waits."""
    world, (urgent, *_) = run.world, settings.urgent_prefixes
    studies: list[Study] = []

    def next_study() -> None:
        number = len(studies)
        folder = f"{urgent}1.2.840.{number:05d}/"
        studies.append(Study(world, folder, UPLOADS_PER_SECOND[number % len(UPLOADS_PER_SECOND)]))
        studies[-1].upload()
        if not run.is_over:
            world.time.after(SECONDS_BETWEEN, next_study)

    run.resume(meanwhile=next_study)
    waits = [study.wait for study in studies if study.is_started]
    return {**_figures(waits, settings), "backlog_files": run.scenario.files}


class Study:
    """`wait` is in seconds, from its last upload to the start of its job."""

    def __init__(self, world: SimulatedWorld, folder: str, uploads_per_second: int) -> None:
        self._world, self._folder, self._at_once = world, folder, uploads_per_second
        self._uploaded = 0
        self._last_at = 0.0

    def upload(self) -> None:
        some = min(self._at_once, STUDY_FILES - self._uploaded)
        keys = (f"{self._folder}{self._uploaded + image:04d}.dcm" for image in range(some))
        self._world.upload_many(keys, FILE_BYTES, lambda: b"")
        self._uploaded += some
        self._last_at = self._world.time.seconds
        if self._uploaded < STUDY_FILES:
            self._world.time.after(1, self.upload)

    @property
    def is_started(self) -> bool:
        return self._started_at is not None

    @property
    def wait(self) -> float:
        assert self._started_at is not None
        return self._started_at - self._last_at

    @property
    def _started_at(self) -> float | None:
        for job in self._world.imaging.jobs.values():
            if job.request["inputS3Uri"].endswith(f"/{self._folder}"):
                return job.submitted_at.timestamp()
        return None


def _figures(waits: list[float], settings: ImportSettings) -> dict[str, Any]:
    waits = sorted(waits)
    return {
        "studies": len(waits),
        "quiet_seconds": settings.timing.quiet_seconds,
        "wait_p50": round(waits[len(waits) // 2], 1),
        "wait_p99": round(waits[ceil(0.99 * len(waits)) - 1], 1),
    }
