"""What calls cost, by the table that comes with the code."""

import pytest

from lambdas.importing.prices import read_prices


def test_a_million_staged_files_cost_five_dollars_in_copies_alone() -> None:
    assert read_prices().dollars({"CopyObject": 1_000_000}) == 5.0


def test_dollars_are_the_sum_over_the_names() -> None:
    calls = {"WriteRequestUnit": 2_000_000, "GetObject": 1_000_000, "StartDICOMImportJob": 500}

    assert read_prices().of_each(calls) == {
        "WriteRequestUnit": 1.25,
        "GetObject": 0.4,
        "StartDICOMImportJob": 0.0,
    }
    assert read_prices().dollars(calls) == pytest.approx(1.65)


def test_a_call_without_a_price_is_refused_and_not_counted_as_free() -> None:
    with pytest.raises(KeyError, match="no price for Teleport"):
        read_prices().dollars({"Teleport": 1, "GetObject": 1})


def test_the_table_says_where_and_when_it_was_looked_up() -> None:
    prices = read_prices()

    assert prices.region == "us-east-1"
    assert prices.looked_up.isoformat() >= "2026-11-20"
