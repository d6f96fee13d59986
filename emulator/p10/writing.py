"""DICOM elements as the bytes of a P10 file, in the little endian transfer syntaxes."""

import warnings
import zlib
from base64 import b64decode
from collections.abc import Sequence
from struct import pack

from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.valuerep import PersonName

from emulator.p10.elements import FILE_META, Element, is_binary
from emulator.p10.values import IN_CHARACTER_SET, NUMBERS

IMPLICIT_VR, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
GROUP_LENGTH, TRANSFER_SYNTAX_UID, SPECIFIC_CHARACTER_SET = 0x00020000, 0x00020010, 0x00080005
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
KNOWN = {*LONG, *IN_CHARACTER_SET, *NUMBERS, "AE", "AS", "AT", "CS", "DA", "DS", "DT", "IS", "TM", "UI"}
UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM = 0xFFFEE000
LONGEST_SHORT = 0xFFFE


class Encapsulated(bytes):
    """A value that is a whole sequence of fragments, so that its length stays undefined."""


def file(found: list[Element], transfer_syntax_uid: str) -> bytes:
    """A P10 file. A value that is already as it is in the file is given as bytes.

    Text that its own character set cannot hold makes the file one of Unicode.
    """
    meta = [each for each in found if each.tag in FILE_META and each.tag != GROUP_LENGTH]
    # The lengths of groups, retired for long, would be wrong.
    rest = [each for each in found if each.tag not in FILE_META and each.tag & 0xFFFF]
    implicit = transfer_syntax_uid == IMPLICIT_VR
    try:
        body = _dataset(rest, [default_encoding], implicit)
    except (UnicodeError, Warning):
        body = _dataset(_in_unicode(rest), ["utf-8"], implicit)
    if transfer_syntax_uid == DEFLATED:
        body = _deflated(body)
    return b"\0" * 128 + b"DICM" + _file_meta(meta, transfer_syntax_uid) + body


def _file_meta(meta: list[Element], transfer_syntax_uid: str) -> bytes:
    given = [each for each in meta if each.tag != TRANSFER_SYNTAX_UID]
    given.append(Element(TRANSFER_SYNTAX_UID, "UI", [transfer_syntax_uid]))
    content = _dataset(sorted(given, key=lambda each: each.tag), ["utf-8"], implicit=False)
    return _head(GROUP_LENGTH, "UL", 4, implicit=False) + pack("<L", len(content)) + content


def _dataset(found: Sequence[Element], encodings: Sequence[str], implicit: bool) -> bytes:
    for each in found:
        if each.tag == SPECIFIC_CHARACTER_SET:
            encodings = convert_encodings([value or "" for value in each.values] or [""])
    return b"".join(_element(each, encodings, implicit) for each in found)


def _element(each: Element, encodings: Sequence[str], implicit: bool) -> bytes:
    if each.vr == "SQ":
        items = [_dataset(item, encodings, implicit) for item in each.values]
        value = b"".join(pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, len(item)) + item for item in items)
    else:
        value = _value(each, encodings)
    if isinstance(value, Encapsulated):
        return _head(each.tag, each.vr, UNDEFINED_LENGTH, implicit) + value
    vr = each.vr if each.vr in KNOWN and (each.vr in LONG or len(value) <= LONGEST_SHORT) else "UN"
    return _head(each.tag, vr, len(value), implicit) + value


def _head(tag: int, vr: str, length: int, implicit: bool) -> bytes:
    group, element = tag >> 16, tag & 0xFFFF
    if implicit:
        return pack("<HHL", group, element, length)
    if vr in LONG:
        return pack("<HH2sHL", group, element, vr.encode(), 0, length)
    return pack("<HH2sH", group, element, vr.encode(), length)


def _value(each: Element, encodings: Sequence[str]) -> bytes:
    if not each.values:
        return b""
    if isinstance(each.values[0], bytes):
        return each.values[0]
    if each.vr in NUMBERS:
        # JSON has words where floats are not finite.
        numbers = [float(value) if isinstance(value, str) else value for value in each.values]
        return pack(f"<{len(numbers)}{NUMBERS[each.vr]}", *numbers)
    if each.vr == "AT":
        return b"".join(pack("<HH", int(value[:4], 16), int(value[4:], 16)) for value in each.values)
    if is_binary(each.vr):
        return _even(b64decode(each.values[0]), b"\0")
    text = "\\".join("" if value is None else str(value) for value in each.values)
    return _even(_encoded(text, each.vr, encodings), b"\0" if each.vr == "UI" else b" ")


def _encoded(text: str, vr: str, encodings: Sequence[str]) -> bytes:
    if text.isascii():
        return text.encode()
    if vr not in IN_CHARACTER_SET:
        return text.encode("latin-1", "replace")
    with warnings.catch_warnings():
        # pydicom warns, and puts question marks in.
        warnings.simplefilter("error")
        if vr != "PN":
            return bytes(encode_string(text, encodings))
        return b"\\".join(PersonName(name).encode(encodings) for name in text.split("\\"))


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value


def _in_unicode(found: list[Element]) -> list[Element]:
    def converted(each: Element) -> Element:
        if each.tag == SPECIFIC_CHARACTER_SET:
            return Element(each.tag, each.vr, ["ISO_IR 192"])
        if each.vr != "SQ":
            return each
        return Element(each.tag, each.vr, [_in_unicode(item) for item in each.values])

    named = [each for each in found if each.tag != SPECIFIC_CHARACTER_SET]
    charset = Element(SPECIFIC_CHARACTER_SET, "CS", ["ISO_IR 192"])
    return sorted([charset, *map(converted, named)], key=lambda each: each.tag)


def _deflated(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return _even(compressor.compress(body) + compressor.flush(), b"\0")
