"""Values that break their value representation: which are warned of, and that none is told."""

import pytest

from emulator.p10.conformance import value_warnings


def types(attributes: dict[str, object], **vrs: str) -> list[str]:
    return [each.type for each in value_warnings(attributes, vrs)]


@pytest.mark.parametrize("uid", ["1.2.3", "0", "1.2.840.10008.1.2", "1." * 31 + "12"])
def test_a_uid_is_numbers_with_dots_between(uid: str) -> None:
    assert types({"StudyInstanceUID": uid}) == []


@pytest.mark.parametrize("uid", ["1.2.3..4", "1.2.", "1.02", "abc", "1.2 3"])
def test_what_is_no_uid_is_warned_of(uid: str) -> None:
    assert types({"StudyInstanceUID": uid}) == ["INVALID_UID_FORMAT"]


@pytest.mark.parametrize(
    ("keyword", "value", "longest"),
    [("StudyID", "s", 16), ("PatientID", "p", 64), ("StudyDate", "1", 8), ("AccessionNumber", "a", 16)],
)
def test_a_value_longer_than_its_representation_is_warned_of(keyword: str, value: str, longest: int) -> None:
    assert types({keyword: value * longest}) == []
    assert types({keyword: value * (longest + 1)}) == ["INVALID_DICOM_VALUE_LENGTH"]


def test_padding_is_no_part_of_a_length_and_each_group_of_a_name_has_its_own() -> None:
    assert types({"KVP": "1" * 16 + " "}) == []
    assert types({"PatientName": "=".join(["n" * 64] * 3)}) == []


def test_items_lists_and_private_elements_are_looked_at() -> None:
    item = {"ReferencedSOPInstanceUID": "x"}
    assert types({"ReferencedImageSequence": [item]}) == ["INVALID_UID_FORMAT"]
    assert types({"ImageType": ["A", "B" * 17]}) == ["INVALID_DICOM_VALUE_LENGTH"]
    assert types({"00091001": "x"}, **{"00091001": "UI"}) == ["INVALID_UID_FORMAT"]


def test_the_element_is_named_once_and_its_value_is_not() -> None:
    (warning,) = value_warnings({"ImageType": ["SECRET" * 4, "SECRET" * 5]}, {})

    assert warning.message.endswith(": ImageType")
    assert "SECRET" not in warning.message
