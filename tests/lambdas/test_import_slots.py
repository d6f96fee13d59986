"""A job that waits for a slot is started by the event of the one that had it."""

from dataclasses import replace

import pytest

from benchmarks.memory_aws.world import World
from lambdas.adapters.quota import Quota
from lambdas.importing.control import Mode
from lambdas.importing.files import Job, JobState

RUN_AT_ONCE = 2


@pytest.fixture
def world() -> World:
    """Two jobs run, which is all that are not urgent may, and two wait for their slots."""
    world = World()
    for folder in "abcd":
        # So many that no job holds two folders.
        for number in range(12):
            world.upload(f"{folder}/{number}.dcm")
    world.go_on(until=lambda: len(world.imaging.running()) == RUN_AT_ONCE)
    for _ in range(5):
        world.deliver_ready()
        world.pass_time(1)
    assert len(waiting(world)) == 2
    return world


def waiting(world: World) -> list[str]:
    planned = [job for job in world.jobs() if job.state is JobState.PLANNED]
    return [job.name for job in sorted(planned, key=lambda job: (job.created_at, job.name))]


def started(world: World) -> list[str]:
    return [job.name for job in world.imaging.running()]


def end_and_tell_start(world: World) -> None:
    """The event has reached start, and record not yet."""
    world.end_job()
    (told,) = world.ready("start")
    world.deliver(told)


def test_point_10_a_slot_goes_to_the_job_that_waited_longest_before_the_manifest_is_read(
    world: World,
) -> None:
    first, second = waiting(world)

    end_and_tell_start(world)

    assert started(world)[-1] == first
    assert waiting(world) == [second]
    assert set(world.fates().values()) == {"WAITING"}
    world.settle()
    world.check()


def test_point_10_an_event_that_comes_twice_starts_no_more_jobs_than_may_run(world: World) -> None:
    world.end_job()
    (told,) = world.ready("start")
    world.messages.append(told)
    world.deliver(told)
    world.deliver(told)

    assert len(started(world)) == RUN_AT_ONCE
    assert len(waiting(world)) == 1
    world.settle()
    assert world.imaging.most_running == RUN_AT_ONCE
    world.check()


def test_a_job_that_was_let_go_leaves_the_slot_to_the_next(world: World) -> None:
    first, second = waiting(world)
    gone = world.ledger.job(first)
    assert gone
    assert world.ledger.abandon(gone)

    end_and_tell_start(world)

    assert started(world)[-1] == second


def test_a_job_that_was_planned_anew_and_has_no_copies_yet_leaves_the_slot_to_the_next(world: World) -> None:
    first, second = waiting(world)
    standing = world.ledger.job(first)
    assert standing
    copied = replace(standing, in_place=False, prefix=f"s3://staging/main/{first}/")
    assert world.ledger.advance(standing, copied)

    end_and_tell_start(world)

    assert started(world)[-1] == second
    assert first not in started(world)


def planned_with_a_slot(world: World) -> Job:
    """It has its slot, and HealthImaging put its start off."""
    job = world.ledger.job(waiting(world)[0])
    assert job
    assert Quota(world.table).take_slot(job, RUN_AT_ONCE + 1)
    return job


def test_point_10_a_job_that_is_let_go_gives_its_slot_back(world: World) -> None:
    job = planned_with_a_slot(world)

    world.starter.finisher.release(job, world.clock)

    assert job.name not in Quota(world.table).slots(job.datastore_id)


def test_point_10_a_slot_that_was_taken_when_its_job_was_let_go_is_found_by_the_sweep(world: World) -> None:
    job = planned_with_a_slot(world)
    assert world.ledger.abandon(job)

    world.sweep()

    assert job.name not in Quota(world.table).slots(job.datastore_id)


def test_point_18_while_paused_a_slot_is_freed_and_nobody_started(world: World) -> None:
    world.ledger.control.set(Mode.PAUSED)

    end_and_tell_start(world)

    (store,) = world.settings.stores
    assert len(Quota(world.table).slots(store.datastore_id)) == RUN_AT_ONCE - 1
    assert len(waiting(world)) == 2

    world.ledger.control.set(Mode.RUNNING)
    world.settle()
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_point_10_a_slot_whose_events_were_lost_is_found_by_the_sweep_and_handed_on(world: World) -> None:
    world.end_job(lose_event=True)
    world.pass_time(3600)
    world.messages.clear()

    world.sweep()
    world.deliver(world.ready("start")[0])

    assert len(started(world)) == RUN_AT_ONCE
