"""importConfiguration: DICOM JSON that goes over the elements of files while they are imported."""

import json
from typing import Any

import pytest
from ct_files import ct_file
from local_aws import Store, only_series

from emulator.p10.overrides import parse_override
from emulator.p10.parsing import InvalidDicom

NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane", "Ideographic": "X"}]}}


def mapping(path: str, study: str = "1.2.3", **series: str) -> dict[str, str]:
    return {"studyInstanceUID": study, "metadataFilePath": path, **series}


def run(store: Store, files: dict[str, Any], *mappings: dict[str, str]) -> dict[str, Any]:
    """Import the files under `in/`, those that are no bytes written as JSON."""
    for name, each in files.items():
        store.upload({f"in/{name}": each if isinstance(each, bytes) else json.dumps(each).encode()})
    configuration = {"dicomJsonMetadataImportConfiguration": {"dicomMetadataMappings": list(mappings)}}
    return store.run(importConfiguration=configuration)


def test_elements_of_a_mapped_file_go_over_those_of_its_study(store: Store) -> None:
    files = {"1.dcm": ct_file(), "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5"), "study.json": NAME}

    job = run(store, files, mapping("study.json"))

    names = [store.metadata(each["imageSetId"])["Patient"]["DICOM"]["PatientName"] for each in store.search()]
    assert names == ["Doe^Jane=X", "Doe^Jane=X"]
    assert {each["DICOMTags"]["DICOMPatientName"] for each in store.search()} == {"Doe^Jane=X"}
    assert store.summary(job)["numberOfScannedFiles"] == 2, "a mapped file is not an input by itself"
    assert job["importConfiguration"]["dicomJsonMetadataImportConfiguration"]["dicomMetadataMappings"]


def test_what_is_mapped_to_a_series_goes_over_what_is_mapped_to_its_study(store: Store) -> None:
    files = {
        "1.dcm": ct_file(),
        "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5"),
        "a/study.json": [{"0008103E": {"vr": "LO", "Value": ["of the study"]}}],
        "a/series.json": {"0008103E": {"vr": "LO", "Value": ["of the series"]}},
    }

    series = mapping("a/series.json", seriesInstanceUID="1.2.3.5")
    run(store, files, series, mapping("a/study.json"), mapping("other.json", study="1.2.999"))

    found = {
        each["DICOMTags"]["DICOMSeriesInstanceUID"]: only_series(store.metadata(each["imageSetId"]))["DICOM"]
        for each in store.search()
    }
    assert found["1.2.3.4"]["SeriesDescription"] == "of the study"
    assert found["1.2.3.5"]["SeriesDescription"] == "of the series"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "it is not JSON"),
        ([NAME, NAME], "it is not an object, or an array of one"),
        ({"PatientName": "Doe^Jane"}, "a key is not a tag of eight hexadecimal digits"),
        ({"0020000D": {"vr": "UI", "Value": ["1.2.4"]}}, "its StudyInstanceUID is not that of the file"),
    ],
)
def test_files_whose_mapped_metadata_cannot_be_used_fail(store: Store, content: Any, reason: str) -> None:
    files = {"1.dcm": ct_file(), "2.dcm": ct_file(StudyInstanceUID="1.2.4"), "study.json": content}

    job = run(store, files, mapping("study.json"))

    (line,) = store.lines(job, "FAILURE/failure.ndjson")
    assert line["inputFile"] == "in/1.dcm"
    assert line["exception"]["message"].endswith(reason)
    assert store.summary(job)["numberOfImportedFiles"] == 1


def test_a_mapped_file_that_is_missing_fails_its_instances(store: Store) -> None:
    job = run(store, {"1.dcm": ct_file()}, mapping("nowhere.json"))

    (line,) = store.lines(job, "FAILURE/failure.ndjson")
    assert line["exception"]["message"].endswith("cannot be read: NoSuchKey")


def test_every_value_representation_is_read() -> None:
    item = {"00080100": {"vr": "SH", "Value": ["C"]}}
    override = parse_override(
        json.dumps(
            {
                "00080005": {"vr": "CS"},
                "00281050": {"vr": "DS", "Value": [40, "80"]},
                "00200013": {"vr": "IS", "Value": [7]},
                "00280106": {"vr": "US", "Value": [3]},
                "00321064": {"vr": "SQ", "Value": [item]},
                "00091001": {"vr": "OB", "InlineBinary": "AAE="},
            }
        ).encode()
    )

    assert override.vrs == {"00091001": "OB"}
    assert override.attributes == {
        "SpecificCharacterSet": None,
        "WindowCenter": ["40", "80"],
        "InstanceNumber": "7",
        "SmallestImagePixelValue": 3,
        "RequestedProcedureCodeSequence": [{"CodeValue": "C"}],
        "00091001": "AAE=",
    }


@pytest.mark.parametrize(
    "element",
    [
        {"00020010": {"vr": "UI", "Value": ["1.2"]}},
        {"7FE00010": {"vr": "OB", "InlineBinary": "AAE="}},
        {"00280010": {"vr": "US", "Value": [5]}},
        {"00100010": {"vr": "PN", "Value": "Doe"}},
        {"00100010": {"vr": "XX"}},
        {"00091001": {"vr": "OB", "BulkDataURI": "https://"}},
        {"00091001": {"vr": "OB", "InlineBinary": "?"}},
        {"00280106": {"vr": "US", "Value": ["many"]}},
        {"00321064": {"vr": "SQ", "Value": ["no item"]}},
        {"00100010": "Doe"},
    ],
)
def test_what_is_no_dicom_json_or_may_not_change_is_refused(element: dict[str, Any]) -> None:
    with pytest.raises(InvalidDicom, match="cannot be"):
        parse_override(json.dumps(element).encode())
