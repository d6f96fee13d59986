"""Versions that S3 dates by another moment than the one they came at, and those that come back."""

from datetime import timedelta

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import World
from lambdas.importing.files import Status


@pytest.fixture
def world() -> World:
    return World()


def test_point_8_an_upload_in_parts_that_ends_after_the_job_read_is_not_called_imported(world: World) -> None:
    world.upload("study/1.dcm", b"old")
    initiated = world.clock - timedelta(seconds=30)
    world.go_on(until=world.imaging.running)
    (job,) = world.imaging.running()
    world.imaging.run(job)
    world.pass_time(30)
    newer = world.upload("study/1.dcm", b"new", begun_at=initiated)

    world.settle()

    assert [file.status for file in world.files() if file.version == newer] == [Status.IMPORTED]
    assert world.imaging.imported[world.s3.current(INPUT)["study/1.dcm"].source] == 1
    world.check()


def test_point_8_an_upload_in_parts_whose_event_was_lost_is_imported_twice_at_most(world: World) -> None:
    world.upload("study/1.dcm", b"old")
    world.go_on(until=world.imaging.running)
    newer = world.upload("study/1.dcm", b"new", times=0, begun_at=world.clock - timedelta(seconds=1))

    world.settle()

    # Which of the two the first job read, nobody can tell.
    assert world.imaging.imported["input", "study/1.dcm", newer] == 2
    assert world.fates() == {"study/1.dcm": "IMPORTED"}
    world.check()


def test_point_7_an_upload_in_parts_that_began_before_the_imported_version_is_not_older(world: World) -> None:
    initiated = world.clock - timedelta(seconds=30)
    world.upload("study/1.dcm", b"old")
    world.settle()
    newer = world.upload("study/1.dcm", b"new", times=0, begun_at=initiated)
    world.pass_time(300)

    world.settle()

    assert [file.status for file in world.files() if file.version == newer] == [Status.IMPORTED]
    world.check()


def test_point_15_a_file_whose_delete_marker_is_taken_away_again_is_imported(world: World) -> None:
    world.upload("study/1.dcm")
    world.upload("study/2.dcm")
    world.hide_or_restore("study/2.dcm")
    world.settle()
    assert world.fates()["study/2.dcm"] == "SKIPPED"

    world.hide_or_restore("study/2.dcm")
    world.pass_time(300)
    world.settle()

    assert set(world.fates().values()) == {"IMPORTED"}
    assert set(world.imaging.imported.values()) == {1}
    world.check()


def test_point_15_a_file_whose_newer_version_is_taken_away_again_is_imported(world: World) -> None:
    good = world.upload("study/1.dcm")
    world.upload("study/1.dcm", b"")
    world.settle()

    world.s3.buckets[INPUT]["study/1.dcm"].pop()
    world.pass_time(300)
    world.settle()

    assert [file.status for file in world.files() if file.version == good] == [Status.IMPORTED]


def test_point_8_a_fate_is_not_lost_to_an_upload_event_that_comes_at_the_same_moment(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=world.imaging.running)
    world.upload("study/2.dcm")
    late = world.ready("uploads")
    world.end_job()
    (results,) = world.ready("results")
    put = world.table.put_item

    def put_after_the_event(**request: object) -> object:
        world.table.put_item = put
        world.deliver(*late)
        return put(**request)

    world.table.put_item = put_after_the_event
    world.deliver(results)
    world.settle()

    assert set(world.fates().values()) == {"IMPORTED"}
    assert set(world.imaging.imported.values()) == {1}
    world.check()
