import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.p10.values import json_values


def read(raw: bytes, vr: str, **options: Any) -> list[Any]:
    defaults = {"is_little_endian": True, "encodings": ["iso8859"], "one_text": False}
    return json_values(raw, vr, **defaults | options)


@pytest.mark.parametrize("vr", ["DS", "IS"])
def test_number_strings_keep_their_padding(vr: str) -> None:
    assert read(b"120 ", vr) == ["120 "]


@pytest.mark.parametrize("vr", ["AE", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"])
def test_other_text_loses_its_padding(vr: str) -> None:
    assert read(b"YES ", vr) == ["YES"]


def test_a_uid_loses_its_null() -> None:
    assert read(b"1.2.3\0", "UI") == ["1.2.3"]


def test_text_is_split_at_backslashes_and_an_empty_value_is_null() -> None:
    assert read(rb"ORIGINAL\\AXIAL ", "CS") == ["ORIGINAL", None, "AXIAL"]


@pytest.mark.parametrize(("vr", "one_text"), [("LT", False), ("ST", False), ("UT", False), ("SH", True)])
def test_a_text_that_may_have_but_one_value_keeps_its_backslash(vr: str, one_text: bool) -> None:
    assert read(rb"a\b", vr, one_text=one_text) == ["a\\b"]


def test_a_backslash_inside_a_character_does_not_split_it() -> None:
    text = "\u8868\\\u8868"
    raw = text.encode("shift_jis")
    assert raw.count(b"\\") == 3

    assert read(raw, "LO", encodings=["shift_jis"]) == ["\u8868", "\u8868"]


def test_text_outside_the_character_set_reads_with_replacements() -> None:
    with pytest.warns(UserWarning, match="replacement characters"):
        assert read(b"\xff\xffx", "LO", encodings=["utf8"]) == ["\ufffd\ufffdx"]


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1), st.booleans())
def test_binary_integers_are_numbers_in_either_byte_order(numbers: list[int], is_little_endian: bool) -> None:
    raw = struct.pack(f"{'<' if is_little_endian else '>'}{len(numbers)}h", *numbers)

    assert read(raw, "SS", is_little_endian=is_little_endian) == numbers


def test_floats_that_json_lacks_are_words() -> None:
    raw = struct.pack("<4d", 1.5, float("nan"), float("inf"), float("-inf"))

    assert read(raw, "FD") == [1.5, "NaN", "inf", "-inf"]


def test_an_attribute_tag_is_eight_hex_digits() -> None:
    assert read(b"\x18\x00\x63\x10", "AT") == ["00181063"]


def test_binary_values_are_base64() -> None:
    assert read(b"\0\1", "OB") == ["AAE="]


def test_binary_words_are_base64_of_their_little_endian_bytes() -> None:
    assert read(b"\1\2\3\4", "OW", is_little_endian=False) == read(b"\2\1\4\3", "OW")
    assert read(b"\1\2\3\4", "OB", is_little_endian=False) == read(b"\1\2\3\4", "OB")


@pytest.mark.parametrize(("vr", "multiple"), [("US", 2), ("AT", 4), ("FD", 8)])
def test_a_length_that_the_vr_does_not_allow_is_refused(vr: str, multiple: int) -> None:
    with pytest.raises(ValueError, match=f"no multiple of {multiple} bytes"):
        read(b"\0\0\0", vr)
