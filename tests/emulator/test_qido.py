"""QIDO-RS over HTTP: what is searched by, what comes back, and how much of it."""

import json
from typing import Any

import pytest
from ct_files import ct_file
from dicomweb_requests import DicomWeb
from local_aws import LocalAws, Store, wait_for
from pydicom import Dataset
from sample_files import parse, to_bytes
from test_updates import dicom, imported, update

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def with_request(data: bytes) -> bytes:
    dataset, item = parse(data), Dataset()
    item.ScheduledProcedureStepID = "STEP1"
    dataset.RequestAttributesSequence = [item]
    return to_bytes(dataset)


@pytest.fixture(scope="module")
def web(aws: LocalAws) -> DicomWeb:
    """Two studies: one of two series and three instances, and one of a single instance, imported later."""
    store = Store(aws)
    first = {"StudyInstanceUID": "1.2", "PatientName": "Doe^Jane", "ReferringPhysicianName": "House^Greg"}
    store.import_files(
        {
            "1.dcm": ct_file(**first, SeriesInstanceUID="1.2.1", SOPInstanceUID="1.2.1.1", InstanceNumber=10),
            "2.dcm": ct_file(**first, SeriesInstanceUID="1.2.1", SOPInstanceUID="1.2.1.2", InstanceNumber=9),
            "3.dcm": with_request(
                ct_file(**first, SeriesInstanceUID="1.2.0", SOPInstanceUID="1.2.0.1", SeriesNumber=10)
            ),
            "4.dcm": ct_file(**first, SeriesInstanceUID="1.2.1", SOPInstanceUID="1.2.1.3", PatientID="OTHER"),
        }
    )
    second = {"StudyInstanceUID": "1.3", "PatientName": "Roe^Richard", "PatientID": "P2", "StudyID": "S2"}
    later = {"StudyDate": "20260201", "StudyTime": "120000", "AccessionNumber": "A2"}
    last = ct_file(**second, **later, SeriesInstanceUID="1.3.1", SOPInstanceUID="1.3.1.1")
    store.import_files({"1.dcm": last}, "later/")
    return DicomWeb(store)


def found(web: DicomWeb, path: str, tag: str) -> list[str]:
    answer = web.get(path)
    assert answer.status == 200, answer.body
    return [each[tag]["Value"][0] for each in answer.json]


def value(result: dict[str, Any], keyword_tag: str) -> Any:
    (only,) = result[keyword_tag]["Value"]
    return only


def test_studies_come_with_the_last_updated_first(web: DicomWeb) -> None:
    assert found(web, "/studies", STUDY) == ["1.3", "1.2"]


def test_a_study_counts_its_primary_series_and_instances(web: DicomWeb) -> None:
    (study,) = web.get("/studies?StudyInstanceUID=1.2").json

    assert (value(study, "00201206"), value(study, "00201208")) == (2, 3)
    assert study["00080061"]["Value"] == ["CT"]


def test_a_study_has_the_fields_of_the_standard(web: DicomWeb) -> None:
    answer = web.get("/studies?PatientID=P2", accept="application/dicom+json")
    (study,) = answer.json

    assert answer.content_type == "application/dicom+json"
    assert value(study, "00100010") == {"Alphabetic": "Roe^Richard"}
    assert (value(study, "00080020"), value(study, "00080050")) == ("20260201", "A2")
    assert value(study, "00081190") == f"{web.base}/studies/1.3"
    assert value(study, "00080056") == "ONLINE"
    assert study["00080090"] == {"vr": "PN"}
    assert SERIES not in study
    Dataset.from_json(json.dumps(study))


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("StudyDate=20260101-20260131", ["1.2"]),
        ("00080020=20260201", ["1.3"]),
        ("StudyTime=1000-", ["1.3"]),
        ("PatientName=doe*", ["1.2"]),
        ("PatientName=doe", []),
        ("PatientName=rich%20roe&fuzzymatching=true", ["1.3"]),
        ("ReferringPhysicianName=greg&fuzzymatching=true", ["1.2"]),
        ("ReferringPhysicianName=greg&fuzzymatching=false", []),
        ("PatientID=P?", ["1.3", "1.2"]),
        ("PatientID=P2", ["1.3"]),
        ("AccessionNumber=A1", ["1.2"]),
        ("StudyID=S*", ["1.3", "1.2"]),
        ("ModalitiesInStudy=CT", ["1.3", "1.2"]),
        ("ModalitiesInStudy=MR", []),
        ("StudyInstanceUID=1.2,1.3", ["1.3", "1.2"]),
        ("0020000d=1.2", ["1.2"]),
        ("PatientID=P2&StudyDate=20260102", []),
        ("PatientID=", ["1.3", "1.2"]),
        ("PatientID=OTHER", []),
    ],
)
def test_studies_are_found_by_their_attributes(web: DicomWeb, query: str, studies: list[str]) -> None:
    assert found(web, f"/studies?{query}", STUDY) == studies


def test_series_come_in_the_order_of_their_number(web: DicomWeb) -> None:
    assert found(web, "/studies/1.2/series", SERIES) == ["1.2.1", "1.2.0"]
    assert found(web, "/series", SERIES) == ["1.2.1", "1.3.1", "1.2.0"]


