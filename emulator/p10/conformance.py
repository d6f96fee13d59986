"""Values that break their value representation. HealthImaging imports them with a warning."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.p10.dictionary import describe
from emulator.p10.elements import tag_of
from emulator.warning_codes import INVALID_DICOM_VALUE_LENGTH, INVALID_UID_FORMAT, WarningCode

# PS3.5 table 6.2-1, in characters. Those of a PN are for each of its component groups.
LONGEST = {
    **{"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240},
    **{"PN": 64, "SH": 16, "ST": 1024, "TM": 14, "UI": 64},
}
UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")


def value_warnings(attributes: Mapping[str, Any], vrs: Mapping[str, str]) -> list[WarningCode]:
    """The warnings for a data set in HealthImaging's JSON, naming the elements and never a value."""
    malformed: dict[str, None] = {}
    too_long: dict[str, None] = {}
    for key, vr, text in _texts(attributes, vrs):
        if vr == "UI" and not UID.fullmatch(text):
            malformed[key] = None
        if _length(vr, text) > LONGEST[vr]:
            too_long[key] = None
    found = ((INVALID_UID_FORMAT, malformed), (INVALID_DICOM_VALUE_LENGTH, too_long))
    return [
        warning._replace(message=f"{warning.message}: {', '.join(keys)}") for warning, keys in found if keys
    ]


def _texts(attributes: Mapping[str, Any], vrs: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for key, value in attributes.items():
        vr = vrs.get(key) or describe(tag_of(key) or 0).vr
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from _texts(each, vrs)
            elif isinstance(each, str) and vr in LONGEST:
                yield key, vr, each


def _length(vr: str, text: str) -> int:
    if vr == "PN":
        return max(len(group) for group in text.split("="))
    return len(text.strip(" "))
