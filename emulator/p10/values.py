"""The bytes of one DICOM element as HealthImaging's JSON."""

import math
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from struct import calcsize, iter_unpack

from pydicom.charset import decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

Value = str | int | float | None

NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
BINARY = {"OB", "UN", *WORDS}
ONE_TEXT = {"LT", "ST", "UT", "UR"}
IN_CHARACTER_SET = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
# Kept as stored: a live document has "KVP": "120 " beside "PatientIdentityRemoved": "YES".
PADDING_KEPT = {"DS", "IS"}
TEXT = {*IN_CHARACTER_SET, *PADDING_KEPT, "AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"}
DELIMITERS = {*TEXT_VR_DELIMS, *PN_DELIMS, ord("\\"), ord("=")}
INTEGER_STRING = re.compile(r" *[+-]?[0-9]{1,12} *")
# JSON has no such numbers, and PS3.18 writes them as these words.
NOT_FINITE = {math.inf: "inf", -math.inf: "-inf"}


def whole_number(value: object) -> int | None:
    """Give the number of an integer or an integer string, and None for anything else."""
    if isinstance(value, str):
        return int(value) if INTEGER_STRING.fullmatch(value) else None
    # A range looks for an int of another type, as pydicom's IS is, one by one.
    return int(value) if isinstance(value, int) else None


def json_values(
    raw: bytes, vr: str, *, is_little_endian: bool, encodings: Sequence[str], one_text: bool
) -> list[Value]:
    """Read the values of an element that is not a sequence. An unknown VR is read as bytes.

    `one_text` keeps a backslash in a text that may have but one value. Raises ValueError when the length
    is none the VR allows.
    """
    if vr in TEXT:
        return _texts(raw, vr, encodings, one_text or vr in ONE_TEXT)
    if vr in NUMBERS:
        return [_number(value) for value in _unpack(NUMBERS[vr], raw, is_little_endian)]
    if vr == "AT":
        return _unpack("HH", raw, is_little_endian, joined=_attribute_tag)
    return [b64encode(raw if is_little_endian else _swapped(raw, WORDS.get(vr, 1))).decode("ascii")]


def _texts(raw: bytes, vr: str, encodings: Sequence[str], one_text: bool) -> list[Value]:
    if vr in IN_CHARACTER_SET and (b"\x1b" in raw or not raw.isascii()):
        text = decode_bytes(raw, encodings, DELIMITERS)
    else:
        text = raw.decode("iso8859")
    # Decoded before it is split: in Shift JIS and GB18030 a backslash may be half a character.
    values = [text] if one_text else text.split("\\")
    if vr not in PADDING_KEPT:
        values = [value.rstrip(" \0") for value in values]
    return [value or None for value in values]


def _unpack(
    code: str, raw: bytes, is_little_endian: bool, joined: Callable[..., Value] = lambda value: value
) -> list[Value]:
    form = ("<" if is_little_endian else ">") + code
    if len(raw) % calcsize(form):
        raise ValueError(f"the length is no multiple of {calcsize(form)} bytes")
    return [joined(*values) for values in iter_unpack(form, raw)]


def _number(value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        return NOT_FINITE.get(value, "NaN")
    return value


def _attribute_tag(group: int, element: int) -> str:
    return f"{group:04X}{element:04X}"


def _swapped(raw: bytes, width: int) -> bytes:
    if len(raw) % width:
        raise ValueError(f"the length is no multiple of {width} bytes")
    swapped = bytearray(len(raw))
    for offset in range(width):
        swapped[offset::width] = raw[width - 1 - offset :: width]
    return bytes(swapped)
