"""What a file costs the ledger in DynamoDB's write units, on its way from uploaded to imported."""

from dataclasses import replace

import pytest

from benchmarks.memory_aws.world import World
from lambdas.importing.limits import Limits
from lambdas.importing.timing import Timing

FOLDER = "1.2.840.113619.2.55.3.604688119.971/1.2.840.113619.2.55.3.604688119.972/"


@pytest.fixture
def world() -> World:
    return World()


def test_a_file_on_its_way_from_upload_to_imported_is_written_twice(world: World) -> None:
    for number in range(20):
        world.upload(f"study/{number:02}.dcm")
    world.deliver(*world.ready("uploads"))
    world.settle(sweeping=False)
    rows = [write for write in world.calls if write in ("PutItem", "UpdateItem")]

    # Two for each file; the rest is the folder's and the job's, whatever their size.
    assert len(rows) <= 2 * 20 + 14
    assert world.table.writes <= 2 * 20 + 26


@pytest.mark.parametrize(
    ("seconds_apart", "files", "most"),
    [(0.1, 2_000, 2.1), (0.5, 500, 2.2), (2, 500, 2.8), (7, 300, 4.2), (20, 100, 4.3)],
)
def test_a_file_costs_little_more_than_two_units_where_they_come_fast_and_four_where_each_is_alone(
    seconds_apart: float, files: int, most: float
) -> None:
    """Each arrival later than the last that was noted is noted on the folder's row and in its index."""
    settings = World().settings
    timing = Timing(quiet_seconds=60, longest_wait_seconds=3_600)
    world = World(replace(settings, timing=timing, limits=Limits(files=5_000, bytes=10**9, folders=10_000)))
    for number in range(files):
        world.upload(f"{FOLDER}{number:04}.dcm")
        world.pass_time(seconds_apart)
        uploads = world.ready("uploads")
        if len(uploads) >= 10 or seconds_apart > 1:
            world.deliver(*uploads[:10])
    world.settle()

    assert set(world.fates().values()) == {"IMPORTED"}
    assert len(world.jobs()) == 1
    assert 2 < world.table.writes / files <= most
