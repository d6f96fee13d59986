"""What fails, is refused, comes late or is lost on the way, over AWS in memory."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.memory_aws import dynamodb, s3
from benchmarks.memory_aws.world import World
from lambdas.importing.files import JobState, Status
from lambdas.importing.halving import halves, levels, most_halvings
from lambdas.importing.limits import Limits
from lambdas.importing.retries import MAX_STARTS, delay


@pytest.fixture
def world() -> World:
    return World()


def test_a_completed_job_with_failures_leaves_exactly_those_files_failed(world: World) -> None:
    for number in range(6):
        world.upload(f"study/{number}.dcm", b"bad" if number in (2, 4) else b"good")

    world.settle()

    failed = list(world.ledger.failed_files())
    assert {file.name for file in failed} == {"2.dcm", "4.dcm"}
    assert {(file.reason, file.job) for file in failed} == {("no DICOM", world.jobs()[0].name)}
    assert world.metrics["FilesFailed"] == 2
    world.check()


def test_a_failed_file_uploaded_again_is_imported(world: World) -> None:
    world.upload("study/1.dcm", b"bad")
    world.upload("study/2.dcm")
    world.settle()
    world.upload("study/1.dcm", b"repaired")

    world.settle()

    assert world.fates() == {"study/1.dcm": "IMPORTED", "study/2.dcm": "IMPORTED"}
    world.check()


def test_a_job_that_fails_as_a_whole_leaves_its_files_failed_with_its_message(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())

    world.end_job(status="FAILED", message="FILE_COUNTS_LIMIT")
    world.settle()

    assert [(file.status, file.reason) for file in world.files()] == [(Status.FAILED, "FILE_COUNTS_LIMIT")]
    assert [(job.state, job.message) for job in world.jobs()] == [(JobState.FAILED, "FILE_COUNTS_LIMIT")]
    world.check()


@pytest.mark.parametrize("code", ["ServiceQuotaExceededException", "ThrottlingException"])
def test_a_start_that_is_put_off_comes_again_and_starts_one_job(world: World, code: str) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = [code] * 3

    world.settle()

    assert len(world.imaging.jobs) == 1
    world.check()


def test_a_throttled_start_slows_all_starts_and_waits_in_the_queue(world: World) -> None:
    world.upload("before.dcm")
    world.settle()
    for number in range(4):
        world.upload(f"study{number}/1.dcm")
    world.imaging.refusals = ["ThrottlingException"] * 2

    world.settle()

    pace = json.loads(world.table.items["pace", "starts"]["value"])
    assert 0.9 <= pace["rate"] < 0.95
    assert world.metrics["StartsThrottled"] == 2
    assert len(world.imaging.jobs) == 5
    world.check()


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_a_start_that_is_refused_fails_the_job_and_its_files_with_the_reason(world: World, code: str) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = [code]

    world.settle()

    assert [(job.state, job.message) for job in world.jobs()] == [(JobState.FAILED, f"{code}: no")]
    assert [(file.status, file.reason) for file in world.files()] == [(Status.FAILED, f"{code}: no")]
    world.check()


def test_point_6_a_start_with_an_unknown_outcome_is_looked_for_before_it_is_made_again(world: World) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = ["InternalServerException"]

    world.settle()

    assert world.calls.index("ListDICOMImportJobs") > world.calls.index("StartDICOMImportJob")
    assert len(world.imaging.jobs) == 1
    world.check()


def test_a_second_message_of_a_job_that_is_being_started_leaves_it_alone(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.ready("start"))
    (message,) = world.messages
    world.messages.append(replace(message))

    def meanwhile() -> None:
        assert not world.imaging.jobs
        world.deliver(*world.ready("start"))

    undisturbed = World()
    undisturbed.upload("study/1.dcm")
    undisturbed.settle()
    world.interruption = (undisturbed.calls.index("StartDICOMImportJob") + 1, meanwhile)
    world.deliver(message)
    world.settle()

    assert world.calls.count("StartDICOMImportJob") == 1
    world.check()


def test_point_15_lost_upload_events_are_made_up_for_by_the_sweep(world: World) -> None:
    for number in range(20):
        world.upload(f"study{number % 4}/{number}.dcm", times=number % 3)

    world.settle()

    assert len(world.files()) == 20
    world.check()


def test_point_15_with_one_upload_event_of_twenty_lost_one_sweep_has_every_file_imported(
    world: World,
) -> None:
    for number in range(200):
        world.upload(f"study{number % 10}/{number}.dcm", times=int(number % 20 > 0))
    world.pass_time(120)
    world.deliver_ready()
    assert len(world.files()) == 190

    world.sweep()
    world.settle(sweeping=False)

    assert [file.status for file in world.files()] == [Status.IMPORTED] * 200
    world.check()


def test_files_of_non_primary_image_sets_and_warnings_are_recorded_and_counted(world: World) -> None:
    world.upload("study/1.dcm")
    world.upload("study/2.dcm", b"not primary")
    world.upload("study/3.dcm", b"warned")

    world.settle()

    recorded = sorted((file.name, file.is_primary, file.reason) for file in world.files())
    assert recorded == [("1.dcm", True, None), ("2.dcm", False, None), ("3.dcm", True, "warning: OTHER")]
    assert {name: world.metrics[name] for name in ("FilesImported", "FilesNotPrimary", "FilesWarned")} == {
        "FilesImported": 3,
        "FilesNotPrimary": 1,
        "FilesWarned": 1,
    }
    world.check()


def test_point_15_with_all_healthimaging_events_lost_every_job_reaches_its_end(world: World) -> None:
    for number in range(6):
        world.upload(f"study{number}/1.dcm")

    world.settle(lose_events=True)

    assert {job.state for job in world.jobs()} == {JobState.COMPLETED}
    world.check()


def test_a_job_that_healthimaging_forgot_fails_and_gives_its_slot_back(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.imaging.jobs.clear()

    world.settle()

    assert [file.reason for file in world.files()] == ["HealthImaging no longer knows the job"]
    world.check()


def test_a_version_uploaded_while_the_job_ran_is_not_taken_as_imported(world: World) -> None:
    world.upload("study/1.dcm", b"old")
    world.go_on(until=lambda: world.imaging.running())
    world.imaging.run(world.imaging.running()[0])
    world.pass_time(2)
    new = world.upload("study/1.dcm", b"new")
    world.pass_time(2)
    world.end_job()

    world.settle()

    assert {file.version: file.status for file in world.files()}[new] is Status.IMPORTED
    assert world.imaging.imported["input", "study/1.dcm", new] == 1
    assert [file.status for file in world.files()].count(Status.IMPORTED) == 1


@pytest.mark.parametrize("files", [2, 3, 8, 20])
@pytest.mark.parametrize("position", [0, -1])
def test_point_13_a_job_that_fails_as_a_whole_is_halved_until_the_file_is_found(
    world: World, files: int, position: int
) -> None:
    bodies = [b"good"] * files
    bodies[position] = b"poison"
    for number, body in enumerate(bodies):
        world.upload(f"study/{number:02}.dcm", body)

    world.settle()

    (failed,) = world.ledger.failed_files()
    assert failed.name == f"{range(files)[position]:02}.dcm"
    assert failed.reason == "the job failed"
    halved = [job for job in world.jobs() if job.state is JobState.FAILED and job.files > 1]
    assert len(halved) <= levels(files)
    assert set(world.imaging.imported.values()) <= {1}
    assert list(world.fates().values()).count("IMPORTED") == files - 1
    world.check()


def test_halving_is_bounded_and_what_is_left_fails_with_the_jobs_message(world: World) -> None:
    for number in range(20):
        world.upload(f"study/{number:02}.dcm")
    world.imaging.is_poisoned = lambda job: True  # type: ignore[method-assign]

    world.settle()

    assert {(file.status, file.reason) for file in world.files()} == {(Status.FAILED, "the job failed")}
    assert world.metrics["JobsFailed"] == len(world.imaging.jobs) <= 2 * most_halvings(20) + 1
    world.check()


def test_point_13_one_bad_file_in_five_thousand_re_imports_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dynamodb, "PAGE", 10_000)
    monkeypatch.setattr(s3, "PAGE", 10_000)
    settings = World().settings
    limits = Limits(files=5_000, bytes=10**9, folders=10_000)
    world = World(replace(settings, limits=limits))
    for number in range(5_000):
        world.upload(f"study/{number:04}.dcm", b"bad" if number == 1_234 else b"good")
        world.deliver(*world.ready("uploads"))

    world.settle(sweeping=False)

    assert [job.files for job in world.jobs()] == [5_000]
    assert len(world.imaging.imported) == 4_999
    assert set(world.imaging.imported.values()) == {1}
    assert [file.name for file in world.ledger.failed_files()] == ["1234.dcm"]


def test_a_server_error_is_retried_after_a_while_and_only_that_file(world: World) -> None:
    for number in range(4):
        world.upload(f"study/{number}.dcm", b"flaky" if number == 2 else b"good")

    world.settle()

    assert [job.files for job in sorted(world.jobs(), key=lambda job: job.created_at)] == [4, 1]
    first, second = world.imaging.starts
    assert (second - first).total_seconds() >= 60
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_a_server_error_that_stays_ends_in_a_failed_file_with_the_reason(world: World) -> None:
    world.upload("study/1.dcm", b"broken")

    world.settle()

    assert [(file.status, file.reason) for file in world.files()] == [(Status.FAILED, "try again")]
    assert len(world.imaging.jobs) == 3
    assert world.metrics["FilesFailed"] == 1


def test_a_customer_error_is_final_and_has_its_reason(world: World) -> None:
    world.upload("study/1.dcm", b"bad")

    world.settle()

    assert [(file.status, file.reason) for file in world.files()] == [(Status.FAILED, "no DICOM")]
    assert len(world.imaging.jobs) == 1


@pytest.mark.parametrize("code", ["InternalServerException", "ConflictException"])
def test_a_start_that_is_never_answered_is_retried_with_a_bound_and_then_fails_visibly(
    world: World, code: str
) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = [code] * 100

    world.settle()

    assert 100 - len(world.imaging.refusals) == MAX_STARTS
    assert [(job.state, job.message) for job in world.jobs()] == [
        (JobState.FAILED, "HealthImaging gave no answer to 8 starts")
    ]
    assert world.metrics["FilesFailed"] == world.metrics["JobsFailed"] == 1
    world.check()


@given(st.integers(1, 20), st.text(max_size=10))
def test_retries_come_later_each_time_up_to_a_quarter_of_an_hour_and_not_together(
    attempt: int, name: str
) -> None:
    seconds = delay(attempt, name).total_seconds()

    assert min(450, 30 * 2**attempt) <= seconds <= 900
    assert delay(attempt, name) != delay(attempt, name + "x")


@given(st.lists(st.integers(), min_size=2, max_size=200, unique=True), st.data())
def test_halving_finds_any_file_in_as_many_levels_as_the_logarithm(
    files: list[int], data: st.DataObject
) -> None:
    bad, left, level = data.draw(st.sampled_from(files)), files, 0
    while len(left) > 1:
        first, second = halves(left)  # type: ignore[type-var]
        assert [*first, *second] == left
        left, level = list(first if bad in first else second), level + 1

    assert left == [bad]
    assert level <= levels(len(files))
