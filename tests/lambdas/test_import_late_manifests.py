"""Jobs whose manifests come late, or never, or do not mention a file, over AWS in memory."""

import pytest

from benchmarks.memory_aws.world import Message, World
from lambdas.adapters.quota import Quota
from lambdas.importing.files import JobState


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("seconds", [10, 3_000])
def test_point_12_a_manifest_that_comes_late_is_waited_for(world: World, seconds: float) -> None:
    world.upload("study/1.dcm")
    world.imaging.late_results = [seconds]
    world.go_on(until=lambda: world.imaging.running())
    world.end_job()
    world.deliver(*world.ready("results"))
    assert world.fates() == {"study/1.dcm": "WAITING"}

    world.settle(sweeping=False)

    assert world.fates() == {"study/1.dcm": "IMPORTED"}
    world.check()


def test_point_12_the_longer_a_manifest_is_late_the_longer_are_the_waits_for_it(world: World) -> None:
    world.upload("study/1.dcm")
    world.imaging.late_results = [3_000]
    world.go_on(until=world.imaging.running)
    world.calls.clear()

    world.settle(sweeping=False, ticking=False)

    assert world.calls.count("GetDICOMImportJob") < 12


@pytest.mark.parametrize("seconds", [0, 10, 110])
def test_point_12_what_a_failed_job_imported_is_not_imported_again_though_its_manifest_comes_late(
    world: World, seconds: float
) -> None:
    for number in range(4):
        world.upload(f"study/{number}.dcm", b"bad" if number == 2 else b"good")
    world.imaging.late_results = [seconds]
    world.go_on(until=lambda: world.imaging.running())
    world.imaging.run(world.imaging.running()[0])

    world.end_job(status="FAILED", message="the job failed")
    world.settle()

    assert [job.state for job in world.jobs()] == [JobState.FAILED]
    assert list(world.fates().values()).count("IMPORTED") == 3
    world.check()


def test_a_failed_job_without_a_manifest_is_halved_after_two_minutes(world: World) -> None:
    for number in range(4):
        world.upload(f"study/{number}.dcm")
    world.go_on(until=lambda: world.imaging.running())
    ended_at = world.clock

    world.end_job(status="FAILED", message="the job failed")
    world.go_on(until=lambda: len(world.jobs()) > 1)
    assert 120 <= (world.clock - ended_at).total_seconds() < 180

    world.settle()
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_a_job_that_ended_holds_no_slot_while_its_manifest_is_late(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=world.imaging.running)
    world.end_job()
    world.s3.buckets.pop("output")

    world.deliver_ready()

    assert world.fates() == {"study/1.dcm": "WAITING"}
    assert Quota(world.table).slots(world.settings.stores[0].datastore_id) == frozenset()


def test_a_manifest_that_never_comes_fails_the_files_visibly(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    (job,) = world.imaging.running()
    job.status = "IN_PROGRESS"
    world.end_job()
    world.pass_time(3_700)

    world.settle()

    assert "no result" in str(world.files()[0].reason)


def test_a_file_that_no_manifest_mentions_fails_after_three_jobs(world: World) -> None:
    world.upload("study/1.dcm")
    for _ in range(3):
        world.go_on(until=lambda: world.imaging.running())
        (job,) = world.imaging.running()
        prefix, job.request["inputS3Uri"] = job.request["inputS3Uri"], "s3://input/nothing/"
        world.imaging.run(job)
        job.request["inputS3Uri"] = prefix
        world.end_job()

    world.settle()

    assert [file.reason for file in world.files()] == ["not mentioned in the output of 3 jobs"]
    assert len(world.imaging.jobs) == 3


def test_the_event_of_a_job_that_was_let_go_is_not_asked_for_again_and_again(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: list(world.ledger.jobs_in(JobState.PLANNED)))
    (job,) = world.ledger.jobs_in(JobState.PLANNED)
    assert world.ledger.abandon(job)
    detail = {
        "datastoreId": job.datastore_id,
        "jobId": "0" * 32,
        "jobName": job.name,
        "jobStatus": "COMPLETED",
    }
    world.messages = [Message(queue="results", body={"detail": detail}, at=world.clock)]

    world.deliver_ready()

    assert world.messages == []
