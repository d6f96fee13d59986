"""One study after another with nothing waiting: from a study's last upload to the start of its job."""

from math import ceil
from typing import Any

from benchmarks.simulator.backlog import FATES, settings_for
from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.scenario import FILE_BYTES
from benchmarks.simulator.world import SimulatedWorld
from lambdas.settings import ImportSettings

STUDY_FILES = 300
UPLOADS_PER_SECOND = 10


def single_studies(studies: int, settings: ImportSettings, quotas: Quotas) -> dict[str, Any]:
    """Each study has the import to itself, and comes a little later in the minute than the one before."""
    world = SimulatedWorld(settings_for(settings, quotas), quotas)
    waits = []
    for number in range(studies):
        waits.append(_one(world, f"1.2.840.{number:05d}/", number))
    waits.sort()
    return {
        "studies": studies,
        "quiet_seconds": settings.timing.quiet_seconds,
        "wait_p50": round(waits[len(waits) // 2], 1),
        "wait_p99": round(waits[ceil(0.99 * len(waits)) - 1], 1),
        "jobs": len(world.imaging.jobs),
        "copies": world.s3.copies,
    }


def _one(world: SimulatedWorld, folder: str, number: int) -> float:
    """Seconds from the last upload to the start."""
    last_at, jobs = world.time.seconds, len(world.imaging.jobs)
    # Not a divisor of a minute, so that the studies meet each part of it.
    world.time.after(number % 60 * 0.997, lambda: upload(0))

    def upload(at: int) -> None:
        nonlocal last_at
        keys = (f"{folder}{image:04d}.dcm" for image in range(at, at + UPLOADS_PER_SECOND))
        world.upload_many(keys, FILE_BYTES, lambda: b"")
        last_at = world.time.seconds
        if at + UPLOADS_PER_SECOND < STUDY_FILES:
            world.time.after(1, lambda: upload(at + UPLOADS_PER_SECOND))

    fates = STUDY_FILES * (number + 1)
    world.time.run(until=lambda: len(world.imaging.jobs) > jobs)
    started_at = world.imaging.starts[-1].timestamp()
    world.time.run(until=lambda: sum(world.metrics[name] for name in FATES) >= fates)
    return started_at - last_at
