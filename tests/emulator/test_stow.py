"""STOW-RS over HTTP: what is stored, where it goes, and what the answer tells."""

import uuid

import numpy as np
import pytest
from ct_files import ct_file, pixels
from dicomweb_requests import DicomWeb, Response
from local_aws import ACCOUNT, REGION, LocalAws, Store
from sample_files import parse, sample

from emulator.aws import Scope
from emulator.dicomweb.routes import Request, RequestTooLargeException
from emulator.dicomweb.stow import LARGEST_BODY, parts_of

CT = "1.2.840.10008.5.1.4.1.1.2"
FAILED, REFERENCED, RETRIEVE_URL = "00081198", "00081199", "00081190"


@pytest.fixture
def web(store: Store) -> DicomWeb:
    return DicomWeb(store)


def multipart(*parts: bytes, part_type: str = "application/dicom") -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + f"--{boundary}--".encode()
    return body, f'multipart/related; type="application/dicom"; boundary={boundary}'


def store_parts(web: DicomWeb, *parts: bytes, path: str = "/studies") -> Response:
    body, content_type = multipart(*parts)
    return web.send("POST", path, body, content_type=content_type)


def values(response: Response, sequence: str, tag: str) -> list[object]:
    """One element of each item of a sequence; None where it is empty."""
    items = response.json.get(sequence, {"Value": []})["Value"]
    return [item[tag].get("Value", [None])[0] for item in items]


def test_a_single_file_is_stored(web: DicomWeb) -> None:
    answer = web.send("POST", "/studies", ct_file(SOPInstanceUID="1.5"), content_type="application/dicom")
    path = "/studies/1.2.3/series/1.2.3.4/instances/1.5"

    assert (answer.status, answer.content_type) == (200, "application/dicom+json")
    assert answer.json[RETRIEVE_URL]["Value"] == [f"{web.base}/studies/1.2.3"]
    assert values(answer, REFERENCED, "00081150") == [CT]
    assert values(answer, REFERENCED, "00081155") == ["1.5"]
    assert values(answer, REFERENCED, RETRIEVE_URL) == [web.base + path]
    assert FAILED not in answer.json
    assert np.array_equal(parse(web.get(path).body).pixel_array, pixels(1))


def test_the_headers_of_the_documented_example_are_taken(web: DicomWeb) -> None:
    data = ct_file()
    streaming = {
        "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x_amz_decoded_content_length": str(len(data)),
    }
    answer = web.send("POST", "/studies", data, content_type="application/dicom", **streaming)

    assert answer.status == 200


def test_the_parts_of_a_request_are_stored_in_their_order(store: Store, web: DicomWeb) -> None:
    files = [ct_file(SOPInstanceUID=f"1.{number}", InstanceNumber=number) for number in range(1, 8)]
    answer = store_parts(web, *files)

    assert answer.status == 200
    assert values(answer, REFERENCED, "00081155") == [f"1.{number}" for number in range(1, 8)]
    (image_set,) = store.search()
    assert image_set["DICOMTags"]["DICOMNumberOfStudyRelatedInstances"] == 7


def test_a_later_request_adds_to_the_image_set_of_its_series(store: Store, web: DicomWeb) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1")})
    store_parts(web, ct_file(SOPInstanceUID="1.2"))

    (image_set,) = store.search()
    assert (image_set["version"], image_set["isPrimary"]) == (2, True)
    assert len(web.get("/studies/1.2.3/series/1.2.3.4/metadata").json) == 2


def test_what_conflicts_goes_to_an_image_set_of_its_own(store: Store, web: DicomWeb) -> None:
    store_parts(web, ct_file(SOPInstanceUID="1.1"))
    answer = store_parts(web, ct_file(SOPInstanceUID="1.2", PatientID="OTHER"))

    assert answer.status == 200
    assert sorted(each["isPrimary"] for each in store.search()) == [False, True]
    (url,) = values(answer, REFERENCED, RETRIEVE_URL)
    assert parse(web.get(str(url)).body).PatientID == "OTHER"


