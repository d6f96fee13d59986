"""The import from upload to fate, over AWS in memory."""

import random

import pytest
from import_world import World

from lambdas.importing.files import FolderState, JobState, Status


@pytest.fixture
def world() -> World:
    return World()


def test_a_quiet_folder_becomes_one_job_in_place_and_each_file_has_its_image_set(world: World) -> None:
    for number in range(5):
        world.upload(f"study/{number}.dcm")

    world.settle()

    (job,) = world.jobs()
    assert (job.state, job.in_place, job.prefix, job.files) == (
        JobState.COMPLETED,
        True,
        "s3://input/study/",
        5,
    )
    assert {file.image_set_id for file in world.files()} == {"set-study/"}
    assert world.s3.copies == 0
    world.check()


def test_two_hundred_files_in_ten_folders_start_ten_jobs(world: World) -> None:
    for number in range(200):
        world.upload(f"study{number % 10}/{number}.dcm")

    world.settle()

    assert len(world.imaging.jobs) == 10
    assert world.metrics["FilesImported"] == 200
    world.check()


def test_ten_shuffled_deliveries_of_each_event_give_one_row_and_one_job(world: World) -> None:
    for number in range(8):
        world.upload(f"study/{number}.dcm", times=10)
    random.Random(1).shuffle(world.messages)

    world.settle()

    assert len(world.files()) == 8
    assert len(world.imaging.jobs) == 1
    assert world.metrics["FilesRegistered"] == 8
    world.check()


def test_deliveries_after_the_import_wake_nothing(world: World) -> None:
    world.upload("study/1.dcm", times=3)
    kept = [world.messages.pop() for _ in range(2)]
    world.settle(sweeping=False)

    world.messages += kept
    world.deliver(*world.ready("uploads"))

    assert not world.messages
    assert [folder.state for folder in world.ledger.folders()] == [FolderState.DONE]


def test_a_file_on_its_way_from_upload_to_imported_is_written_twice(world: World) -> None:
    for number in range(20):
        world.upload(f"study/{number:02}.dcm")
    world.deliver(*world.ready("uploads"))
    world.settle(sweeping=False)
    rows = [write for write in world.calls if write in ("PutItem", "UpdateItem")]

    # Two for each file; the rest is the folder's and the job's, whatever their size.
    assert len(rows) <= 2 * 20 + 14
    assert world.table.writes <= 2 * 20 + 26


