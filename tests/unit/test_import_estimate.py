"""Points 3 and 16: what an import would take, from counts and the configuration alone."""

from dataclasses import replace

import pytest

from lambdas.importing.choice import Choice
from lambdas.importing.estimate import (
    Estimate,
    Files,
    Pace,
    backfill_calls,
    estimate,
    hours_for,
    importing_calls,
)
from lambdas.importing.prices import read_prices

PACE = Pace(starts_per_second=1.0, concurrent_jobs=100)
MILLION = Files(files=1_000_000, bytes=500_000 * 1_000_000, folders=10_000)
NOTHING = Files(files=0, bytes=0, folders=0)


def estimated(choice: Choice, found: Files = MILLION, *, are_registered: bool = False) -> Estimate:
    return estimate(found, choice, PACE, read_prices(), are_registered=are_registered)


def test_point_16_an_empty_bucket_takes_nothing() -> None:
    nothing = estimated(Choice(), NOTHING)

    assert (nothing.jobs, nothing.copies, nothing.hours, nothing.dollars) == (0, 0, 0.0, 0.0)


def test_point_16_a_million_files_in_place_take_minutes_to_start_and_under_four_dollars() -> None:
    million = estimated(Choice(in_place=200))

    assert million.hours == pytest.approx(200 / 3_600)
    assert 1 < million.dollars < 4


def test_point_16_copies_are_the_dearest_part_and_stay_under_ten_dollars() -> None:
    in_place, copied = estimated(Choice(in_place=200)), estimated(Choice(staged=223, copies=1_000_000))

    assert 5 < copied.dollars - in_place.dollars < 5.1
    assert copied.dollars < 10


def test_point_3_of_files_that_are_registered_only_what_is_left_is_counted() -> None:
    left, all_of_it = estimated(Choice(in_place=200), are_registered=True), estimated(Choice(in_place=200))

    assert 0 < left.dollars < all_of_it.dollars / 2
    assert replace(left, dollars=0) == replace(all_of_it, dollars=0)


def test_point_16_jobs_that_run_long_make_the_cap_on_running_jobs_the_bound() -> None:
    long = Pace(starts_per_second=10, concurrent_jobs=20, job_seconds=600)

    assert hours_for(2_000, long) == pytest.approx(100 * 600 / 3_600)


def test_every_call_of_an_estimate_has_a_price() -> None:
    calls = {**importing_calls(MILLION, Choice(in_place=3, staged=2, copies=9)), **backfill_calls(MILLION)}

    assert read_prices().of_each(calls).keys() == calls.keys()
