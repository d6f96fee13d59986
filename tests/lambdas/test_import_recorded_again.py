"""A job that is recorded a second time, while others have its files in hand: the first time ended early."""

from collections.abc import Callable

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import P10, CrashError, World
from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File, Job, JobState, Status


@pytest.fixture
def world() -> World:
    return World()


def die_before(world: World, monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[..., bool]) -> None:
    """Go on until a function dies before it writes to the ledger; its message is not delivered again soon."""
    write = getattr(Ledger, name)

    def dying(ledger: Ledger, *given: object) -> object:
        if when(*given):
            raise CrashError
        return write(ledger, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, name, dying)
        world.go_on(until=lambda: world.tally["crashes"])
    # SQS waits for half an hour, and the sweep asks after the job before.
    world.messages = [one for one in world.messages if one.queue != "results"]


def is_ending(seen: Job, job: Job) -> bool:
    return job.state in (JobState.COMPLETED, JobState.FAILED)


def fail_a_job_of_two_files(world: World) -> None:
    world.upload("study/1.dcm")
    world.upload("study/2.dcm")
    world.go_on(until=world.imaging.running)
    world.end_job(status="FAILED", message="the job failed")


def record_again(world: World) -> None:
    world.sweep()
    world.go_on(until=lambda: not [one for one in world.messages if one.queue == "results"])


def test_point_13_a_half_that_runs_is_not_failed_by_the_job_it_is_a_half_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_a_job_of_two_files(world)
    die_before(world, monkeypatch, "advance", is_ending)
    world.pass_time(61)
    world.tick()
    world.go_on(until=lambda: len(world.imaging.running()) == 2)
    world.end_job()
    world.go_on(until=lambda: "IMPORTED" in world.fates().values())

    record_again(world)

    assert sorted(world.fates().values()) == ["IMPORTED", "WAITING"]
    world.settle()
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_point_14_a_file_that_waits_for_its_third_job_is_not_failed_by_its_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload("study/1.dcm", b"broken")
    world.go_on(until=world.imaging.running)
    world.end_job()
    die_before(world, monkeypatch, "advance", is_ending)
    world.go_on(until=world.imaging.running)
    world.end_job()
    world.go_on(until=lambda: any(file.attempts == 2 for file in world.files()))
    world.go_on(until=world.imaging.running)
    for copy in world.s3.current("staging").values():
        copy.body = P10 + b"the service is well again"

    record_again(world)

    assert world.fates() == {"study/1.dcm": "WAITING"}
    world.settle()
    assert world.fates() == {"study/1.dcm": "IMPORTED"}
    world.check()


def test_point_8_what_a_job_settled_and_somebody_took_away_then_is_not_what_it_read_of_another_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = world.upload("study/1.dcm", b"one")
    world.upload("study/2.dcm")
    # Nobody knows whether it began: it is started again with no look at what lies there.
    world.imaging.refusals = ["InternalServerException"]
    world.go_on(until=lambda: list(world.ledger.jobs_in(JobState.STARTING)))
    newer = world.upload("study/1.dcm", b"two")
    world.go_on(until=world.imaging.running)
    world.end_job()
    die_before(world, monkeypatch, "give_back", lambda files: True)
    world.purge("study/1.dcm", newer)

    world.settle()

    fates = {file.version: file.status for file in world.files()}
    assert (fates[older] is Status.IMPORTED) <= bool(world.imaging.imported[INPUT, "study/1.dcm", older])
    world.check()


def test_point_13_halves_that_were_let_go_before_they_were_named_are_planned_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_a_job_of_two_files(world)
    replace_job, slow = Ledger.replace_job, []

    def naming(ledger: Ledger, job: Job, path: str, names: list[str]) -> None:
        if not slow:
            slow.append(path)
            world.pass_time(61)
            world.tick()
        replace_job(ledger, job, path, names)

    monkeypatch.setattr(Ledger, "replace_job", naming)

    world.settle()

    assert slow
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_point_14_what_another_planner_found_deleted_is_imported_when_a_job_had_read_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was in a job before, which ended with an error of the service."""
    version = world.upload("study/1.dcm", b"flaky")
    world.go_on(until=world.imaging.running)
    world.end_job()
    world.go_on(until=lambda: any(file.attempts for file in world.files()))
    world.pass_time(1_200)
    right_under, stalls = type(world.plan.planner.storage).right_under, []

    def stalling(storage: object, *given: object) -> object:
        if not stalls:
            stalls.append(given)
            world.tick()
            world.go_on(until=world.imaging.running)
            world.imaging.run(world.imaging.running()[0])
            world.hide_or_restore("study/1.dcm")
        return right_under(storage, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(type(world.plan.planner.storage), "right_under", stalling)
    world.tick()
    world.settle()
    assert world.fates() == {"study/1.dcm": "IMPORTED"}

    world.hide_or_restore("study/1.dcm")
    world.settle()

    assert world.imaging.imported[INPUT, "study/1.dcm", version] == 1


def test_a_job_that_is_let_go_slowly_leaves_alone_what_was_planned_anew_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.upload("study/1.dcm")
    world.upload("study/sub/2.dcm")
    begun: list[File] = []

    def is_second(*given: object) -> bool:
        begun.append(given)  # type: ignore[arg-type]
        return len(begun) == 2

    die_before(world, monkeypatch, "begin", is_second)
    world.messages.clear()
    world.pass_time(61)
    quota = type(world.plan.committer.finisher.quota)
    free_slot, stalls = quota.free_slot, []

    def stalling(self: object, *given: str) -> None:
        free_slot(self, *given)  # type: ignore[arg-type]
        if not stalls:
            stalls.append(given)
            world.sweep()
            world.go_on(until=world.imaging.running)

    monkeypatch.setattr(quota, "free_slot", stalling)
    world.tick()
    world.upload("study/3.dcm")
    world.imaging.run(world.imaging.running()[0])
    for _ in range(5):
        world.pass_time(30)
        world.deliver_ready()
        world.tick()
    world.settle()

    world.check()
