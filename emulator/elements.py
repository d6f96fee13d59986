"""Image set metadata as DICOM elements again: tag, VR and values."""

import re
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from struct import error as StructError  # noqa: N812
from struct import pack
from typing import Any, NamedTuple

from pydicom.datadict import tag_for_keyword

from emulator.dictionary import describe
from emulator.values import NUMBERS, TEXT

TAG = re.compile(r"[0-9A-F]{8}")
FILE_META = range(0x00020000, 0x00030000)


class Element(NamedTuple):
    """`values` is empty for an empty element. Items of a sequence are lists of elements themselves."""

    tag: int
    vr: str
    values: list[Any]


@lru_cache(maxsize=8192)
def tag_of(key: str) -> int | None:
    """The tag of a keyword or of eight hex digits; None for what is neither."""
    return int(key, 16) if TAG.fullmatch(key) else tag_for_keyword(key)


def elements(attributes: Mapping[str, Any], vrs: Mapping[str, str], *, signed: bool = False) -> list[Element]:
    """The elements of a data set or an item, in the order of their tags.

    `signed` is what PixelRepresentation says above an item that does not say.
    """
    if (representation := attributes.get("PixelRepresentation")) is not None:
        signed = representation == 1
    found = []
    for key, value in attributes.items():
        tag = tag_of(key)
        if tag is None:
            continue
        values = [] if value is None else value if isinstance(value, list) else [value]
        vr = _fitting(vrs[key], values) if key in vrs else _vr(describe(tag).vr, values, signed)
        if vr == "SQ":
            values = [elements(item or {}, vrs, signed=signed) for item in values]
        found.append(Element(tag, vr, values))
    return sorted(found, key=lambda each: each.tag)


def _fitting(vr: str, values: list[Any]) -> str:
    """The VR, or one that holds the values: `DICOMVRs` has one for each private tag, wherever it stands."""
    if any(isinstance(value, dict) for value in values):
        return "SQ"
    return next(each for each in (vr, "US", "SV", "FD", "LO") if _holds(each, values))


def _holds(vr: str, values: list[Any]) -> bool:
    if vr in NUMBERS:
        return all(_is_number(vr, value) for value in values)
    if any(not isinstance(value, str | None) for value in values):
        return False
    if not is_binary(vr):
        return vr != "SQ" or not values
    try:
        return all(b64decode(value, validate=True) or True for value in values)
    except (ValueError, TypeError):
        return False


def _is_number(vr: str, value: Any) -> bool:
    try:
        pack(NUMBERS[vr], float(value) if isinstance(value, str) and vr in ("FL", "FD") else value)
    except (ValueError, StructError):
        return False
    return True


def _vr(vr: str, values: list[Any], signed: bool) -> str:
    """Of a VR that the data dictionary leaves open, the one that the values are of."""
    if " or " not in vr:
        return vr
    if any(isinstance(value, str) for value in values) or "US" not in vr:
        return "OW"
    return "SS" if "SS" in vr and (signed or any(value < 0 for value in values)) else "US"


def is_binary(vr: str) -> bool:
    """Whether values of the VR stand in metadata as base64, as those of unknown VRs do too."""
    return vr not in NUMBERS and vr not in TEXT and vr not in ("AT", "SQ")
