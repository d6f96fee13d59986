"""What an image set is found and grouped by, out of its Patient, Study and Series attributes."""

from collections.abc import Mapping
from typing import Any

from emulator.p10.reading import GROUPING, SEARCHED, WHOLE_NUMBERS
from emulator.p10.values import whole_number


def conflict_key(levels: Mapping[str, dict[str, Any]]) -> tuple[str, ...]:
    """As `read_instance` makes it of a file."""
    return tuple(_text(_attributes(levels), keyword) for keyword in GROUPING)


def found_by(levels: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """The `DICOMTags` of the image set, without those that are empty or not the number the API wants."""
    attributes = _attributes(levels)
    texts = {name: _text(attributes, keyword) for name, keyword in SEARCHED.items()}
    return {
        name: text
        for name, text in texts.items()
        if text and (SEARCHED[name] not in WHOLE_NUMBERS or _is_number(text))
    }


def _attributes(levels: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: value for level in levels.values() for key, value in level["DICOM"].items()}


def _text(attributes: Mapping[str, Any], keyword: str) -> str:
    value = attributes.get(keyword)
    # A forced update may leave a value of any kind.
    return value.strip() if isinstance(value, str) else ""


def _is_number(text: str) -> bool:
    number = whole_number(text)
    return number is not None and -(2**31) <= number < 2**31
