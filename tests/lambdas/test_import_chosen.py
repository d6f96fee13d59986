"""Points 3 and 16: what is told beforehand is what the planner then does, over AWS in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import World
from lambdas.importing.choice import Choice, choose, lying_in
from lambdas.importing.files import FolderState
from lambdas.importing.pacer import Rate
from lambdas.importing.packing import Drain


def told(world: World) -> Choice:
    """The choice as `ahi status` makes it of the ledger."""
    settings = world.settings
    folders = {
        folder.path: lying_in(folder, world.ledger.files(INPUT, folder.path), settings.timing)
        for folder in world.ledger.folders()
    }
    drain = Drain(per_second=settings.rate.per_second, in_line=0, target=settings.drain_target)
    return choose(folders, drain, settings.limits, world.clock, urgent=settings.urgent_prefixes)


def done(world: World, before: int) -> Choice:
    """What became of it."""
    jobs = world.jobs()[before:]
    staged = [job for job in jobs if not job.in_place]
    return Choice(
        in_place=len(jobs) - len(staged), staged=len(staged), copies=sum(job.files for job in staged)
    )


def register_all(world: World) -> None:
    """Every upload is registered, and none planned."""
    world.go_on(until=lambda: not world.ready("uploads"))


def imported_before(world: World, *keys: str) -> int:
    for key in keys:
        world.upload(key)
    world.settle()
    return len(world.jobs())


LAYOUTS = {
    "one study": (["a/1", "a/2"], []),
    "a folder of studies": (["week/a/1", "week/b/1", "week/c/1"], ["other/1"]),
    "late files of a study": (["a/2", "a/3", "b/1"], ["a/1"]),
    "files at the top": (["1", "2"], ["a/1"]),
    "a study too large for a job": ([f"a/{number:02}" for number in range(45)], ["b/1"]),
    "folders in a folder with files": (["a/1", "a/b/1", "a/c/1"], ["a/d/1"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_point_3_what_is_told_of_a_layout_is_what_is_done(layout: str) -> None:
    new, old = LAYOUTS[layout]
    world = World()
    before = imported_before(world, *old)
    for key in new:
        world.upload(key)
    register_all(world)

    expected = told(world)
    world.settle()

    assert expected.jobs
    assert done(world, before) == expected


def test_point_3_what_is_told_of_a_backlog_is_nearly_what_is_done() -> None:
    """It is told at one moment, and done over many, in which the line moves on."""
    normal = World().settings
    rate = Rate(per_second=0.1, burst=1, ceiling=0.1)
    world = World(replace(normal, rate=rate, concurrent_jobs=100, drain_target=timedelta(seconds=100)))
    before = imported_before(world, "before")
    for study in range(40):
        for number in range(2):
            world.upload(f"study{study:03}/{number}")
    register_all(world)

    expected = told(world)
    world.settle()

    became = done(world, before)
    assert expected.staged
    assert became.jobs == pytest.approx(expected.jobs, abs=3)
    assert became.copies == pytest.approx(expected.copies, rel=0.15)
    assert not [one for one in world.ledger.folders() if one.state is not FolderState.DONE]
