"""Points 3 and 16: what the planner will choose, told from counts alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.choice import Choice, Lying, choose, lying_in
from lambdas.importing.files import File, Folder, FolderState, Status
from lambdas.importing.limits import Limits
from lambdas.importing.packing import Drain
from lambdas.importing.planner import DELETED, SUPERSEDED
from lambdas.importing.timing import Timing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(files=5_000, bytes=10 * 1024**3, folders=10_000)
DRAIN = Drain(per_second=1.0, in_line=0, target=timedelta(hours=1))
SLOW = replace(DRAIN, per_second=0.25)
HALF_A_MEGABYTE = 500_000


def chosen(folders: dict[str, Lying], drain: Drain = DRAIN, **given: bool | str) -> Choice:
    return choose(folders, drain, LIMITS, NOON, **given)  # type: ignore[arg-type]


def studies(folder: str, count: int, files: int = 100, series: int = 5) -> dict[str, Lying]:
    return {
        f"{folder}{study:04}/{one}/": Lying(files=files, bytes=files * HALF_A_MEGABYTE)
        for study in range(count)
        for one in range(series)
    }


def test_point_3_where_nothing_waits_nothing_is_chosen() -> None:
    assert chosen({}) == chosen({"done/": Lying(others=7)}) == Choice()


def test_point_3_folders_that_fit_a_job_together_are_one_job_in_place() -> None:
    assert chosen(studies("week/", 10)) == Choice(in_place=1)


def test_point_3_a_prefix_too_large_for_a_job_is_imported_by_the_folders_below_it() -> None:
    assert chosen({**studies("week1/", 10), **studies("week2/", 10)}) == Choice(in_place=2)


def test_point_3_a_folder_larger_than_a_job_is_copied_to_as_many_jobs_as_it_fills() -> None:
    assert chosen({"study/": Lying(files=12_000, bytes=12_000)}) == Choice(staged=3, copies=12_000)


def test_point_3_what_lies_among_other_objects_is_copied_and_the_rest_read_in_place() -> None:
    folders = {
        "a/1/": Lying(files=10, bytes=10),
        "a/2/": Lying(files=10, bytes=10, others=1),
        "b/1/": Lying(files=10, bytes=10),
        "b/2/": Lying(files=10, bytes=10),
    }

    assert chosen(folders) == Choice(in_place=2, staged=1, copies=10)


def test_point_3_a_flat_backlog_that_starts_within_the_target_is_not_copied() -> None:
    assert chosen(studies("", 2_000)) == Choice(in_place=2_000)


def test_point_3_of_a_flat_backlog_that_would_start_too_late_as_few_studies_as_do_share_jobs() -> None:
    choice = chosen(studies("", 2_000), SLOW)

    assert choice.jobs <= SLOW.target.total_seconds() * SLOW.per_second
    assert choice.copies == 500 * (2_000 - choice.in_place)
    assert choice.copies / choice.staged >= 0.9 * LIMITS.files
    assert choice.jobs >= 0.95 * 900


def test_point_3_what_is_due_later_has_until_then() -> None:
    later = {path: replace(one, due_at=NOON + timedelta(hours=2)) for path, one in studies("", 2_000).items()}

    assert chosen(later, SLOW) == Choice(in_place=2_000)


def test_point_3_urgent_studies_are_never_copied_to_share_a_job() -> None:
    assert chosen(studies("", 2_000), SLOW, is_urgent=True) == Choice(in_place=2_000)


def test_point_16_no_job_reads_more_than_the_prefix_that_was_looked_at() -> None:
    folders = {"a/1/": Lying(files=1, bytes=1), "a/2/": Lying(files=1, bytes=1)}

    assert chosen(folders, within="a/").jobs == 1
    assert chosen(folders, within="a/1").jobs == 2


PATHS = st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: "".join(f"{one}/" for one in parts))
LYING = st.builds(Lying, files=st.integers(0, 40), bytes=st.integers(0, 900), others=st.integers(0, 1))


@given(folders=st.dictionaries(PATHS, LYING, max_size=12), target=st.sampled_from([1, 3_600]))
def test_point_3_the_jobs_that_are_chosen_can_hold_the_files(folders: dict[str, Lying], target: int) -> None:
    limits = Limits(files=20, bytes=500, folders=9)
    drain = Drain(per_second=1.0, in_line=0, target=timedelta(seconds=target))

    choice = choose(folders, drain, limits, NOON)

    files = sum(one.files for one in folders.values())
    mixed = sum(one.files for one in folders.values() if one.others)
    assert choice.jobs * limits.files >= files
    assert choice.staged * limits.files >= choice.copies
    assert mixed <= choice.copies <= files
    assert (choice.jobs == 0) == (files == 0)


OPEN = Folder(
    bucket="input",
    path="a/",
    store="main",
    state=FolderState.OPEN,
    first_at=NOON,
    last_at=NOON,
    due_at=NOON,
)


def row(name: str, status: Status = Status.WAITING, version: str = "v2", **given: Any) -> File:
    return File(
        bucket="input",
        folder="a/",
        name=name,
        version=version,
        size=10,
        uploaded_at=NOON,
        status=status,
        **given,
    )


def lying(*rows: File, folder: Folder = OPEN) -> Lying:
    timing = Timing(quiet_seconds=50, longest_wait_seconds=3_600)
    return replace(lying_in(folder, rows, timing), due_at=None)


def test_point_3_waiting_files_are_to_be_imported_and_all_else_that_lies_there_is_not() -> None:
    imported, marker = row("2", Status.IMPORTED), row("_COMPLETE", Status.SKIPPED, reason="a marker")

    assert lying(row("1"), row("3"), imported, marker) == Lying(files=2, bytes=20, others=2)


def test_point_3_what_no_longer_lies_in_a_folder_keeps_it_from_nothing() -> None:
    gone = row("2", Status.SKIPPED, reason=DELETED)
    older = row("1", Status.SKIPPED, version="v1", reason=SUPERSEDED)

    assert lying(row("1"), gone, older) == Lying(files=1, bytes=10)


def test_point_3_files_of_a_planned_job_are_not_chosen_for_again() -> None:
    importing = replace(OPEN, state=FolderState.IMPORTING, jobs=frozenset({"job"}))

    assert lying(row("1"), folder=importing) == Lying(others=1)


def test_point_3_a_file_that_a_job_left_without_a_word_is_copied() -> None:
    folders = {"a/": lying(row("1"), row("2", attempts=1))}

    assert chosen(folders) == Choice(staged=1, copies=2)


def test_a_folder_that_is_held_back_is_due_when_it_is_tried_again() -> None:
    later = NOON + timedelta(hours=1)

    found = lying_in(
        replace(OPEN, not_before=later), [row("1")], Timing(quiet_seconds=5, longest_wait_seconds=60)
    )

    assert found.due_at == later


def test_point_11_no_job_is_chosen_that_reads_above_an_urgent_prefix() -> None:
    lying = {"a/": Lying(files=1, bytes=1), "b/": Lying(files=1, bytes=1)}

    assert choose(lying, DRAIN, LIMITS, NOON) == Choice(in_place=1)
    assert choose(lying, DRAIN, LIMITS, NOON, urgent=["urgent/"]) == Choice(in_place=2)
