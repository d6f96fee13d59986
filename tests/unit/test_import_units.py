"""Which folders are imported together, whose turn it is, and how jobs are filled when starts are short."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.importing.files import Folder, FolderState
from lambdas.importing.limits import Limits
from lambdas.importing.packing import FULL, Drain, fill, to_pack
from lambdas.importing.units import Unit, Waiting, in_turn, parts, share, units

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(files=100, bytes=1_000, folders=10)
HOUR = timedelta(hours=1)


def waiting(path: str, files: int = 10, size: int = 1, *, due: float = 0, is_urgent: bool = False) -> Waiting:
    folder = Folder(
        bucket="input",
        path=path,
        store="main",
        state=FolderState.OPEN,
        first_at=NOW,
        last_at=NOW,
        due_at=NOW,
    )
    due_at = NOW + timedelta(seconds=due)
    return Waiting(
        folder=folder, files=files, bytes=files * size, due_at=due_at, patient_until=NOW, is_urgent=is_urgent
    )


# Keys may hold slashes side by side, between which S3 sees a folder without a name.
NAMES = st.sampled_from(["", "1", "1.2", "1.2.3", "1.2.30", "1-2", "a"])
PATHS = st.lists(NAMES, max_size=4).map(lambda names: "".join(f"{name}/" for name in names))
FOLDERS = st.dictionaries(PATHS, st.integers(1, 150), max_size=30).map(
    lambda sizes: [waiting(path, files) for path, files in sizes.items()]
)


@given(FOLDERS)
def test_point_1_every_folder_is_in_one_unit_and_each_unit_is_all_that_waits_under_its_prefix(
    folders: list[Waiting],
) -> None:
    found = units(folders, LIMITS)

    assert sorted(one.path for unit in found for one in unit.folders) == sorted(one.path for one in folders)
    for unit in found:
        below = {one.path for one in folders if one.path.startswith(unit.prefix)}
        assert len(unit.folders) == 1 or below == {one.path for one in unit.folders}


@given(FOLDERS)
def test_a_unit_is_never_over_a_limit_unless_one_folder_alone_is(folders: list[Waiting]) -> None:
    assert all(share(unit, LIMITS) <= 1 or len(unit.folders) == 1 for unit in units(folders, LIMITS))


@given(FOLDERS)
def test_no_unit_could_lie_higher_up(folders: list[Waiting]) -> None:
    found = {unit.prefix: unit for unit in units(folders, LIMITS)}
    for unit in found.values():
        above = unit.prefix[: unit.prefix[:-1].rfind("/") + 1] if unit.prefix else None
        if above is not None:
            more = [one for one in folders if one.path.startswith(above)]
            together = Unit(prefix=above, folders=tuple(more))
            assert len(more) == len(unit.folders) or share(together, LIMITS) > 1


@given(FOLDERS)
def test_the_parts_of_a_unit_are_its_folders_one_level_down(folders: list[Waiting]) -> None:
    for unit in units(folders, LIMITS):
        if len(unit.folders) > 1:
            found = parts(unit)
            assert len(found) > 1
            assert [one for part in found for one in part.folders] == list(unit.folders)


def test_a_sibling_whose_name_begins_the_same_is_not_below() -> None:
    found = units([waiting("s/1.2.3/"), waiting("s/1.2.30/", 95)], LIMITS)

    assert [unit.prefix for unit in found] == ["s/1.2.3/", "s/1.2.30/"]


def test_folders_that_differ_by_a_doubled_slash_are_planned_apart_when_they_are_too_many() -> None:
    found = units([waiting("a/", 60), waiting("a//", 60)], LIMITS)

    assert [unit.prefix for unit in found] == ["a/", "a//"]


def test_a_folder_of_twenty_studies_that_fits_a_job_is_one_unit() -> None:
    studies = [waiting(f"batch/{number}/series/", 1) for number in range(20)]

    assert [unit.prefix for unit in units(studies, Limits(files=100, bytes=100, folders=20))] == ["batch/"]


def test_urgent_units_come_first_and_no_top_folder_waits_for_anothers_backlog() -> None:
    backlog = [Unit(prefix=f"a/{n}/", folders=(waiting(f"a/{n}/", due=-100 + n),)) for n in range(3)]
    other = Unit(prefix="b/1/", folders=(waiting("b/1/"),))
    urgent = Unit(prefix="c/1/", folders=(waiting("c/1/", is_urgent=True),))

    assert [unit.prefix for unit in in_turn([*backlog, other, urgent])] == [
        "c/1/",
        "a/0/",
        "b/1/",
        "a/1/",
        "a/2/",
    ]


def flat(studies: int, files: int = 10) -> list[Unit]:
    return [Unit(prefix=f"{n}/", folders=(waiting(f"{n}/", files),)) for n in range(studies)]


def test_nothing_is_copied_while_what_waits_starts_within_the_target() -> None:
    drain = Drain(per_second=1, in_line=0, target=HOUR)

    assert to_pack(flat(3_600), drain, LIMITS, NOW) == []


@settings(max_examples=30)
@given(st.integers(1, 5_000), st.integers(1, 10), st.integers(0, 200), st.floats(0.05, 2))
def test_what_is_copied_brings_the_rest_within_the_target_if_anything_can(
    studies: int, files: int, in_line: int, per_second: float
) -> None:
    drain, found = Drain(per_second=per_second, in_line=in_line, target=HOUR), flat(studies, files)

    packed = to_pack(found, drain, LIMITS, NOW)

    jobs = len(list(fill([one for unit in packed for one in unit.folders], LIMITS)))
    starts = len(found) - len(packed) + jobs + in_line
    assert starts <= int(3_600 * per_second) or len(packed) == len(found)
    assert not packed or starts < len(found) + in_line


def test_no_more_is_copied_than_must_be() -> None:
    drain = Drain(per_second=0.25, in_line=0, target=HOUR)

    packed = to_pack(flat(2_000), drain, LIMITS, NOW)

    assert 1_222 <= len(packed) <= 1_250


def test_a_target_that_was_missed_copies_all_that_can_be() -> None:
    late = [Unit(prefix=f"{n}/", folders=(waiting(f"{n}/", due=-7_200),)) for n in range(100)]

    assert len(to_pack(late, Drain(per_second=1, in_line=0, target=HOUR), LIMITS, NOW)) == 100


@given(FOLDERS)
def test_every_folder_is_in_one_job_and_no_job_is_over_a_limit(folders: list[Waiting]) -> None:
    jobs = list(fill(folders, LIMITS))

    assert sorted(one.path for job in jobs for one in job) == sorted(one.path for one in folders)
    for job in jobs:
        unit = Unit(prefix="", folders=tuple(job))
        assert share(unit, LIMITS) <= 1 or len(job) == 1


@given(FOLDERS)
def test_a_job_is_left_less_than_full_only_when_nothing_left_fits_it(folders: list[Waiting]) -> None:
    jobs = list(fill(folders, LIMITS))

    for number, job in enumerate(jobs):
        used = share(Unit(prefix="", folders=tuple(job)), LIMITS)
        if used < FULL:
            later = [one for other in jobs[number + 1 :] for one in other]
            assert all(share(one, LIMITS) > 1 - used - 1e-9 for one in later)


def test_small_studies_fill_jobs_to_nine_tenths_and_stay_together() -> None:
    series = [waiting(f"{study}/{one}/", 7) for study in range(50) for one in range(3)]

    jobs = list(fill(series, Limits(files=100, bytes=1_000, folders=1_000)))

    assert all(sum(one.files for one in job) >= 90 for job in jobs[:-1])
    assert [one.path for one in jobs[0]] == [
        one.path for one in sorted(series, key=lambda one: one.path)[:14]
    ]