@pytest.mark.parametrize(
    ("path", "series"),
    [
        ("/studies/1.2/series?SeriesNumber=10", ["1.2.0"]),
        ("/studies/1.2/series?SeriesInstanceUID=1.2.1", ["1.2.1"]),
        ("/studies/1.2/series?RequestAttributesSequence.ScheduledProcedureStepID=STEP1", ["1.2.0"]),
        ("/studies/1.2/series?00400275.00400009=STEP2", []),
        ("/series?Modality=CT&PatientID=P2", ["1.3.1"]),
        ("/studies/9.9/series", []),
    ],
)
def test_series_are_found_by_their_attributes(web: DicomWeb, path: str, series: list[str]) -> None:
    assert found(web, path, SERIES) == series


def test_a_series_counts_its_instances(web: DicomWeb) -> None:
    first, _ = web.get("/studies/1.2/series").json

    assert (value(first, "00201209"), value(first, "00080060")) == (2, "CT")
    assert value(first, "00081190") == f"{web.base}/studies/1.2/series/1.2.1"
    assert "00100020" not in first


def test_what_is_searched_without_its_study_comes_with_it(web: DicomWeb) -> None:
    (series,) = web.get("/series?PatientID=P2").json
    (instance,) = web.get("/instances?PatientID=P2").json

    assert value(series, "00100020") == value(instance, "00100020") == "P2"
    assert value(instance, "00080060") == "CT"


def test_instances_come_in_the_order_of_their_number(web: DicomWeb) -> None:
    assert found(web, "/studies/1.2/series/1.2.1/instances", INSTANCE) == ["1.2.1.2", "1.2.1.1"]
    assert found(web, "/studies/1.2/instances", INSTANCE) == ["1.2.1.2", "1.2.1.1", "1.2.0.1"]
    assert len(found(web, "/instances", INSTANCE)) == 4


@pytest.mark.parametrize(
    ("path", "instances"),
    [
        ("/studies/1.2/series/1.2.1/instances?InstanceNumber=10", ["1.2.1.1"]),
        ("/studies/1.2/instances?SOPInstanceUID=1.2.0.1", ["1.2.0.1"]),
        ("/instances?SOPInstanceUID=1.2.0.1,1.3.1.1", ["1.3.1.1", "1.2.0.1"]),
        ("/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.4", []),
        ("/instances?StudyDate=20260201", ["1.3.1.1"]),
        ("/studies/1.3/series/1.2.1/instances", []),
    ],
)
def test_instances_are_found_by_their_attributes(web: DicomWeb, path: str, instances: list[str]) -> None:
    assert found(web, path, INSTANCE) == instances


def test_an_instance_has_the_fields_of_the_standard(web: DicomWeb) -> None:
    (instance,) = web.get("/studies/1.3/series/1.3.1/instances").json

    assert value(instance, "00280010") == 16
    assert value(instance, "00280100") == 16
    path = "/studies/1.3/series/1.3.1/instances/1.3.1.1"
    assert value(instance, "00081190") == web.base + path
    assert web.get(value(instance, "00081190")).status == 200


def test_more_fields_come_when_they_are_asked_for(web: DicomWeb) -> None:
    path = "/studies/1.3/series/1.3.1/instances"
    (plain,) = web.get(path).json
    (more,) = web.get(f"{path}?includefield=HighBit,00280103&includefield=PatientID").json
    (everything,) = web.get(f"{path}?includefield=all").json

    assert more.keys() - plain.keys() == {"00280102", "00280103", "00100020"}
    assert everything.keys() > more.keys()
    assert not any(tag.startswith("0002") for tag in everything)


def test_results_are_had_page_by_page(web: DicomWeb) -> None:
    first, second = web.get("/instances?limit=3"), web.get("/instances?limit=3&offset=3")

    assert (len(first.json), len(second.json)) == (3, 1)
    assert first.headers["warning"].startswith("299")
    assert "warning" not in second.headers
    uids = [value(each, INSTANCE) for each in first.json + second.json]
    assert uids == found(web, "/instances", INSTANCE)
    assert web.get("/instances?offset=1000000").json == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=a",
        "limit=" + "9" * 5000,
        "offset=-1",
        "offset=1000001",
        "fuzzymatching=maybe",
        "includefield=Nonsense",
        "includefield=" + ",".join(["PatientID"] * 51),
        "Nonsense=1",
        "SeriesNumber=1",
        "PatientID=1&PatientID=2",
        "PatientID=1&00100020=2",
    ],
)
def test_a_query_that_is_none_is_refused(web: DicomWeb, query: str) -> None:
    answer = web.get(f"/studies?{query}")

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_results_are_json_or_nothing(web: DicomWeb) -> None:
    answer = web.get("/studies", accept='multipart/related; type="application/dicom+xml"')

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (406, "NotAcceptableException")


def test_a_data_store_without_images_has_no_studies(aws: LocalAws) -> None:
    assert DicomWeb(Store(aws)).get("/studies").json == []


def test_a_modality_that_was_forced_to_be_two_counts_as_two(store: Store) -> None:
    imported(store, "1.2.3.4.8", folder="first/")
    forced = imported(store, folder="second/", AccessionNumber="A2")
    series = {"DICOM": {"Modality": ["CT", "PT"], "SeriesInstanceUID": "1.2.3.5"}}
    update(store, forced, dicom(updatableAttributes={"Study": {"Series": {"1.2.3.4": series}}}), force=True)
    store.imaging.copy_image_set(
        datastoreId=store.id,
        sourceImageSetId=forced,
        promoteToPrimary=True,
        copyImageSetInformation={"sourceImageSet": {"latestVersionId": "2"}},
    )
    wait_for(lambda: len(DicomWeb(store).get("/series").json) == 2)

    (study,) = DicomWeb(store).get("/studies").json
    assert study["00080061"]["Value"] == ["CT", "PT"]