def test_files_that_come_while_their_folder_is_imported_are_imported_too(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.imaging.run(world.imaging.running()[0])
    world.upload("study/2.dcm")

    world.settle()

    assert world.fates() == {"study/1.dcm": "IMPORTED", "study/2.dcm": "IMPORTED"}
    assert [job.in_place for job in world.jobs()] == [True, False]
    world.check()


def test_a_late_file_of_a_finished_folder_goes_in_a_job_of_its_own(world: World) -> None:
    for number in range(5):
        world.upload(f"study/{number}.dcm")
    world.settle()
    world.upload("study/late.dcm")

    world.settle()

    assert sorted(job.files for job in world.jobs()) == [1, 5]
    assert world.s3.copies == 1
    world.check()


def test_a_file_that_slips_into_a_job_in_place_is_settled_from_its_manifest(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.upload("study/2.dcm", times=0)
    world.upload("study/below/3.dcm")

    world.settle()

    assert len(world.imaging.jobs) == 1
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_files_that_come_between_plan_and_start_are_not_read_by_the_job(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.ready("start"))
    world.upload("study/2.dcm")

    world.settle()

    assert [(job.in_place, job.files) for job in world.jobs()] == [(False, 1), (False, 1)]
    world.check()


def test_nested_folders_are_jobs_of_their_own(world: World) -> None:
    for key in ("a/1", "a/b/1", "a/b/2", "a/b/c/1", "1"):
        world.upload(key)

    world.settle()

    assert sorted((job.folder, job.in_place) for job in world.jobs()) == [
        ("", False),
        ("a/", False),
        ("a/b/", False),
        ("a/b/c/", True),
    ]
    world.check()


def test_of_two_waiting_versions_of_a_key_the_older_is_skipped(world: World) -> None:
    world.upload("study/1.dcm", b"old")
    world.upload("study/1.dcm", b"new")

    world.settle()

    assert [(file.status, file.reason) for file in sorted(world.files(), key=lambda one: one.version)] == [
        (Status.SKIPPED, "superseded by a newer version"),
        (Status.IMPORTED, None),
    ]
    world.check()


def test_a_file_deleted_before_its_import_is_skipped(world: World) -> None:
    world.upload("study/1.dcm")
    world.s3.put("input", "study/1.dcm", None)

    world.settle()

    assert [file.reason for file in world.files()] == ["deleted before it was imported"]
    assert not world.imaging.jobs


def test_markers_and_empty_and_oversized_objects_are_skipped_and_reach_no_job(world: World) -> None:
    world.upload("study/", b"")
    world.upload("study/empty", b"")
    world.upload("study/large", b"x" * 1_001)
    world.upload("study/1.dcm")

    world.settle()

    assert world.fates() == {
        "study/": "SKIPPED",
        "study/empty": "SKIPPED",
        "study/large": "SKIPPED",
        "study/1.dcm": "IMPORTED",
    }
    (read,) = world.imaging.read.values()
    assert {key for _, key, _ in read} == {"study/1.dcm"}
    world.check()


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


def test_more_than_a_job_may_hold_becomes_several_staged_jobs(world: World) -> None:
    for number in range(45):
        world.upload(f"study/{number:02}.dcm")

    world.settle()

    assert sorted(job.files for job in world.jobs()) == [5, 20, 20]
    assert not any(job.in_place for job in world.jobs())
    world.check()


def test_running_jobs_never_exceed_the_configured_number(world: World) -> None:
    for number in range(12):
        world.upload(f"study{number}/1.dcm")

    world.settle()

    assert world.imaging.most_running <= 3
    assert len(world.imaging.jobs) == 12
    world.check()


def test_starts_keep_the_configured_rate(world: World) -> None:
    for number in range(10):
        world.upload(f"study{number}/1.dcm")

    world.settle()

    starts = [start.timestamp() for start in world.imaging.starts]
    for first in starts:
        assert sum(first <= start < first + 5 for start in starts) <= 2 + 5


@pytest.mark.parametrize("code", ["ServiceQuotaExceededException", "ThrottlingException"])
def test_a_start_that_is_put_off_comes_again_and_starts_one_job(world: World, code: str) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = [code] * 3

    world.settle()

    assert len(world.imaging.jobs) == 1
    world.check()


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_a_start_that_is_refused_fails_the_job_and_its_files_with_the_reason(world: World, code: str) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = [code]

    world.settle()

    assert [(job.state, job.message) for job in world.jobs()] == [(JobState.FAILED, f"{code}: no")]
    assert [(file.status, file.reason) for file in world.files()] == [(Status.FAILED, f"{code}: no")]
    world.check()


def test_a_start_with_an_unknown_outcome_is_looked_for_before_it_is_made_again(world: World) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = ["InternalServerException"]

    world.settle()

    assert world.calls.index("ListDICOMImportJobs") > world.calls.index("StartDICOMImportJob")
    assert len(world.imaging.jobs) == 1
    world.check()


def test_a_folder_that_never_falls_quiet_is_imported_after_the_longest_wait(world: World) -> None:
    for number in range(70):
        world.upload(f"study/{number}.dcm")
        for message in world.ready():
            world.deliver(message)
        world.pass_time(1)

    assert world.imaging.jobs
    world.settle()
    world.check()


def test_lost_upload_events_are_made_up_for_by_the_sweep(world: World) -> None:
    for number in range(20):
        world.upload(f"study{number % 4}/{number}.dcm", times=number % 3)

    world.settle()

    assert len(world.files()) == 20
    world.check()


def test_with_all_healthimaging_events_lost_every_job_reaches_its_end(world: World) -> None:
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


def test_a_manifest_that_comes_late_is_waited_for(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    (job,) = world.imaging.running()
    world.imaging.run(job)
    world.end_job()
    hidden, world.s3.buckets["output"] = world.s3.buckets["output"], []
    world.deliver(*world.ready("results"))
    assert world.fates() == {"study/1.dcm": "WAITING"}

    world.s3.buckets["output"] = hidden
    world.settle()

    world.check()


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
