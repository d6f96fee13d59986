"""The import from upload to fate, over AWS in memory."""

import random
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.world import Message, World
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


def test_point_5_ten_shuffled_deliveries_of_each_event_give_one_row_and_one_job(world: World) -> None:
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


def test_a_folder_below_one_that_is_read_in_place_is_planned_after_it(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.upload("study/below/2.dcm")
    for _ in range(20):
        world.deliver_ready()
        world.pass_time(1)
    assert len(world.imaging.jobs) == 1

    world.settle()

    assert len(world.imaging.jobs) == 1
    assert world.fates() == {"study/1.dcm": "IMPORTED", "study/below/2.dcm": "IMPORTED"}
    world.check()


def test_a_job_that_its_folder_does_not_name_is_never_started(world: World) -> None:
    """Two plans at once wrote a job each, and the other one's folder row came first."""
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.ready("start"))
    (job,) = world.jobs()
    world.ledger.plan(replace(job, name="ahi-test-other"), world.files())
    other = Message(queue="start", body={"job": "ahi-test-other"}, at=world.clock)
    world.messages.append(other)

    world.deliver(other)
    world.settle()

    assert [one.name for one in world.imaging.jobs.values()] == [job.name]
    assert [one.name for one in world.jobs()] == [job.name]
    world.check()


def test_point_1_files_that_come_between_plan_and_start_are_not_read_by_the_job(world: World) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=lambda: world.ready("start"))
    world.upload("study/2.dcm")

    world.settle()

    assert [(job.in_place, job.files) for job in world.jobs()] == [(False, 1), (False, 1)]
    world.check()


def test_the_highest_prefix_whose_every_object_waits_is_one_job_in_place(world: World) -> None:
    for key in ("a/1", "a/b/1", "a/b/2", "a/b/c/1", "a/bc/1"):
        world.upload(key)

    world.settle()

    assert [(job.prefix, job.files) for job in world.jobs()] == [("s3://input/a/", 5)]
    world.check()


def test_beside_what_is_imported_the_highest_prefix_is_the_new_folders_own(world: World) -> None:
    for key in ("a/1.2.3/series/1", "a/1.2.3/other/1"):
        world.upload(key)
    world.settle()
    for key in ("a/1.2.30/series/1", "a/1.2.30/other/1", "a/1.2.31/series/1"):
        world.upload(key)

    world.settle()

    jobs = {(job.prefix, job.files) for job in world.jobs()}
    assert jobs == {
        ("s3://input/a/1.2.3/", 2),
        ("s3://input/a/1.2.30/", 2),
        ("s3://input/a/1.2.31/series/", 1),
    }
    world.check()


def test_files_beside_folders_that_are_imported_are_copied(world: World) -> None:
    world.upload("a/b/1")
    world.settle()
    world.upload("a/1")

    world.settle()

    assert sorted((job.in_place, job.files) for job in world.jobs()) == [(False, 1), (True, 1)]
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


@pytest.mark.parametrize(
    ("folder", "fate"), [("study/", "IMPORTED"), ("ignored/", "SKIPPED"), ("rejected/", "FAILED")]
)
def test_point_7_an_overwrite_follows_the_policy_of_its_prefix(world: World, folder: str, fate: str) -> None:
    first = world.upload(f"{folder}1.dcm", b"first")
    world.settle()
    second = world.upload(f"{folder}1.dcm", b"second")

    world.settle()

    assert {file.version: file.status for file in world.files()} == {first: "IMPORTED", second: fate}
    world.check()


@pytest.mark.parametrize("folder", ["study/", "ignored/", "rejected/"])
def test_a_failed_key_repaired_and_uploaded_again_is_imported_under_every_policy(
    world: World, folder: str
) -> None:
    world.upload(f"{folder}1.dcm", b"bad")
    world.settle()
    world.upload(f"{folder}1.dcm", b"repaired")

    world.settle()

    assert world.fates() == {f"{folder}1.dcm": "IMPORTED"}
    world.check()


@pytest.mark.parametrize("folder", ["study/", "ignored/", "rejected/"])
def test_point_7_the_event_of_an_older_version_that_comes_late_never_wins(world: World, folder: str) -> None:
    old = world.upload(f"{folder}1.dcm", b"old")
    kept = world.messages.pop()
    new = world.upload(f"{folder}1.dcm", b"new")
    world.settle(sweeping=False)
    world.messages.append(kept)

    world.settle()

    assert {file.version: file.status for file in world.files()} == {old: "SKIPPED", new: "IMPORTED"}
    world.check()


