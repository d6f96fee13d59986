"""Versions that somebody takes away for good, of which no event tells, while they are being imported."""

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import CrashError, World
from lambdas.importing.files import Status


@pytest.fixture
def world() -> World:
    return World()


def imported(world: World, version: str) -> int:
    return int(world.imaging.imported[INPUT, "study/1.dcm", version])


def statuses(world: World) -> dict[str, Status]:
    return {file.version: file.status for file in world.files()}


def test_point_8_the_version_that_took_the_place_of_one_that_was_read_is_imported(world: World) -> None:
    older = world.upload("study/1.dcm", b"old")
    world.go_on(until=world.imaging.running)
    (job,) = world.imaging.running()
    world.imaging.run(job)
    newer = world.upload("study/1.dcm", b"new")
    world.purge("study/1.dcm", older)

    world.settle()

    assert imported(world, newer) >= 1
    assert statuses(world)[newer] is Status.IMPORTED
    world.check()


def test_point_8_a_version_that_is_newest_again_is_imported_when_the_job_read_the_newer_one(
    world: World,
) -> None:
    older = world.upload("study/1.dcm", b"old")
    world.go_on(until=world.imaging.running)
    (job,) = world.imaging.running()
    newer = world.upload("study/1.dcm", b"new")
    world.deliver_ready()
    world.imaging.run(job)
    world.purge("study/1.dcm", newer)

    world.settle()

    assert imported(world, older) >= 1
    assert statuses(world)[older] is Status.IMPORTED
    world.check()


def test_point_8_a_file_that_was_read_and_taken_away_is_imported_and_not_called_deleted(world: World) -> None:
    version = world.upload("study/1.dcm")
    world.upload("study/2.dcm")
    world.go_on(until=world.imaging.running)
    (job,) = world.imaging.running()
    world.imaging.run(job)
    world.purge("study/1.dcm", version)

    world.settle()

    assert (imported(world, version), statuses(world)[version]) == (1, Status.IMPORTED)
    world.check()


@pytest.fixture
def copied_twice(world: World) -> World:
    """Two files were copied to staging when the function died, and are about to be copied again."""
    world.upload("study/1.dcm")
    world.upload("study/2.dcm")
    # Something beside them that no job may read.
    world.upload_raw("study/_COMPLETE", b"x")
    copy = world.s3.copy_object

    def dying(**request: object) -> None:
        copy(**request)  # type: ignore[arg-type]
        if world.s3.copies == 2:
            raise CrashError

    world.s3.copy_object = dying  # type: ignore[method-assign]
    world.go_on(until=lambda: world.s3.copies == 2)
    world.s3.copy_object = copy  # type: ignore[method-assign]
    return world


def test_point_6_a_copy_of_a_try_before_is_imported_though_its_source_is_gone(copied_twice: World) -> None:
    world = copied_twice
    version = world.s3.current(INPUT)["study/1.dcm"].version
    world.purge("study/1.dcm", version)

    world.settle()

    assert (imported(world, version), statuses(world)[version]) == (1, Status.IMPORTED)
    world.check()


def test_point_6_a_copy_of_a_try_before_is_imported_though_its_source_was_archived(
    copied_twice: World,
) -> None:
    world = copied_twice
    version = world.s3.current(INPUT)["study/1.dcm"].version
    world.s3.archived.add("study/1.dcm")

    world.settle()

    assert (imported(world, version), statuses(world)[version]) == (1, Status.IMPORTED)
    world.check()


def test_point_14_a_redrive_that_ended_in_the_middle_leaves_no_file_waiting_when_it_is_taken_away(
    world: World,
) -> None:
    version = world.upload("study/1.dcm", b"bad")
    world.settle()
    update = world.table.update_item

    def dying(**request: object) -> object:
        answer = update(**request)  # type: ignore[arg-type]
        if any(file.status is Status.WAITING for file in world.files()):
            raise CrashError
        return answer

    world.table.update_item = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(CrashError):
        world.redrive(*world.files())
    world.table.update_item = update  # type: ignore[method-assign]
    world.purge("study/1.dcm", version)

    world.settle()

    assert statuses(world) == {version: Status.SKIPPED}
