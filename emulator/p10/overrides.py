"""DICOM JSON that an import puts over the elements of files, read into HealthImaging's metadata."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from emulator import strict_json
from emulator.p10.dicom_json import NAME_GROUPS
from emulator.p10.dictionary import describe
from emulator.p10.elements import FILE_META, TAG, is_binary
from emulator.p10.parsing import InvalidDicom
from emulator.p10.values import BINARY, NUMBERS, TEXT

Attributes = dict[str, Any]

# They tell one instance from another, and so must be those of the file.
IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# They describe the pixels as the file holds them.
IMAGE_PIXEL = {
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
}
PIXEL_GROUP = 0x7FE0
VRS = {*TEXT, *NUMBERS, *BINARY, "AT", "SQ"}


class Override(NamedTuple):
    """Elements by key, and the VRs of those without a keyword."""

    attributes: Attributes
    vrs: dict[str, str]

    def over(self, attributes: Attributes) -> Attributes:
        """The attributes of a file with these in their place. Raises InvalidDicom when it is another's."""
        for keyword in IDENTITY:
            if self.attributes.get(keyword, attributes[keyword]) != attributes[keyword]:
                raise _invalid(f"its {keyword} is not that of the file")
        return attributes | self.attributes


OverridesOf = Callable[[str, str], Sequence[Override]]


def no_overrides(_study_instance_uid: str, _series_instance_uid: str) -> Sequence[Override]:
    """Nothing goes over any file."""
    return ()


def parse_override(data: bytes) -> Override:
    """Read one data set of the DICOM JSON Model (PS3.18 Annex F), by itself or as the one of an array.

    AWS documents no schema of these files, and the names of the API speak of DICOM JSON. Raises InvalidDicom.
    """
    try:
        found = strict_json.loads(data)
    except ValueError:
        raise _invalid("it is not JSON") from None
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    vrs: dict[str, str] = {}
    attributes = _attributes(found, vrs)
    if fixed := IMAGE_PIXEL & attributes.keys():
        raise _invalid(f"{', '.join(sorted(fixed))} cannot be overridden")
    return Override(attributes, vrs)


def _attributes(found: Any, vrs: dict[str, str]) -> Attributes:
    if not isinstance(found, dict):
        raise _invalid("it is not an object, or an array of one")
    attributes: Attributes = {}
    for key, member in found.items():
        if not TAG.fullmatch(key.upper()):
            raise _invalid("a key is not a tag of eight hexadecimal digits")
        tag = int(key, 16)
        if tag in FILE_META or tag >> 16 == PIXEL_GROUP:
            raise _invalid("elements of file meta information and pixel data cannot be overridden")
        element = describe(tag)
        values = _values(member, vrs)
        if not element.keyword:
            vrs[element.key] = member["vr"]
        # An empty element has no value; one that may have several is a list even of one.
        is_list = element.is_list or len(values) > 1 or member["vr"] == "SQ"
        attributes[element.key] = None if not values else values if is_list else values[0]
    return attributes


def _values(member: Any, vrs: dict[str, str]) -> list[Any]:
    if not isinstance(member, dict) or member.get("vr") not in VRS or "BulkDataURI" in member:
        raise _invalid("an element has no vr of DICOM, or is bulk data")
    vr = member["vr"]
    if is_binary(vr):
        return [_binary(member["InlineBinary"])] if member.get("InlineBinary") else []
    values = member.get("Value", [])
    if not isinstance(values, list):
        raise _invalid("a Value is not an array")
    if vr == "SQ":
        return [_attributes(item, vrs) for item in values]
    return [_value(vr, value) for value in values]


def _value(vr: str, value: Any) -> Any:
    if value is None:
        return None
    if vr == "PN" and isinstance(value, dict):
        return "=".join(str(value.get(group, "")) for group in NAME_GROUPS).rstrip("=") or None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if vr in NUMBERS and is_number:
        return value
    if vr in ("DS", "IS") and is_number:
        return str(value)
    if vr not in NUMBERS and isinstance(value, str):
        return value or None
    raise _invalid(f"a value is not one of a {vr}")


def _binary(text: Any) -> str:
    try:
        b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise _invalid("an InlineBinary is not base64") from None
    return str(text)


def _invalid(reason: str) -> InvalidDicom:
    return InvalidDicom(f"the metadata file mapped to its study cannot be used: {reason}")
