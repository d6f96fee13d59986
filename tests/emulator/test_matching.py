"""Attribute matching: what is asked for, and what has it."""

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dicomweb.matching import matches

PLAIN = st.text(st.characters(exclude_characters="*?,\\ \0", codec="ascii"), min_size=1, max_size=12)


@given(PLAIN)
def test_a_text_matches_itself(text: str) -> None:
    assert matches(text, text, "LO", fuzzy=False)


@given(PLAIN, PLAIN)
def test_a_text_matches_no_other(one: str, other: str) -> None:
    assert matches(one, other, "LO", fuzzy=False) == (one == other)


@given(PLAIN, PLAIN, PLAIN)
def test_a_star_stands_for_whatever_is_between(begin: str, middle: str, end: str) -> None:
    assert matches(f"{begin}*{end}", begin + middle + end, "LO", fuzzy=False)
    assert matches(f"*{middle}*", begin + middle + end, "SH", fuzzy=False)


def found_slowly(asked: str, text: str) -> bool:
    """Whether the wildcards match, by what they mean."""
    if not asked:
        return not text
    if asked[0] == "*":
        return found_slowly(asked[1:], text) or (bool(text) and found_slowly(asked, text[1:]))
    return bool(text) and asked[0] in ("?", text[0]) and found_slowly(asked[1:], text[1:])


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab\n", min_size=1, max_size=8))
def test_wildcards_match_what_they_mean(asked: str, text: str) -> None:
    value = text.strip()

    assert matches(asked, f"{value}x", "LO", fuzzy=False) == (
        asked == "*" or found_slowly(asked, f"{value}x")
    )
    assert matches(f"{asked}x", f"{value}x", "LO", fuzzy=False) == found_slowly(f"{asked}x", f"{value}x")


@pytest.mark.parametrize("asked", ["*?" * 200 + "*ZZ", "*A" * 200 + "B", "*" * 2000 + "B"])
def test_many_stars_take_no_longer_than_few(asked: str) -> None:
    begin = time.monotonic()

    assert not matches(asked, "A" * 1000, "LO", fuzzy=False)
    assert time.monotonic() - begin < 1


@given(st.text(max_size=4), st.sampled_from(["LO", "PN", "UI", "DA", "TM", "IS", "CS"]))
def test_nothing_asked_for_matches_everything(value: str, vr: str) -> None:
    assert matches("", value, vr, fuzzy=False)
    assert matches("*", None, vr, fuzzy=False)


@given(st.lists(st.dates(), min_size=3, max_size=3))
def test_a_range_of_dates_holds_its_bounds_and_what_is_between(dates: list[date]) -> None:
    first, value, last = (str(each).replace("-", "") for each in dates)

    assert matches(f"{first}-{last}", value, "DA", fuzzy=False) == (first <= value <= last)
    assert matches(f"{first}-", value, "DA", fuzzy=False) == (first <= value)
    assert matches(f"-{last}", value, "DA", fuzzy=False) == (value <= last)


@pytest.mark.parametrize(
    ("asked", "value", "vr"),
    [
        ("A?C", "ABC", "LO"),
        ("1.2,1.3", "1.3", "UI"),
        ("1.2\\1.3", "1.2", "UI"),
        ("CT,MR", ["PT", "MR"], "CS"),
        ("1", "1 ", "IS"),
        ("01", "1", "IS"),
        ("20260102", "20260102", "DA"),
        ("20260102", "2026.01.02", "DA"),
        ("0304", "030405.123", "TM"),
        ("0300-0304", "030459", "TM"),
        ("doe^*", "Doe^Jane", "PN"),
        ("plain ", "plain", "LO"),
    ],
)
def test_what_is_asked_for_is_found(asked: str, value: object, vr: str) -> None:
    assert matches(asked.strip(), value, vr, fuzzy=False)


@pytest.mark.parametrize(
    ("asked", "value", "vr"),
    [
        ("A?C", "AC", "LO"),
        ("abc", "ABC", "LO"),
        ("1.2", "1.2.3", "UI"),
        ("20260102", "20260103", "DA"),
        ("0300-0304", "0305", "TM"),
        ("20260101-20260131", None, "DA"),
        ("20260101-20260131", "", "DA"),
        ("A*", None, "LO"),
        ("Doe", "Doe^Jane", "PN"),
        ("1", "one", "IS"),
    ],
)
def test_what_is_not_asked_for_is_not_found(asked: str, value: object, vr: str) -> None:
    assert not matches(asked, value, vr, fuzzy=False)


@pytest.mark.parametrize("asked", ["jane", "doe jan", "Jane^Doe", "DOE", "Ja* D"])
def test_a_fuzzy_name_is_found_by_how_its_words_begin(asked: str) -> None:
    assert matches(asked, "Doe^Jane^Mary", "PN", fuzzy=True)


@pytest.mark.parametrize("asked", ["john", "ane", "doe john"])
def test_a_fuzzy_name_is_not_found_by_other_words(asked: str) -> None:
    assert not matches(asked, "Doe^Jane^Mary", "PN", fuzzy=True)


def test_characters_of_patterns_are_only_characters() -> None:
    assert matches("a.c(", "a.c(", "LO", fuzzy=False)
    assert not matches("a.c", "abc", "LO", fuzzy=False)