def test_an_older_version_does_not_win_though_the_newer_one_was_removed_after_its_import(
    world: World,
) -> None:
    old = world.upload("study/1.dcm", b"old")
    kept = world.messages.pop()
    new = world.upload("study/1.dcm", b"new")
    world.settle(sweeping=False)
    world.s3.forget("input", "study/1.dcm", new)
    world.messages.append(kept)

    world.settle()

    (row,) = [file for file in world.files() if file.version == old]
    assert (row.status, row.reason) == (Status.SKIPPED, "older than the version that is imported")


def test_a_file_deleted_before_its_import_is_skipped(world: World) -> None:
    world.upload("study/1.dcm")
    world.s3.put("input", "study/1.dcm", None)

    world.settle()

    assert [file.reason for file in world.files()] == ["deleted before it was imported"]
    assert not world.imaging.jobs


def test_what_lies_below_a_folder_whose_only_file_was_deleted_is_imported_in_place(world: World) -> None:
    world.upload("1", times=0)
    world.upload("a/b/1", times=0)
    world.s3.put("input", "1", None)

    world.settle()

    assert world.fates() == {"1": "SKIPPED", "a/b/1": "IMPORTED"}
    world.check()


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


def test_point_17_preflight_gives_what_is_no_dicom_file_its_fate_before_any_job(world: World) -> None:
    world.upload("study/1.dcm")
    world.upload("study/broken.dcm", b"bad")
    world.upload("study/gzipped.dcm", encoding="gzip")
    world.upload_raw("study/notes.txt", b"no preamble")
    world.upload_raw("study/study.json", b'{"Modality": "CT"}')
    world.upload("study/DICOMDIR", b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10\x00")
    world.upload("study/empty", b"")
    world.upload("study/large", b"x" * 1_001)
    world.upload("study/", b"")

    world.settle()

    assert {file.name: (str(file.status), file.job is not None) for file in world.files() if file.name} == {
        "1.dcm": ("IMPORTED", True),
        "broken.dcm": ("FAILED", True),
        "gzipped.dcm": ("FAILED", False),
        "notes.txt": ("FAILED", False),
        "study.json": ("SKIPPED", False),
        "DICOMDIR": ("SKIPPED", False),
        "empty": ("SKIPPED", False),
        "large": ("SKIPPED", False),
    }
    (read,) = world.imaging.read.values()
    assert {key for _, key, _ in read} == {"study/1.dcm", "study/broken.dcm"}
    assert world.metrics["FilesFailed"] == 3
    world.check()


def test_point_17_preflight_looks_once_and_a_refused_file_is_written_once(world: World) -> None:
    world.upload_raw("study/notes.txt", b"no preamble")

    world.settle(sweeping=False)

    assert world.calls.count("GetObject") == 1
    # The second is the folder's.
    assert world.calls.count("PutItem") == 2
    assert world.calls.count("UpdateItem") == 0


@pytest.mark.parametrize("code", ["AccessDenied", "KMS.DisabledException"])
def test_preflight_leaves_a_file_that_it_may_not_read_to_healthimaging(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def forbidden(**_: str) -> None:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    world.upload("study/1.dcm")
    with monkeypatch.context() as denied:
        denied.setattr(world.s3, "get_object", forbidden)
        world.deliver_ready()
    world.settle()

    assert world.fates() == {"study/1.dcm": "IMPORTED"}


def test_more_than_a_job_may_hold_becomes_several_staged_jobs(world: World) -> None:
    for number in range(45):
        world.upload(f"study/{number:02}.dcm")

    world.settle()

    assert sorted(job.files for job in world.jobs()) == [5, 20, 20]
    assert not any(job.in_place for job in world.jobs())
    world.check()


def test_point_4_a_folder_that_never_falls_quiet_is_imported_after_the_longest_wait(world: World) -> None:
    for number in range(70):
        world.upload(f"study/{number}.dcm")
        for message in world.ready():
            world.deliver(message)
        world.pass_time(1)

    assert world.imaging.jobs
    world.settle()
    world.check()
