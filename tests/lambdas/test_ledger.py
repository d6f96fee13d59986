"""The ledger on MiniStack and on the table in memory: one behaviour, so that the fake can be trusted."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import ministack_in_process
import pytest
from jobs import NOW, job

from lambdas.adapters.dynamodb import ClientTable
from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File, Folder, FolderState, JobState, Status
from lambdas.importing.timing import Timing

TIMING = Timing(quiet_seconds=5, longest_wait_seconds=60)


@pytest.fixture
def ledger(table: Any) -> Ledger:
    return Ledger(table)


def file(name: str, version: str = "v1", **given: Any) -> File:
    return File(
        bucket="input",
        folder="study/",
        name=name,
        version=version,
        size=3,
        etag="e",
        sequencer="00A",
        uploaded_at=NOW,
        store="main",
        **given,
    )


def open_folder(ledger: Ledger, at: datetime = NOW) -> Folder:
    assert ledger.touch("input", "study/", "main", TIMING, at)
    folder = ledger.folder("input", "study/")
    assert folder
    return folder


def imported(one: File) -> File:
    return replace(
        one, status=Status.IMPORTED, job="job", image_set_id="set", is_primary=False, settled_at=NOW
    )


def test_a_file_is_read_back_as_it_was_registered(ledger: Ledger) -> None:
    written = [file("1"), file("", version="null"), file("2#x", attempts=1)]

    assert ledger.register(written) == written
    assert sorted(ledger.files("input", "study/"), key=lambda one: one.name) == sorted(
        written, key=lambda one: one.name
    )


def test_registering_twice_changes_nothing(ledger: Ledger) -> None:
    ledger.register([file("1")])
    ledger.settle([imported(file("1"))])

    assert ledger.register([file("1"), file("1", "v2")]) == [file("1", "v2")]
    assert ledger.file(file("1")) == imported(file("1"))


def test_names_too_long_for_a_sort_key_have_rows_of_their_own(ledger: Ledger) -> None:
    names = ["é" * 511 + "a", "é" * 511 + "b"]

    ledger.register([file(name, version="v" * 32) for name in names])

    assert sorted(one.name for one in ledger.files("input", "study/")) == names


def test_a_fate_is_given_once(ledger: Ledger) -> None:
    ledger.register([file("1")])
    failed = replace(file("1"), status=Status.FAILED, job="job", reason="no", settled_at=NOW)

    assert ledger.settle([failed]) == [failed]
    assert ledger.settle([replace(failed, status=Status.SKIPPED)]) == []
    assert list(ledger.failed_files()) == [failed]


def test_what_is_imported_is_imported_whatever_was_said_of_it_before(ledger: Ledger) -> None:
    ledger.register([file("1")])
    failed = replace(file("1"), status=Status.FAILED, job="job", reason="no", settled_at=NOW)
    ledger.settle([failed])

    assert ledger.settle([imported(file("1"))]) == [imported(file("1"))]
    assert ledger.settle([failed]) == []
    assert ledger.files("input", "study/") == [imported(file("1"))]
    assert not list(ledger.failed_files())


def test_a_fate_may_come_before_the_upload_event(ledger: Ledger) -> None:
    assert ledger.settle([imported(file("1"))]) == [imported(file("1"))]
    assert ledger.register([file("1")]) == []
    assert ledger.files("input", "study/") == [imported(file("1"))]


def test_a_file_is_given_back_once_for_each_job(ledger: Ledger) -> None:
    ledger.register([file("1")])
    returned = file("1", attempts=1, job="job")

    ledger.give_back([returned])
    ledger.give_back([replace(returned, attempts=2)])

    assert ledger.files("input", "study/") == [returned]


def test_failed_files_come_newest_first_and_without_jobs(ledger: Ledger) -> None:
    for number in range(3):
        settled_at = NOW + timedelta(seconds=number)
        one = replace(file(str(number)), status=Status.FAILED, reason="no", settled_at=settled_at)
        ledger.settle([one])
    ledger.plan(job(), [file("1")])
    ledger.advance(job(), job(state=JobState.FAILED))

    assert [one.name for one in ledger.failed_files()] == ["2", "1", "0"]
    assert [one.name for one in ledger.jobs()] == ["job"]


def test_an_open_folder_is_written_a_few_times_a_quiet_period(ledger: Ledger) -> None:
    folder = open_folder(ledger)

    assert not ledger.touch("input", "study/", "main", TIMING, NOW + timedelta(seconds=0.9))
    assert ledger.folder("input", "study/") == folder
    assert not ledger.touch("input", "study/", "main", TIMING, NOW + timedelta(seconds=1))
    assert ledger.folder("input", "study/") == replace(folder, last_at=NOW + timedelta(seconds=1), touches=2)


def test_only_due_folders_are_listed_as_due(ledger: Ledger) -> None:
    folder = open_folder(ledger)

    assert list(ledger.folders_in(FolderState.OPEN, before=NOW + timedelta(seconds=5))) == []
    assert list(ledger.folders_in(FolderState.OPEN, before=NOW + timedelta(seconds=6))) == [folder]


def test_of_two_plans_of_a_folder_one_begins(ledger: Ledger) -> None:
    folder = open_folder(ledger)

    assert ledger.begin(folder, ["a", "b"], in_place=False, now=NOW)
    assert not ledger.begin(folder, ["c"], in_place=True, now=NOW)
    standing = ledger.folder("input", "study/")
    assert standing
    assert (standing.state, standing.jobs, standing.in_place) == (
        FolderState.IMPORTING,
        frozenset({"a", "b"}),
        False,
    )


def test_a_plan_of_an_earlier_opening_begins_nothing(ledger: Ledger) -> None:
    before = open_folder(ledger)
    ledger.begin(before, ["a"], in_place=True, now=NOW)
    left = ledger.leave("input", "study/", "a")
    assert left
    assert ledger.reopen(left, TIMING)

    assert not ledger.begin(before, ["b"], in_place=True, now=NOW)


def test_a_folder_closes_when_its_last_job_left_and_nothing_came(ledger: Ledger) -> None:
    ledger.begin(open_folder(ledger), ["a", "b"], in_place=True, now=NOW)
    first = ledger.leave("input", "study/", "a")
    assert first
    assert first.jobs == {"b"}
    assert not ledger.close(first, NOW)

    last = ledger.leave("input", "study/", "b")
    assert last
    assert last.jobs == frozenset()
    assert ledger.close(last, NOW)
    assert ledger.leave("input", "study/", "b") is None
    assert ledger.touch("input", "study/", "main", TIMING, NOW)


def test_a_folder_in_which_something_came_does_not_close(ledger: Ledger) -> None:
    ledger.begin(open_folder(ledger), ["a"], in_place=True, now=NOW)
    left = ledger.leave("input", "study/", "a")
    assert left

    assert not ledger.touch("input", "study/", "main", TIMING, NOW)

    assert not ledger.close(left, NOW)


def test_a_folder_knows_whether_a_file_waits(ledger: Ledger) -> None:
    open_folder(ledger)
    assert not ledger.has_waiting("input", "study/")
    ledger.register([file(str(number)) for number in range(30)])
    ledger.settle([imported(file(str(number))) for number in range(29)])

    assert ledger.has_waiting("input", "study/")
    ledger.settle([imported(file("29"))])
    assert not ledger.has_waiting("input", "study/")


def test_the_members_of_a_job_are_its_batch_and_no_file_between_them(ledger: Ledger) -> None:
    ledger.register([file(name) for name in "abcde"])
    ledger.plan(job(), [file("b"), file("d")])

    assert [one.name for one in ledger.members(job())] == ["b", "d"]
    assert ledger.job("job") == job()
    assert ledger.job("other") is None


def test_a_job_is_changed_only_as_it_was_seen(ledger: Ledger) -> None:
    ledger.plan(job(), [file("1")])
    starting = job(state=JobState.STARTING, at=NOW + timedelta(seconds=1), started_at=NOW)
    started = replace(starting, state=JobState.STARTED, job_id="1", message="m", finished_at=NOW, staged=True)

    assert ledger.advance(job(), starting)
    assert not ledger.advance(job(), starting)
    assert not ledger.advance(replace(starting, at=NOW), started)
    assert ledger.advance(starting, started)
    assert ledger.job("job") == started


def test_planning_a_started_batch_again_leaves_it_started(ledger: Ledger) -> None:
    ledger.plan(job(), [file("1")])
    started = job(state=JobState.STARTED, job_id="1")
    ledger.advance(job(), started)

    ledger.plan(job(), [file("1")])

    assert ledger.job("job") == started


def test_an_abandoned_job_is_listed_again_when_it_is_planned_again(ledger: Ledger) -> None:
    ledger.plan(job(), [file("1")])

    assert ledger.abandon(job())
    assert list(ledger.jobs()) == []
    ledger.plan(job(), [file("1")])
    assert list(ledger.jobs()) == [job()]


def test_the_sweep_goes_on_in_each_bucket_where_it_stopped(ledger: Ledger) -> None:
    ledger.bookmark.keep("another", "z")
    assert ledger.bookmark.key("input") is None
    for position in ("a/1", "b/2", None, None):
        ledger.bookmark.keep("input", position)
        assert ledger.bookmark.key("input") == position


def test_rows_written_by_many_threads_are_the_same(table: Any) -> None:
    ledger = Ledger(table, workers=4)
    files = [file(str(number)) for number in range(40)]

    assert ledger.register([*files, *files[:5]]) == files
    assert len(ledger.settle([imported(one) for one in files])) == 40


def test_a_value_that_no_row_holds_is_refused_by_its_type() -> None:
    table = ClientTable(ministack_in_process.client("dynamodb"), "ledger")

    with pytest.raises(TypeError, match="a float in a row of the ledger"):
        table.put_item(Item={"pk": "a", "sk": "/", "size": 1.5})


def test_a_part_of_a_folder_begins_with_the_first_that_waits_and_splits_no_name(ledger: Ledger) -> None:
    done = [imported(file(f"a{number}")) for number in range(4)]
    waiting = [file("b", f"v{number}") for number in range(3)] + [file("c"), file("d")]
    ledger.register([*done, *waiting])

    assert ledger.part("input", "study/", 9) == (ledger.files("input", "study/"), True)
    assert ledger.part("input", "study/", 3) == (waiting[:3], False)
    assert ledger.part("input", "study/", 2) == (waiting[:3], False)
    assert ledger.part("input", "study/", 4) == (waiting[:4], False)
    assert ledger.waiting_sizes("input", "study/", 4) == [3] * 4
    assert ledger.has_waiting("input", "study/")


def test_a_part_of_a_folder_in_which_nothing_waits_is_empty(ledger: Ledger) -> None:
    ledger.register([imported(file(f"a{number}")) for number in range(4)])

    assert ledger.part("input", "study/", 2) == ([], False)
    assert ledger.waiting_sizes("input", "study/", 2) == []
    assert not ledger.has_waiting("input", "study/")


def test_a_prefix_that_is_held_again_has_not_waited_since_it_was_first_held(ledger: Ledger) -> None:
    assert ledger.hold("input", "in/", "main", "one", NOW)
    left = ledger.leave("input", "in/", "one")
    assert left
    assert ledger.close(left, NOW)
    later = NOW + timedelta(days=40)

    assert ledger.hold("input", "in/", "main", "two", later)

    held = ledger.folder("input", "in/")
    assert held
    assert held.first_at == later


def test_a_file_is_redriven_by_what_its_row_says_now(ledger: Ledger) -> None:
    failed = file("1", status=Status.FAILED, reason="no", settled_at=NOW)
    ledger.register([failed])
    assert ledger.redrive(failed)
    again = replace(failed, redriven=1)
    assert ledger.settle([again])

    assert not ledger.redrive(failed)
    assert ledger.redrive(again)