def test_what_cannot_be_read_fails_and_the_rest_is_stored(store: Store, web: DicomWeb) -> None:
    cut = sample("CT_small.dcm")[:5000]
    answer = store_parts(web, ct_file(SOPInstanceUID="1.1"), cut, b"not DICOM")

    assert answer.status == 202
    assert values(answer, REFERENCED, "00081155") == ["1.1"]
    assert values(answer, FAILED, "00081197") == [0xC000, 0xC000]
    assert values(answer, FAILED, "00081150") == [CT, None]
    assert values(answer, FAILED, "00081155") == [parse(cut).SOPInstanceUID, None]
    assert len(store.search()) == 1


def test_when_nothing_is_stored_the_request_conflicts(store: Store, web: DicomWeb) -> None:
    answer = store_parts(web, b"not DICOM")

    assert (answer.status, list(answer.json)) == (409, [FAILED])
    assert store.search() == []


def test_only_instances_of_the_study_are_stored_in_it(store: Store, web: DicomWeb) -> None:
    files = (ct_file(SOPInstanceUID="1.1"), ct_file(SOPInstanceUID="1.2", StudyInstanceUID="9.9"))
    answer = store_parts(web, *files, path="/studies/1.2.3")

    assert answer.status == 202
    assert values(answer, REFERENCED, "00081155") == ["1.1"]
    assert values(answer, FAILED, "00081155") == ["1.2"]
    assert values(answer, FAILED, "00081197") == [0xA900]
    assert [each["DICOMTags"]["DICOMStudyInstanceUID"] for each in store.search()] == ["1.2.3"]


def test_instances_of_several_studies_have_no_study_to_retrieve(web: DicomWeb) -> None:
    files = (ct_file(), ct_file(StudyInstanceUID="9.9", SeriesInstanceUID="9.9.1"))
    answer = store_parts(web, *files)

    assert (answer.status, RETRIEVE_URL in answer.json) == (200, False)


def test_a_part_of_another_kind_fails(web: DicomWeb) -> None:
    body, content_type = multipart(ct_file(), part_type="image/jpeg")

    assert web.send("POST", "/studies", body, content_type=content_type).status == 409


@pytest.mark.parametrize("content_type", ["application/json", "multipart/related; type=image/jpeg", ""])
def test_a_body_of_another_kind_is_refused(web: DicomWeb, content_type: str) -> None:
    answer = web.send("POST", "/studies", ct_file(), content_type=content_type)

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (415, "UnsupportedMediaTypeException")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/related; type=application/dicom", b"--b--"),
        ("multipart/related; type=application/dicom; boundary=b", b""),
        ("multipart/related; type=application/dicom; boundary=b", b"--other--"),
        ("multipart/related; type=application/dicom; boundary=b", b"--b--"),
        ("multipart/related; type=application/dicom; boundary=b", b"--b\r\n\r\nabc"),
        ("multipart/related; type=application/dicom; boundary=b", b"--b\r\nabc\r\n--b--"),
    ],
)
def test_a_body_that_is_cut_off_is_refused(web: DicomWeb, content_type: str, body: bytes) -> None:
    answer = web.send("POST", "/studies", body, content_type=content_type)

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_nothing_of_the_request_is_left_behind(aws: LocalAws, web: DicomWeb) -> None:
    store_parts(web, ct_file(), b"not DICOM")

    assert list((aws.state / "healthimaging").glob("*.upload")) == []


def test_more_than_a_gigabyte_is_too_large() -> None:
    labels = {"datastore": "a" * 32}
    request = Request(Scope(ACCOUNT, REGION), "", labels, {}, {}, bytes(LARGEST_BODY + 1))

    with pytest.raises(RequestTooLargeException, match="at most 1073741824"):
        parts_of(request)
