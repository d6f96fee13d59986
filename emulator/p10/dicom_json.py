"""The DICOM JSON Model of PS3.18 Annex F."""

import hashlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.p10.elements import FILE_META, Bulk, Element, elements, is_binary
from emulator.p10.values import NUMBERS

Attributes = Mapping[str, Any]
Uri = Callable[[str], str]

# Larger binary values are fetched by themselves.
LARGEST_INLINE = 1024 * 1024
NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
SPECIFIC_CHARACTER_SET = 0x00080005
TRANSFER_SYNTAX_UID = 0x00020010


def dicom_json(attributes: Attributes, vrs: Mapping[str, str], bulkdata_uri: Uri) -> dict[str, Any]:
    """The data set as an object by tag. `bulkdata_uri` makes a URL of the hash of a large binary element."""
    return {
        _key(each.tag): _member(each, _key(each.tag), bulkdata_uri)
        for each in elements(attributes, vrs)
        if each.tag not in FILE_META or each.tag == TRANSFER_SYNTAX_UID
    }


def bulkdata(attributes: Attributes, vrs: Mapping[str, str], wanted: str) -> bytes | None:
    """The value of the large binary element with that hash, if metadata holds one."""
    for path, each in _binary(elements(attributes, vrs), ""):
        if bulkdata_hash(path) == wanted and len(each.values[0]) * 3 // 4 > LARGEST_INLINE:
            return b64decode(each.values[0])
    return None


def bulkdata_hash(path: str) -> str:
    """Name an element by where it stands: its tag, after those of the sequences and items that hold it."""
    return hashlib.sha256(path.encode()).hexdigest()[:32]


def _binary(found: list[Element], above: str) -> Iterator[tuple[str, Element]]:
    for each in found:
        path = above + _key(each.tag)
        if each.vr == "SQ":
            for number, item in enumerate(each.values):
                yield from _binary(item, f"{path}/{number}/")
        elif each.values and is_binary(each.vr) and not isinstance(each.values[0], Bulk):
            yield path, each


def _key(tag: int) -> str:
    return f"{tag:08X}"


def _member(each: Element, path: str, bulkdata_uri: Uri) -> dict[str, Any]:
    if not each.values:
        return {"vr": each.vr}
    if each.tag == SPECIFIC_CHARACTER_SET:
        # The text that follows is UTF-8, whatever the file was in.
        return {"vr": each.vr, "Value": ["ISO_IR 192"]}
    if each.vr == "SQ":
        items = [
            {
                _key(inner.tag): _member(inner, f"{path}/{number}/{_key(inner.tag)}", bulkdata_uri)
                for inner in item
            }
            for number, item in enumerate(each.values)
        ]
        return {"vr": each.vr, "Value": items}
    if is_binary(each.vr):
        if isinstance(each.values[0], Bulk):
            return {"vr": each.vr, "BulkDataURI": bulkdata_uri(each.values[0])}
        if len(each.values[0]) * 3 // 4 > LARGEST_INLINE:
            return {"vr": each.vr, "BulkDataURI": bulkdata_uri(bulkdata_hash(path))}
        return {"vr": each.vr, "InlineBinary": each.values[0]}
    return {"vr": each.vr, "Value": [_value(each.vr, value) for value in each.values]}


def _value(vr: str, value: Any) -> Any:
    if value is None or vr in NUMBERS:
        return value
    if vr == "PN":
        groups = zip(NAME_GROUPS, str(value).split("="), strict=False)
        return {group: text for group, text in groups if text}
    if vr in ("DS", "IS"):
        return _number(vr, str(value))
    return str(value)


def _number(vr: str, text: str) -> int | float | str | None:
    for kind in (int,) if vr == "IS" else (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        # JSON has neither infinity nor NaN.
        return number if abs(number) < float("inf") else text.strip()
    return text.strip() or None
