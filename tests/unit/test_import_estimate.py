"""Point 16: what a backfill would take, from counts and the configuration alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.estimate import Contents, Estimate, Pace, calls_for, estimate
from lambdas.importing.planner import Limits
from lambdas.importing.prices import read_prices

LIMITS = Limits(files=5_000, bytes=10 * 1024**3, folders=10_000)
PACE = Pace(starts_per_second=1.0, concurrent_jobs=100, drain_seconds=3_600)
HALF_A_MEGABYTE = 500_000


def estimated(folders: dict[str, Contents], pace: Pace = PACE) -> Estimate:
    return estimate(folders, LIMITS, pace, read_prices())


def studies(folder: str, count: int, files: int = 100, series: int = 5) -> dict[str, Contents]:
    return {
        f"{folder}{study}/{one}/": Contents(files=files, bytes=files * HALF_A_MEGABYTE)
        for study in range(count)
        for one in range(series)
    }


def test_point_16_an_empty_bucket_takes_nothing() -> None:
    nothing = estimated({})

    assert (nothing.files, nothing.jobs, nothing.copies, nothing.hours) == (0, 0, 0, 0)


def test_point_16_folders_that_fit_a_job_together_are_one_job_without_a_copy() -> None:
    week = estimated(studies("week/", 10))

    assert (week.jobs, week.copies) == (1, 0)


def test_point_16_a_prefix_too_large_for_a_job_is_imported_by_the_folders_below_it() -> None:
    both = estimated({**studies("week1/", 10), **studies("week2/", 10)})

    assert (both.files, both.jobs, both.copies) == (10_000, 2, 0)


def test_point_16_a_folder_larger_than_a_job_is_copied_to_as_many_jobs_as_it_fills() -> None:
    large = estimated({"study/": Contents(files=12_000, bytes=12_000)})

    assert (large.jobs, large.copies) == (3, 12_000)


def test_point_16_a_folder_with_other_objects_in_it_is_copied() -> None:
    mixed = estimated({"study/": Contents(files=10, bytes=10, others=1)})

    assert (mixed.jobs, mixed.copies) == (1, 10)


def test_point_16_a_million_files_in_folders_of_jobs_take_minutes_to_start_and_under_four_dollars() -> None:
    folders = {
        path: contents for folder in range(200) for path, contents in studies(f"{folder:03}/", 10).items()
    }

    million = estimated(folders)

    assert (million.files, million.jobs, million.copies) == (1_000_000, 200, 0)
    assert million.hours == pytest.approx(200 / 3_600)
    assert million.dollars < 4


def test_point_16_a_flat_bucket_that_starts_too_slowly_shares_jobs_and_pays_for_copies() -> None:
    folders = {**studies("", 2_000)}
    slow = Pace(starts_per_second=0.25, concurrent_jobs=100, drain_seconds=3_600)

    apart, shared = estimated(folders), estimated(folders, slow)

    assert (apart.jobs, apart.copies) == (2_000, 0)
    assert (shared.jobs, shared.copies) == (223, 1_000_000)
    assert apart.dollars < 4 < shared.dollars < 10


def test_point_16_jobs_that_run_long_make_the_cap_on_running_jobs_the_bound() -> None:
    folders = {**studies("", 2_000)}
    long = Pace(starts_per_second=10, concurrent_jobs=20, drain_seconds=3_600, job_seconds=600)

    assert estimated(folders, long).hours == pytest.approx(100 * 600 / 3_600)


@given(
    folders=st.dictionaries(
        st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: "".join(f"{one}/" for one in parts)),
        st.builds(
            Contents,
            files=st.integers(0, 40),
            bytes=st.integers(0, 900),
            others=st.integers(0, 1),
        ),
        max_size=12,
    ),
    drain=st.sampled_from([1.0, 3_600.0]),
)
def test_point_16_the_jobs_of_an_estimate_can_hold_the_files(
    folders: dict[str, Contents], drain: float
) -> None:
    limits = Limits(files=20, bytes=500, folders=9)
    pace = Pace(starts_per_second=1, concurrent_jobs=3, drain_seconds=drain)

    found = estimate(folders, limits, pace, read_prices())

    files = sum(one.files for one in folders.values())
    assert found.files == files
    assert found.jobs * limits.files >= files
    assert 0 <= found.copies <= files
    assert (found.jobs == 0) == (files == 0)


def test_every_call_of_an_estimate_has_a_price() -> None:
    calls = calls_for(files=10, folders=2, jobs=1, copies=3)

    assert read_prices().of_each(calls).keys() == calls.keys()


def test_no_job_is_thought_to_read_more_than_the_prefix_that_was_looked_at() -> None:
    folders = {"a/1/": Contents(files=1, bytes=1), "a/2/": Contents(files=1, bytes=1)}

    assert estimate(folders, LIMITS, PACE, read_prices(), "a/").jobs == 1
    assert estimate(folders, LIMITS, PACE, read_prices(), "a/1").jobs == 2
