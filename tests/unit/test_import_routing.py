"""Which data store takes a key, which objects are skipped, and when a folder is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.routing import Store, skip_rule, store_for
from lambdas.importing.timing import Timing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def store(store_id: str, prefix: str) -> Store:
    return Store(id=store_id, prefix=prefix, datastore_id="d", role_arn="arn", output_uri="s3://output/")


@pytest.mark.parametrize(
    ("key", "taker"), [("ct/1", "ct"), ("ct/head/1", "head"), ("ct2/1", None), ("mr/1", None), ("ct/", "ct")]
)
def test_a_key_goes_to_the_store_with_the_longest_prefix_it_begins_with(key: str, taker: str | None) -> None:
    found = store_for(key, [store("ct", "ct/"), store("head", "ct/head/")])

    assert (found.id if found else None) == taker


def test_an_empty_prefix_takes_every_key() -> None:
    assert store_for("any/key", [store("main", "")]) == store("main", "")


@pytest.mark.parametrize(
    ("key", "size", "rule"),
    [
        ("a/", 0, "folder marker"),
        ("a/", 5, "folder marker"),
        ("a/1", 0, "empty"),
        ("a/1", 101, "too large"),
        ("a/1", 100, None),
    ],
)
def test_objects_that_are_no_dicom_file_are_skipped_with_the_rule(
    key: str, size: int, rule: str | None
) -> None:
    assert skip_rule(key, size, store("main", ""), bytes_per_file=100) == rule


def test_an_object_that_no_store_takes_is_skipped() -> None:
    assert skip_rule("a/1", 1, None, bytes_per_file=100) == "no data store for this prefix"


@given(st.lists(st.floats(0, 20), min_size=1, max_size=30), st.sampled_from([1.0, 5.0, 60.0]))
def test_a_folder_is_due_only_after_its_quiet_period_or_its_longest_wait(
    waits: list[float], quiet: float
) -> None:
    """Arrivals are written as register does: only when `unwritten` has passed since the last written one."""
    timing = Timing(quiet_seconds=quiet, longest_wait_seconds=90)
    now = first = written = NOW
    for wait in waits:
        now += timedelta(seconds=wait)
        if now - written >= timing.unwritten:
            written = now

    due = timing.due_at(first, written)

    assert due >= min(now + timedelta(seconds=quiet), first + timedelta(seconds=90)) - timedelta(
        milliseconds=1
    )
    assert due <= first + timedelta(seconds=90)
