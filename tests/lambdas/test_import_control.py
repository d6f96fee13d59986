"""What people tell the import: redrive, pause, drain, complete; and what a redeploy leaves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.memory_aws.world import Message, World
from lambdas.importing.control import Mode
from lambdas.importing.files import FolderState, JobState, Status
from lambdas.importing.routing import Store
from lambdas.start import NO_LONGER_CONFIGURED


@pytest.fixture
def world() -> World:
    return World()


def wait(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.deliver_ready()
        world.pass_time(1)


def complete(world: World, prefix: str) -> None:
    body = {"bucket": "input", "folder": prefix, "complete": True}
    world.messages.append(Message(queue="plan", body=body, at=world.clock))


# Redrive


def test_a_redriven_file_is_imported_in_a_job_of_its_own(world: World) -> None:
    for number in range(3):
        world.upload(f"study/{number}.dcm", b"poison" if number == 1 else b"good")
    world.settle()
    (failed,) = world.ledger.failed_files()
    world.imaging.is_poisoned = lambda job: False  # type: ignore[method-assign]

    assert [file.key for file in world.redrive(failed)] == ["study/1.dcm"]
    world.settle()

    assert set(world.fates().values()) == {"IMPORTED"}
    assert set(world.imaging.imported.values()) == {1}
    world.check()


def test_redrive_does_nothing_to_imported_files_and_nothing_twice(world: World) -> None:
    world.upload("study/1.dcm")
    world.upload("study/2.dcm", b"bad")
    world.settle()
    (failed,) = world.ledger.failed_files()

    assert world.redrive(*world.files()) == [failed]
    assert world.redrive(failed) == []
    world.settle()

    assert sorted(job.files for job in world.jobs()) == [1, 2]
    assert world.fates() == {"study/1.dcm": "IMPORTED", "study/2.dcm": "FAILED"}


def test_a_file_that_failed_and_was_redriven_again_and_again_gets_a_new_job_each_time(world: World) -> None:
    world.upload("study/1.dcm", b"bad")
    for _ in range(4):
        world.settle()
        assert world.redrive(*world.ledger.failed_files())
    world.settle()

    assert len(world.imaging.jobs) == 5
    world.check()


def test_a_redriven_version_that_was_replaced_meanwhile_is_skipped(world: World) -> None:
    old = world.upload("study/1.dcm", b"bad")
    world.settle()
    world.upload("study/1.dcm", b"repaired")
    world.settle()

    world.redrive(*world.ledger.failed_files())
    world.settle()

    assert {file.version: file.status for file in world.files()}[old] is Status.SKIPPED
    world.check()


# Pause, resume, drain


def test_point_18_pause_keeps_files_waiting_and_resume_imports_them(world: World) -> None:
    world.ledger.control.set(Mode.PAUSED)
    world.upload("study/1.dcm")
    wait(world, 120)
    world.tick()
    assert not world.imaging.jobs
    assert world.fates() == {"study/1.dcm": "WAITING"}

    world.ledger.control.set(Mode.RUNNING)
    world.settle(sweeping=False)

    assert world.fates() == {"study/1.dcm": "IMPORTED"}
    world.check()


def test_pause_stops_what_is_planned_and_records_what_runs(world: World) -> None:
    world.upload("a/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.upload("b/1.dcm")
    world.go_on(until=lambda: world.ready("start"))

    world.ledger.control.set(Mode.PAUSED)
    wait(world, 60)
    world.end_job()
    wait(world, 60)
    world.tick()
    assert world.fates() == {"a/1.dcm": "IMPORTED", "b/1.dcm": "WAITING"}

    world.ledger.control.set(Mode.RUNNING)
    world.settle(sweeping=False)
    assert len(world.imaging.jobs) == 2
    world.check()


def test_drain_ends_what_is_planned_and_plans_nothing_new(world: World) -> None:
    world.upload("a/1.dcm")
    world.go_on(until=lambda: world.ready("start"))

    world.ledger.control.set(Mode.DRAINING)
    world.upload("b/1.dcm")
    world.go_on(until=lambda: world.imaging.running())
    world.end_job()
    wait(world, 120)
    world.tick()

    assert world.fates() == {"a/1.dcm": "IMPORTED", "b/1.dcm": "WAITING"}
    assert [folder.path for folder in world.ledger.folders_in(FolderState.IMPORTING)] == []
    world.ledger.control.set(Mode.RUNNING)
    world.settle()
    world.check()


# A redeploy


def is_registered(world: World) -> bool:
    return len(world.ledger.files("input", "study/")) == 3


def is_planned(world: World) -> bool:
    return bool(world.ready("start"))


def is_running(world: World) -> bool:
    return bool(world.imaging.running())


def has_ended(world: World) -> bool:
    if is_running(world):
        world.end_job()
    return bool(world.ready("results"))


@pytest.mark.parametrize("moment", [is_registered, is_planned, is_running, has_ended])
def test_replacing_the_import_stack_at_any_moment_loses_nothing_and_imports_nothing_twice(
    world: World, moment: Callable[[World], bool]
) -> None:
    for number in range(3):
        world.upload(f"study/{number}.dcm")
    world.go_on(until=lambda: moment(world))

    world.deploy_again()
    world.settle()

    assert len(world.imaging.jobs) == 1
    assert set(world.imaging.imported.values()) == {1}
    world.check()


def test_all_events_of_a_day_replayed_after_a_redeploy_import_nothing_twice(world: World) -> None:
    for number in range(30):
        world.upload(f"study{number % 5}/{number}.dcm", b"bad" if number == 7 else b"good")
    world.settle()
    jobs = len(world.imaging.jobs)

    world.deploy_again()
    world.messages += [Message(queue="uploads", body=one.body, at=world.clock) for one in world.uploads]
    world.settle()

    assert len(world.imaging.jobs) == jobs
    assert set(world.imaging.imported.values()) == {1}
    world.check()


# Explicit signs


def seconds_to_start(world: World, since: float) -> float:
    return world.imaging.starts[-1].timestamp() - since


def test_a_marker_closes_its_folder_at_once_and_reaches_no_job(world: World) -> None:
    for number in range(3):
        world.upload(f"study/{number}.dcm")
    world.upload("study/_COMPLETE", b"")
    since = world.clock.timestamp()

    world.go_on(until=lambda: world.imaging.running())

    assert seconds_to_start(world, since) <= 3
    world.settle()
    (read,) = world.imaging.read.values()
    assert {key for _, key, _ in read} == {f"study/{number}.dcm" for number in range(3)}
    assert world.fates()["study/_COMPLETE"] == "SKIPPED"
    world.check()


def test_a_marker_that_is_no_dicom_file_is_never_read(world: World) -> None:
    world.upload_raw("study/_COMPLETE", b"done by the modality")

    world.settle()

    assert world.calls.count("GetObject") == 0
    assert world.fates() == {"study/_COMPLETE": "SKIPPED"}


def test_point_4_complete_closes_all_folders_under_the_prefix_at_once_and_no_others(world: World) -> None:
    for key in ("study/1", "study/a/1", "study/a/b/1", "study2/1"):
        world.upload(key)
    world.deliver(*world.ready("uploads"))
    complete(world, "study/")

    world.deliver_ready()

    assert {folder.path for folder in world.ledger.folders_in(FolderState.OPEN)} == {"study2/"}
    world.settle()
    world.check()


def test_a_complete_folder_waits_a_little_for_events_that_are_on_their_way(world: World) -> None:
    world.upload("study/1.dcm")
    world.deliver(*world.ready("uploads"))
    world.upload("study/2.dcm")
    late = world.messages.pop()
    complete(world, "study/")
    world.deliver_ready()
    world.messages.append(late)

    world.settle()

    assert [(job.files, job.in_place) for job in world.jobs()] == [(2, True)]


def test_complete_of_a_folder_in_which_nothing_waits_starts_nothing(world: World) -> None:
    world.upload("study/1.dcm")
    world.settle()
    complete(world, "study/")

    world.settle()

    assert len(world.imaging.jobs) == 1


@pytest.mark.parametrize("size", [5, 490])
def test_point_4_a_folder_that_holds_a_full_job_is_closed_by_count_or_bytes_before_it_is_quiet(
    world: World, size: int
) -> None:
    """Twenty files, or 10,000 bytes, with a file every two seconds: it is never quiet."""
    uploaded = 0
    while not world.imaging.jobs:
        world.upload(f"study/{uploaded}.dcm", b"x" * size)
        uploaded += 1
        wait(world, 2)

    assert uploaded <= (28 if size == 5 else 24)
    assert world.clock.timestamp() - world.uploads[0].at.timestamp() < 58
    world.settle()
    world.check()


def test_point_14_a_redrive_by_an_old_list_of_failed_files_changes_nothing(world: World) -> None:
    world.upload("study/1.dcm", b"bad")
    world.settle()
    (listed_before,) = world.ledger.failed_files()
    world.redrive(listed_before)
    world.settle()

    assert world.redrive(listed_before) == []
    world.settle()

    (failed,) = world.ledger.failed_files()
    assert failed.redriven == 1


def test_point_18_a_prefix_that_is_given_a_data_store_of_its_own_takes_its_open_folders_along(
    world: World,
) -> None:
    world.upload("study/1.dcm")
    world.go_on(until=world.imaging.running)
    (running,) = world.imaging.running()
    world.imaging.run(running)
    (main,) = world.settings.stores
    own = replace(main, id="own", prefix="study/", datastore_id="e" * 32)
    rest = replace(main, prefix="other/")
    world.settings = replace(world.settings, stores=(rest, own))
    world.upload("study/2.dcm")
    world.deploy_again(keep_messages=True)

    world.settle()

    stores = {file.name: (file.store, world.ledger.job(str(file.job)).store) for file in world.files()}  # type: ignore[union-attr]
    assert stores == {"1.dcm": ("main", "main"), "2.dcm": ("own", "own")}


def plan_and_pause(world: World, folder: str) -> None:
    for number in range(4):
        world.upload(f"{folder}{number}/1.dcm")
    world.go_on(until=lambda: list(world.ledger.jobs_in(JobState.PLANNED)))
    world.ledger.control.set(Mode.PAUSED)
    world.deliver_ready()


def deploy_and_resume(world: World, *stores: Store) -> None:
    world.settings = replace(world.settings, stores=stores)
    world.deploy_again()
    world.ledger.control.set(Mode.RUNNING)
    world.settle()


@pytest.mark.parametrize("datastore_id", ["d" * 32, "e" * 32])
def test_point_18_jobs_of_a_data_store_that_left_the_configuration_are_planned_anew(
    world: World, datastore_id: str
) -> None:
    plan_and_pause(world, "s")
    (main,) = world.settings.stores

    deploy_and_resume(world, replace(main, id="renamed", datastore_id=datastore_id))

    assert set(world.fates().values()) == {"IMPORTED"}
    assert {job.store for job in world.jobs() if job.job_id} == {"renamed"}
    world.check()


def test_point_18_a_job_whose_start_is_unknown_fails_when_its_data_store_left_the_configuration(
    world: World,
) -> None:
    world.upload("study/1.dcm")
    world.imaging.refusals = ["InternalServerException"]
    world.go_on(until=lambda: list(world.ledger.jobs_in(JobState.STARTING)))
    (main,) = world.settings.stores
    world.settings = replace(world.settings, stores=(replace(main, id="renamed"),))
    world.deploy_again()

    world.settle()

    (failed,) = world.ledger.failed_files()
    assert failed.reason == NO_LONGER_CONFIGURED


@pytest.mark.parametrize("prefix", ["", "b/"])
def test_point_18_planned_jobs_go_to_the_data_store_that_their_prefix_has_now(
    world: World, prefix: str
) -> None:
    plan_and_pause(world, "b/")
    (main,) = world.settings.stores
    # Another data store for the prefix; or another under the same name.
    other = replace(main, id="other" if prefix else "main", prefix=prefix, datastore_id="e" * 32)

    deploy_and_resume(world, *([replace(main, prefix="a/")] if prefix else []), other)

    assert {job.request["datastoreId"] for job in world.imaging.jobs.values()} == {"e" * 32}
    world.check()


def test_point_18_units_handed_out_before_stores_were_divided_are_divided_too(world: World) -> None:
    world.upload("a/1/1.dcm")
    world.upload("b/1/1.dcm")
    world.deliver_ready()
    world.pass_time(30)
    units = {"bucket": "input", "units": [["a/1/", "b/1/"]], "short": False}
    world.messages = [Message(queue="plan", body=units, at=world.clock)]
    (main,) = world.settings.stores
    other = replace(main, id="other", prefix="b/", datastore_id="e" * 32)
    world.settings = replace(world.settings, stores=(replace(main, prefix="a/"), other))
    world.deploy_again(keep_messages=True)

    world.settle()

    read = {
        job.request["datastoreId"]: {key for _, key, _ in world.imaging.read[job.name]}
        for job in world.imaging.jobs.values()
    }
    assert read == {"d" * 32: {"a/1/1.dcm"}, "e" * 32: {"b/1/1.dcm"}}
