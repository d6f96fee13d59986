"""The metadata document, as bytes."""

import gzip
import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulator.image_sets.metadata import document, instance_json

JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3), max_leaves=5
)
DICOM = st.dictionaries(st.text(min_size=1), JSON, max_size=3)
LEVELS = {name: {"DICOM": {name: "1"}} for name in ("Patient", "Study", "Series")}


def read(data: bytes) -> Any:
    return json.loads(gzip.decompress(data))


@given(DICOM, DICOM, st.dictionaries(st.text(min_size=1), DICOM, min_size=1, max_size=3))
def test_joined_text_reads_back_as_what_went_in(
    patient: dict[str, Any], series: dict[str, Any], instances: dict[str, dict[str, Any]]
) -> None:
    levels = {"Patient": {"DICOM": patient}, "Study": {"DICOM": {}}, "Series": {"DICOM": series}}
    parts = [(uid, instance_json({"DICOM": each}, "1.2", [])) for uid, each in instances.items()]
    found = read(document("store", "set", levels, "1.2.3", parts))

    assert found["Patient"] == {"DICOM": patient}
    assert found["Study"]["Series"]["1.2.3"]["DICOM"] == series
    stored = found["Study"]["Series"]["1.2.3"]["Instances"]
    assert {uid: each["DICOM"] for uid, each in stored.items()} == instances


def test_series_stand_inside_the_study() -> None:
    part = instance_json({"DICOM": {}}, "1.2", [])
    found = read(document("store", "set", LEVELS, "1.2.3", [("1.2.3.4", part)]))

    assert list(found) == ["SchemaVersion", "DatastoreID", "ImageSetID", "Patient", "Study"]
    assert list(found["Study"]) == ["DICOM", "Series"]
    assert list(found["Study"]["Series"]["1.2.3"]) == ["DICOM", "Instances"]


def test_without_instances_there_is_no_series() -> None:
    found = read(document("store", "set", LEVELS, "1.2.3", []))

    assert found["Study"]["Series"] == {}


def test_an_instance_names_its_stored_syntax_and_its_frames() -> None:
    part = json.loads(zlib.decompress(instance_json({"DICOM": {}, "DICOMVRs": {}}, "1.2", [{"ID": "f"}])))

    assert list(part) == ["DICOM", "DICOMVRs", "StoredTransferSyntaxUID", "ChecksumType", "ImageFrames"]
    assert (part["StoredTransferSyntaxUID"], part["ImageFrames"]) == ("1.2", [{"ID": "f"}])


def test_the_same_content_makes_the_same_bytes() -> None:
    assert document("store", "set", LEVELS, "1", []) == document("store", "set", LEVELS, "1", [])
