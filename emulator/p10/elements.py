"""Image set metadata as DICOM elements again: tag, VR and values."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from struct import error as StructError  # noqa: N812
from struct import pack
from typing import Any, NamedTuple

from pydicom.datadict import tag_for_keyword

from emulator.p10.dictionary import describe
from emulator.p10.values import NUMBERS, TEXT

TAG = re.compile(r"[0-9A-F]{8}")
FILE_META = range(0x00020000, 0x00030000)
# The one member of what stands in metadata for a binary value that is kept apart.
BULK_DATA = "BulkDataURI"


class Bulk(str):
    """The hash of a value that is kept apart from the metadata."""

    __slots__ = ()


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
        values = value if isinstance(value, list) else [value]
        if all(each is None for each in values):
            values = []
        if bulk := bulk_hash_of(value):
            vr = vrs.get(key, "OW")
            found.append(Element(tag, vr if is_binary(vr) else "UN", [Bulk(bulk)]))
            continue
        vr = _fitting(vrs[key] if key in vrs else _vr(describe(tag).vr, values, signed), values)
        if vr == "SQ":
            items = (item if isinstance(item, dict) else {} for item in values)
            values = [elements(item, vrs, signed=signed) for item in items]
        found.append(Element(tag, vr, values))
    return sorted(found, key=lambda each: each.tag)


def bulk_hash_of(value: Any) -> str | None:
    """The hash of a value that is kept apart, if this stands for one."""
    if isinstance(value, dict) and value.keys() == {BULK_DATA} and isinstance(value[BULK_DATA], str):
        return str(value[BULK_DATA])
    return None


def bulk_hashes(attributes: Mapping[str, Any]) -> Iterator[str]:
    """The hashes of all values that are kept apart, those in sequences among them."""
    for value in attributes.values():
        if bulk := bulk_hash_of(value):
            yield bulk
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from bulk_hashes(item)


def _fitting(vr: str, values: list[Any]) -> str:
    """The VR, or one that holds the values.

    A file may disagree with the data dictionary, and `DICOMVRs` has but one VR for a private tag.
    """
    if any(isinstance(value, dict) for value in values):
        return "SQ"
    return next((each for each in (vr, "US", "SV", "FD", "UT") if _holds(each, values)), "UT")


def _holds(vr: str, values: list[Any]) -> bool:
    if vr == "SQ":
        return not values
    if vr in NUMBERS:
        return all(_is_number(vr, value) for value in values)
    if any(not isinstance(value, str | None) for value in values):
        return False
    if vr == "AT":
        return all(value is not None and TAG.fullmatch(value) for value in values)
    return not is_binary(vr) or (len(values) <= 1 and all(_is_base64(value) for value in values))


def _is_base64(value: str | None) -> bool:
    try:
        return value is not None and b64decode(value, validate=True) is not None
    except ValueError:
        return False


def _is_number(vr: str, value: Any) -> bool:
    try:
        pack(NUMBERS[vr], float(value) if isinstance(value, str) and vr in ("FL", "FD") else value)
    except (ValueError, TypeError, OverflowError, StructError):
        return False
    return True


def _vr(vr: str, values: list[Any], signed: bool) -> str:
    """Of a VR that the data dictionary leaves open, the one that the values are of."""
    if " or " not in vr:
        return vr
    if any(isinstance(value, str) for value in values) or "US" not in vr:
        return "OW"
    return (
        "SS" if "SS" in vr and (signed or any(value < 0 for value in values if value is not None)) else "US"
    )


def is_binary(vr: str) -> bool:
    """Whether values of the VR stand in metadata as base64, as those of unknown VRs do too."""
    return vr not in NUMBERS and vr not in TEXT and vr not in ("AT", "SQ")
