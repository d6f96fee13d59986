"""The guide's DICOM metadata constraints, one by one."""

import json
from typing import Any

import pytest

from emulator.errors import ServiceQuotaExceededException, ValidationException
from emulator.image_sets.changes import LONGEST_PAYLOAD, Changes, parse
from emulator.image_sets.constraints import check

Tree = dict[str, Any]


def patient(**attributes: Any) -> Tree:
    return {"Patient": {"DICOM": attributes}}


def study(**attributes: Any) -> Tree:
    return {"Study": {"DICOM": attributes}}


def series(**attributes: Any) -> Tree:
    return {"Study": {"Series": {"1.2": {"DICOM": attributes}}}}


def instance(attributes: Tree, **more: Any) -> Tree:
    return {"Study": {"Series": {"1.2": {"Instances": {"1.2.3": {"DICOM": attributes, **more}}}}}}


def update(tree: Tree, *, forced: bool = False, is_primary: bool = False, whole_study: bool = False) -> None:
    changes = Changes(removals={}, updates=tree)
    check(changes, forced=forced, is_primary=is_primary, whole_study=whole_study)


def remove(tree: Tree, *, forced: bool = False, is_primary: bool = False) -> None:
    check(Changes(removals=tree, updates={}), forced=forced, is_primary=is_primary, whole_study=False)


ALWAYS_REFUSED = {
    "a private attribute of the patient": patient(**{"001910F9": "1"}),
    "a private attribute of the study": study(**{"001910F9": "1"}),
    "a private attribute of the series": series(**{"001910F9": "1"}),
    "what HealthImaging generated": instance({"PixelData": "AAAA"}),
    "the identity of the document": {"ImageSetID": "0" * 32},
    "the frames of an instance": instance({}, ImageFrames=[]),
    "the syntax of an instance": instance({}, StoredTransferSyntaxUID="1.2"),
    "a patient attribute in the study": study(PatientName="A^B"),
    "a study attribute in the patient": patient(StudyDescription="a"),
    "a series attribute in an instance": instance({"Modality": "CT"}),
    "an instance attribute in the series": series(InstanceNumber="1"),
    "a level that is no object": {"Patient": {"DICOM": "PatientName"}},
    "a VR of a public attribute": instance({}, DICOMVRs={"InstanceNumber": "IS"}),
    "a UID that is none": series(SeriesInstanceUID="one"),
}
NEED_FORCE = {
    "StudyInstanceUID": study(StudyInstanceUID="1.2.3"),
    "SeriesInstanceUID": series(SeriesInstanceUID="1.2.3"),
    "SOPInstanceUID": instance({"SOPInstanceUID": "1.2.3"}),
    "StudyID": study(StudyID="1"),
    "a sequence": study(ReferencedStudySequence=[]),
    "a multivalued attribute": instance({"ImageType": "DERIVED"}),
    "several values": study(StudyDescription=["a", "b"]),
    "a value its VR does not allow": study(StudyDate="yesterday"),
    "a number as text": instance({"Rows": "512"}),
    "a number out of range": instance({"Rows": 2**16}),
    "what is no attribute of DICOM": study(Mood="good"),
    "a private attribute of an instance": instance({"001910F9": "97"}, DICOMVRs={"001910F9": "DS"}),
}
ALLOWED = {
    "a patient attribute": patient(PatientName="MX^MX"),
    "a study attribute": study(StudyDescription="CT CHEST"),
    "a series attribute": series(SeriesDescription="axial"),
    "an instance attribute": instance({"InstanceNumber": "2", "Rows": 512, "SliceThickness": "1.5"}),
    "an empty value": study(StudyDescription=None),
    "binary": instance({"EncapsulatedDocument": "AAE="}),
}


@pytest.mark.parametrize("tree", ALWAYS_REFUSED.values(), ids=ALWAYS_REFUSED.keys())
def test_some_changes_are_refused_even_with_force(tree: Tree) -> None:
    with pytest.raises(ValidationException):
        update(tree, forced=True)


@pytest.mark.parametrize("tree", NEED_FORCE.values(), ids=NEED_FORCE.keys())
def test_some_changes_need_force(tree: Tree) -> None:
    update(tree, forced=True)
    with pytest.raises(ValidationException):
        update(tree)


@pytest.mark.parametrize("tree", ALLOWED.values(), ids=ALLOWED.keys())
def test_other_changes_are_allowed(tree: Tree) -> None:
    update(tree)


def test_a_sequence_or_many_values_may_be_removed_without_force() -> None:
    remove(study(ReferencedStudySequence=[]))
    remove(instance({"ImageType": ["DERIVED"]}))


def test_a_uid_cannot_be_removed_even_with_force() -> None:
    with pytest.raises(ValidationException, match="StudyInstanceUID cannot be removed"):
        remove(study(StudyInstanceUID="1.2.3"), forced=True)


@pytest.mark.parametrize(
    "tree",
    [study(StudyInstanceUID="1.2"), series(SeriesInstanceUID="1.2"), instance({"SOPInstanceUID": "1.2"})],
)
def test_a_primary_set_keeps_its_uids_even_with_force(tree: Tree) -> None:
    with pytest.raises(ValidationException, match="of a primary image set cannot be changed"):
        update(tree, forced=True, is_primary=True, whole_study=True)


def test_a_study_instance_uid_never_changes_with_the_whole_study() -> None:
    with pytest.raises(ValidationException, match="of a primary image set cannot be changed"):
        update(study(StudyInstanceUID="1.2"), forced=True, whole_study=True)


def test_patient_attributes_of_a_primary_set_change_with_the_whole_study() -> None:
    update(patient(PatientName="A^B"), is_primary=True, whole_study=True)
    with pytest.raises(ValidationException, match="set includeStudyImageSets"):
        update(patient(PatientName="A^B"), is_primary=True)


def test_series_attributes_of_a_primary_set_do_not_change() -> None:
    with pytest.raises(ValidationException, match="Series attributes of a primary image set"):
        update(series(SeriesDescription="a"), is_primary=True, whole_study=True)


def test_no_value_is_quoted_in_a_refusal() -> None:
    with pytest.raises(ValidationException) as refusal:
        update(study(StudyDate="Doe^Jane"))

    assert "Doe" not in refusal.value.message


def test_a_payload_holds_at_most_ten_kilobytes() -> None:
    fits = json.dumps(study(StudyDescription="")).encode()
    parse({"updatableAttributes": fits.ljust(LONGEST_PAYLOAD)})
    with pytest.raises(ServiceQuotaExceededException, match="at most 10240"):
        parse({"updatableAttributes": fits, "removableAttributes": b"{}".ljust(LONGEST_PAYLOAD)})


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"SchemaVersion": 2}', b"\xff"])
def test_a_payload_is_json_of_the_schema(text: bytes) -> None:
    with pytest.raises(ValidationException):
        parse({"updatableAttributes": text})


@pytest.mark.parametrize("version", [1.1, "1.1"])
def test_the_schema_version_may_be_a_number_or_text(version: Any) -> None:
    text = json.dumps({"SchemaVersion": version, **study(StudyDescription="a")}).encode()

    assert parse({"updatableAttributes": text}).updates == study(StudyDescription="a")


def test_an_update_says_what_to_do() -> None:
    with pytest.raises(ValidationException):
        parse({})
