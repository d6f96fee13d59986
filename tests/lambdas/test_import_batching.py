"""Which files become one job, and whose turn it is: the functions together, with starts that are short."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks.memory_aws.healthimaging import MemoryHealthImaging
from benchmarks.memory_aws.s3 import INPUT, MemoryS3
from benchmarks.memory_aws.world import World
from lambdas import planning
from lambdas.adapters import storage
from lambdas.importing.files import FolderState, Status
from lambdas.importing.pacer import Rate


@pytest.fixture
def slow() -> World:
    """A start each ten seconds, and something imported that keeps studies from being one prefix."""
    normal = World().settings
    world = World(
        replace(
            normal,
            rate=Rate(per_second=0.1, burst=1, ceiling=0.1),
            concurrent_jobs=100,
            drain_target=timedelta(hours=1),
        )
    )
    world.upload("before/1.dcm")
    world.settle()
    return world


def upload_studies(world: World, studies: int, prefix: str = "", files: int = 2) -> None:
    for study in range(studies):
        for number in range(files):
            world.upload(f"{prefix}study{study:03}/{number}.dcm")


def test_point_3_with_no_backlog_a_study_starts_at_once_and_alone(slow: World) -> None:
    upload_studies(slow, 1, files=3)
    last_upload = slow.clock

    slow.settle()

    (start,) = slow.imaging.starts[1:]
    assert (start - last_upload).total_seconds() <= slow.settings.timing.quiet_seconds + 10
    assert [job.files for job in slow.jobs() if job.in_place and job.files == 3] == [3]
    slow.check()


def test_point_3_what_starts_within_the_drain_target_is_read_in_place(slow: World) -> None:
    upload_studies(slow, 20)

    slow.settle()

    assert slow.metrics["FilesCopied"] == 0
    assert len(slow.imaging.jobs) == 21
    slow.check()


def test_point_3_what_would_start_later_than_the_drain_target_shares_copied_jobs(slow: World) -> None:
    object.__setattr__(slow.settings, "drain_target", timedelta(seconds=100))
    upload_studies(slow, 40)

    slow.settle()

    jobs = [job for job in slow.jobs() if not job.in_place]
    assert slow.metrics["FilesCopied"] >= 60
    assert all(job.files >= 18 for job in jobs[:-1])
    assert len(slow.imaging.jobs) <= 1 + 13
    slow.check()


def test_an_urgent_prefix_starts_within_two_start_periods_while_a_backlog_waits(slow: World) -> None:
    upload_studies(slow, 30)
    slow.go_on(until=lambda: len(slow.imaging.jobs) == 3)
    upload_studies(slow, 1, "urgent/")
    uploaded_at = slow.clock

    slow.settle()

    (started_at,) = (
        at
        for at, job in zip(slow.imaging.starts, slow.imaging.jobs.values(), strict=True)
        if "urgent/" in job.request["inputS3Uri"]
    )
    quiet = slow.settings.timing.quiet_seconds * 1.2
    assert (started_at - uploaded_at).total_seconds() <= quiet + 2 * 10 + 2
    slow.check()


def test_one_folders_backlog_does_not_keep_anothers_study_waiting(slow: World) -> None:
    upload_studies(slow, 60, "backlog/")
    slow.go_on(until=lambda: len(slow.imaging.jobs) == 3)
    upload_studies(slow, 1, "other/")

    slow.go_on(until=lambda: any("other/" in job.request["inputS3Uri"] for job in slow.imaging.jobs.values()))

    waiting = [one for one in slow.ledger.folders_in(FolderState.OPEN) if one.path.startswith("backlog/")]
    assert waiting
    slow.settle()
    slow.check()


@pytest.fixture
def world() -> World:
    return World()


def upload_apart(world: World, studies: int) -> None:
    """Studies that no prefix holds together: something imported lies beside them."""
    world.upload("before/1.dcm")
    world.settle()
    for number in range(studies):
        world.upload(f"study{number}/1.dcm")


def test_running_jobs_never_exceed_the_configured_number(world: World) -> None:
    upload_apart(world, 12)

    world.settle()

    assert world.imaging.most_running <= 3
    assert len(world.imaging.jobs) == 13
    world.check()


def test_starts_keep_the_configured_rate(world: World) -> None:
    upload_apart(world, 10)

    world.settle()

    starts = [start.timestamp() for start in world.imaging.starts]
    for first in starts:
        assert sum(first <= start < first + 5 for start in starts) <= 2 + 5


def test_point_16_a_folder_with_more_files_than_are_planned_at_once_is_imported_part_by_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 5)
    for name in ("a", "a-b", "a.c", "z", "é", *map(str, range(30))):
        world.upload(name, b"bad" if name == "7" else b"good")
    world.upload("a", b"newer")
    world.upload("sub/1")

    world.settle()

    assert [file.name for file in world.ledger.failed_files()] == ["7"]
    assert Counter(file.status for file in world.files()) == {
        Status.IMPORTED: 35,
        Status.FAILED: 1,
        Status.SKIPPED: 1,
    }
    assert set(world.imaging.imported.values()) == {1}
    world.check()


def test_a_large_folder_of_which_all_is_imported_takes_in_one_more_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 5)
    for number in range(20):
        world.upload(f"flat/{number}")
    world.settle()
    before = world.s3.copies

    world.upload("flat/15x")
    world.settle()

    assert world.s3.copies == before + 1
    assert set(world.fates().values()) == {"IMPORTED"}
    assert set(world.imaging.imported.values()) == {1}
    world.check()


def test_a_file_among_more_objects_than_are_listed_at_once_is_copied_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_ROWS", 5)
    for number in range(20):
        world.upload(f"flat/{number:02}", times=0)
    world.upload("flat/15x")

    world.settle(sweeping=False)

    assert world.fates() == {"flat/15x": "IMPORTED"}
    assert world.s3.copies == 1


def test_point_1_a_doubled_slash_in_a_key_keeps_nothing_from_being_imported(world: World) -> None:
    world.upload_raw("a/readme.json", b"{}")
    for number in range(15):
        world.upload(f"a/{number}.dcm")
        world.upload(f"a//{number}.dcm")
    world.upload("other/1.dcm")

    world.settle()

    assert {fate for key, fate in world.fates().items() if key.endswith(".dcm")} == {"IMPORTED"}
    world.check()


def test_point_11_no_job_reads_a_prefix_above_an_urgent_one() -> None:
    """What comes there while the job runs would wait for its end."""
    world = World()
    world.upload("a/1.dcm")
    world.upload("c/1.dcm")
    world.go_on(until=lambda: len(world.imaging.running()) == 2)
    for job in world.imaging.running():
        world.imaging.run(job)
    world.upload("urgent/1.dcm")

    world.go_on(until=lambda: len(world.imaging.jobs) == 3)

    *_, last = world.imaging.jobs.values()
    assert last.request["inputS3Uri"] == "s3://input/urgent/"
    world.settle()
    world.check()


def test_point_2_a_prefix_with_a_long_history_is_gone_through_no_further_than_takes_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Delete markers of all that was imported before."""
    monkeypatch.setattr(storage, "MOST_HISTORY", 100)
    world = World()
    world.s3 = MemoryS3(world.now, world._around, page=5)
    world.imaging = MemoryHealthImaging(world.s3, world.now, world._around)
    world.deploy_again()
    for number in range(2_000):
        world.s3.put(INPUT, f"2025/old{number:06d}.dcm", None)
    world.upload("2025/x/1.dcm")
    world.upload("2025/y/1.dcm")
    world.settle(sweeping=False)

    assert set(world.fates().values()) == {"IMPORTED"}
    assert all("/2025/" in job.request["inputS3Uri"][:-1] for job in world.imaging.jobs.values())
    assert Counter(world.calls)["ListObjectVersions"] < 150


def test_a_folder_that_the_index_tells_of_twice_is_planned_once(world: World) -> None:
    for number in range(11):
        world.upload(f"study/{number}.dcm")
    world.deliver_ready()
    world.pass_time(30)
    (folder,) = world.ledger.folders_in(FolderState.OPEN)

    world.plan.planner.plan([folder, folder])

    assert [job.files for job in world.jobs()] == [11]
