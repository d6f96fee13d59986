"""Updates of metadata, as values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.image_sets.changes import Changes, apply
from emulator.image_sets.contents import Content, Refused, packed, unpacked

Tree = dict[str, Any]

SERIES = "1.2"


def content(*uids: str, **study: Any) -> Content:
    return Content(
        levels={
            "Patient": {"DICOM": {"PatientID": "P"}},
            "Study": {"DICOM": {"StudyInstanceUID": "1", **study}},
            "Series": {"DICOM": {"SeriesInstanceUID": SERIES, "Modality": "CT"}},
        },
        series_instance_uid=SERIES,
        instances={uid: packed({"DICOM": {"SOPInstanceUID": uid}, "DICOMVRs": {}}) for uid in uids},
    )


def in_series(**parts: Any) -> Tree:
    return {"Study": {"Series": {SERIES: parts}}}


def in_instances(**instances: Any) -> Tree:
    return in_series(Instances=instances)


def updated(before: Content, tree: Tree) -> Content:
    return apply(before, Changes(removals={}, updates=tree))


def without(before: Content, tree: Tree) -> Content:
    return apply(before, Changes(removals=tree, updates={}))


ATTRIBUTES = st.dictionaries(st.sampled_from("abcd"), st.text(max_size=3), max_size=3)


@given(ATTRIBUTES, ATTRIBUTES)
def test_an_update_puts_its_attributes_over_those_that_are_there(before: Tree, update: Tree) -> None:
    study = updated(content(**before), {"Study": {"DICOM": update}}).levels["Study"]["DICOM"]

    assert study == {"StudyInstanceUID": "1", **before, **update}


@given(ATTRIBUTES)
def test_what_an_update_adds_can_be_removed_again(update: Tree) -> None:
    tree = {"Study": {"DICOM": update}}

    assert without(updated(content("1"), tree), tree) == content("1")


def test_removals_come_before_updates() -> None:
    changes = Changes(removals={"Study": {"DICOM": {"a": "1"}}}, updates={"Study": {"DICOM": {"a": "2"}}})

    assert apply(content(a="1"), changes).levels["Study"]["DICOM"]["a"] == "2"


def test_padding_does_not_matter_for_a_removal() -> None:
    assert "a" not in without(content(a="1 "), {"Study": {"DICOM": {"a": "1"}}}).levels["Study"]["DICOM"]


def test_an_instance_is_removed() -> None:
    assert list(without(content("1", "2"), in_instances(**{"1": {}})).instances) == ["2"]


def test_a_series_is_removed_with_its_instances() -> None:
    assert without(content("1", "2"), in_series()).instances == {}


def test_an_attribute_of_one_instance_is_removed_from_no_other() -> None:
    before = updated(content("1", "2"), in_instances(**{uid: {"DICOM": {"a": "x"}} for uid in "12"}))
    after = without(before, in_instances(**{"1": {"DICOM": {"a": "x"}}}))

    assert ["a" in unpacked(each)["DICOM"] for each in after.instances.values()] == [False, True]


def test_a_private_attribute_comes_with_its_vr_and_goes_with_it() -> None:
    tree = in_instances(**{"1": {"DICOM": {"001910F9": "97"}, "DICOMVRs": {"001910F9": "DS"}}})
    after = updated(content("1"), tree)

    assert unpacked(after.instances["1"])["DICOMVRs"] == {"001910F9": "DS"}
    assert without(after, in_instances(**{"1": {"DICOM": {"001910F9": "97"}}})) == content("1")


def test_a_private_attribute_that_is_there_keeps_its_vr() -> None:
    tree = in_instances(**{"1": {"DICOM": {"001910F9": "97"}, "DICOMVRs": {"001910F9": "DS"}}})
    after = updated(updated(content("1"), tree), in_instances(**{"1": {"DICOM": {"001910F9": "98"}}}))

    assert unpacked(after.instances["1"])["DICOM"]["001910F9"] == "98"


def test_an_instance_is_renamed_where_it_stands() -> None:
    after = updated(content("1", "2", "3"), in_instances(**{"2": {"DICOM": {"SOPInstanceUID": "9"}}}))

    assert list(after.instances) == ["1", "9", "3"]


def test_a_series_is_renamed() -> None:
    after = updated(content("1"), in_series(DICOM={"SeriesInstanceUID": "1.9"}))

    assert after.series_instance_uid == "1.9"


@pytest.mark.parametrize(
    ("removals", "updates"),
    [
        ({}, {"Study": {"Series": {"9": {"DICOM": {}}}}}),
        ({}, in_instances(**{"9": {"DICOM": {}}})),
        ({}, in_instances(**{"1": {"DICOM": {"SOPInstanceUID": "2"}}})),
        ({}, in_instances(**{"1": {"DICOM": {"001910F9": "97"}}})),
        ({"Study": {"Series": {"9": {}}}}, {}),
        (in_instances(**{"9": {}}), {}),
        ({"Study": {"DICOM": {"a": "1"}}}, {}),
        ({"Patient": {"DICOM": {"PatientID": "Q"}}}, {}),
    ],
    ids=[
        "series to update",
        "instance to update",
        "UID taken",
        "private without VR",
        "series to remove",
        "instance to remove",
        "attribute to remove",
        "value to remove",
    ],
)
def test_what_is_not_there_cannot_be_changed(removals: Tree, updates: Tree) -> None:
    with pytest.raises(Refused, match=r"^INVALID_REQUEST: [\w ,.:'-]+$"):
        apply(content("1", "2"), Changes(removals=removals, updates=updates))


def test_other_image_sets_of_a_study_take_only_what_they_share() -> None:
    tree = {
        "Patient": {"DICOM": {"PatientID": "Q"}},
        "Study": {"DICOM": {"a": "1"}, "Series": {"9": {"DICOM": {}}}},
    }
    after = apply(content("1"), Changes(removals={}, updates=tree).of_the_study())

    assert (after.levels["Patient"]["DICOM"]["PatientID"], after.levels["Study"]["DICOM"]["a"]) == ("Q", "1")
    assert after.levels["Series"] == content("1").levels["Series"]
