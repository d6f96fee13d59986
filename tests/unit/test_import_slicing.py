"""A bucket in slices: nothing between them, nothing twice."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.files import Version
from lambdas.importing.slicing import cut

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=4), max_size=40)


def listed(keys: list[str], page: int) -> list[list[Version]]:
    """As S3 lists them: in the order of their UTF-8 bytes, several versions of a key one after the other."""
    versions = [
        Version(key=key, version=str(number), modified_at=NOON, is_latest=True)
        for number, key in enumerate(sorted(keys, key=str.encode))
    ]
    return [versions[at : at + page] for at in range(0, len(versions), page)] or [[]]


@given(keys=KEYS, page=st.integers(1, 7), size=st.integers(1, 11))
def test_every_key_lies_in_one_slice(keys: list[str], page: int, size: int) -> None:
    slices = list(cut(listed(keys, page), None, size))

    for key in keys:
        holding = [one for one in slices if (one.after is None or key > one.after) and key <= one.until]
        assert len(holding) == 1


@given(keys=KEYS, page=st.integers(1, 7), size=st.integers(1, 11), stop=st.integers(0, 5))
def test_slices_that_go_on_from_one_of_them_follow_it(
    keys: list[str], page: int, size: int, stop: int
) -> None:
    whole = list(cut(listed(keys, page), None, size))
    after = whole[stop - 1].until if 0 < stop <= len(whole) else None
    rest = [key for key in keys if after is None or key > after]

    resumed = list(cut(listed(rest, page), after, size))

    assert [one.after for one in resumed[:1]] == [after][: len(resumed)]
    assert {one.until for one in resumed[-1:]} == {max(rest, key=str.encode)} if rest else not resumed


def test_an_empty_bucket_has_no_slice() -> None:
    assert list(cut([[]], None, 5)) == []
