"""WADO-RS over HTTP: instances, metadata, frames and bulk data of a data store."""

from base64 import b64decode

import imagecodecs
import numpy as np
import pytest
from ct_files import ct_file, pixels
from dicomweb_requests import OCTETS, DicomWeb, Response, instance_path
from local_aws import LocalAws, Store, only_series, wait_for
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import convert_color_space
from sample_files import parse, sample, sample_dataset, to_bytes

HTJ2K = "1.2.840.10008.1.2.4.202"
EXPLICIT_VR = "1.2.840.10008.1.2.1"
SERIES = "/studies/1.2.3/series/1.2.3.4"
INSTANCE = f"{SERIES}/instances/1.2.3.4.1"
COLOR, LOSSY = "SC_rgb_rle_2frame.dcm", "examples_ybr_color.dcm"
LARGE, SMALL = bytes(range(256)) * 8192, bytes(range(8))


def with_large_element() -> bytes:
    dataset = parse(ct_file(SOPInstanceUID="1.2.3.4.1"))
    dataset.add_new(0x00091001, "OB", LARGE)
    dataset.add_new(0x00091003, "OB", SMALL)
    item = Dataset()
    item.add_new(0x00091002, "UN", LARGE[::-1])
    dataset.add_new(0x00400555, "SQ", [item])
    return to_bytes(dataset)


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Store:
    """A series of two instances, and one that its patient sets apart from it."""
    found = Store(aws)
    found.import_files(
        {
            "1.dcm": with_large_element(),
            "2.dcm": ct_file(SOPInstanceUID="1.2.3.4.2", InstanceNumber=2),
            "3.dcm": ct_file(SOPInstanceUID="1.2.3.4.3", PatientID="P2"),
        }
    )
    found.import_files({name: sample(name) for name in (COLOR, LOSSY)}, "color/")
    return found


@pytest.fixture(scope="module")
def web(store: Store) -> DicomWeb:
    return DicomWeb(store)


def code_of(response: Response) -> tuple[int, str]:
    return response.status, response.headers["x-amzn-errortype"]


def resource(name: str) -> tuple[str, Dataset]:
    """The path of a sample file's instance, and the file."""
    dataset = sample_dataset(name)
    return instance_path(dataset), dataset


@pytest.mark.parametrize(
    "accept", ["*/*", "application/dicom", f"application/dicom; transfer-syntax={EXPLICIT_VR}"]
)
def test_an_instance_is_a_p10_file_in_explicit_vr(web: DicomWeb, accept: str) -> None:
    answer = web.get(INSTANCE, accept=accept)

    assert (answer.status, answer.content_type) == (200, "application/dicom")
    dataset = parse(answer.body)
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT_VR
    assert np.array_equal(dataset.pixel_array, pixels(1))
    assert dataset[0x00091001].value == LARGE


@pytest.mark.parametrize("asked", ["*", HTJ2K])
def test_an_instance_is_had_as_it_is_stored(web: DicomWeb, asked: str) -> None:
    answer = web.get(INSTANCE, accept=f"application/dicom; transfer-syntax={asked}")

    assert parse(answer.body).file_meta.TransferSyntaxUID == HTJ2K


def test_an_instance_is_the_one_part_of_a_multipart_answer(web: DicomWeb) -> None:
    answer = web.get(INSTANCE, accept='multipart/related; type="application/dicom"')
    ((content_type, body),) = answer.parts()

    assert content_type == f"application/dicom; transfer-syntax={EXPLICIT_VR}"
    assert parse(body).SOPInstanceUID == "1.2.3.4.1"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (INSTANCE, "image/jpeg"),
        (INSTANCE, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"),
        (f"{INSTANCE}/metadata", "application/xml"),
        (f"{INSTANCE}/frames/1", 'multipart/related; type="image/jpeg"'),
        (f"{INSTANCE}/frames/1", f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.4.90"),
        (f"{INSTANCE}/frames/1", f'multipart/related; type="image/jphc"; transfer-syntax={EXPLICIT_VR}'),
        (f"{INSTANCE}/frames/1", "application/octet-stream;q=0"),
    ],
)
def test_what_cannot_be_handed_out_is_not_acceptable(web: DicomWeb, path: str, accept: str) -> None:
    assert code_of(web.get(path, accept=accept)) == (406, "NotAcceptableException")


def test_the_dearest_of_what_is_accepted_is_handed_out(web: DicomWeb) -> None:
    accept = f'image/jpeg, multipart/related; type="image/jphc"; q=0.9, {OCTETS}; q=0.5'

    ((content_type, _),) = web.get(f"{INSTANCE}/frames/1", accept=accept).parts()
    assert content_type == f"image/jphc; transfer-syntax={HTJ2K}"


def test_metadata_of_an_instance_is_dicom_json(web: DicomWeb) -> None:
    answer = web.get(f"{INSTANCE}/metadata", accept="application/dicom+json")
    (found,) = answer.json

    assert answer.content_type == "application/dicom+json"
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Test^One"}]}
    assert found["00280010"] == {"vr": "US", "Value": [16]}
    assert found["00200011"] == {"vr": "IS", "Value": [1]}
    assert found["00083002"] == found["00020010"] == {"vr": "UI", "Value": [HTJ2K]}


def test_metadata_reads_back_as_the_elements_of_the_file(store: Store, web: DicomWeb) -> None:
    path, before = resource(LOSSY)
    (found,) = web.get(f"{path}/metadata").json
    after = Dataset.from_json(found)

    for element in before:
        if element.VR not in ("SQ", "OB", "OW", "UN", "CS") and element.tag.element:
            assert after[element.tag].value == element.value


def test_metadata_of_a_series_is_that_of_its_instances(web: DicomWeb) -> None:
    found = web.get(f"{SERIES}/metadata").json

    assert [each["00080018"]["Value"] for each in found] == [["1.2.3.4.1"], ["1.2.3.4.2"]]
    assert found[:1] == web.get(f"{INSTANCE}/metadata").json


def test_large_binary_elements_are_fetched_by_themselves(web: DicomWeb) -> None:
    (found,) = web.get(f"{INSTANCE}/metadata").json
    nested = found["00400555"]["Value"][0]

    assert web.get(found["00091001"]["BulkDataURI"]).body == LARGE
    answer = web.get(nested["00091002"]["BulkDataURI"], accept=OCTETS)
    assert answer.parts() == [("application/octet-stream", LARGE[::-1])]


def test_small_binary_elements_stand_in_the_metadata(web: DicomWeb) -> None:
    (found,) = web.get(f"{INSTANCE}/metadata").json

    assert found["00091003"]["vr"] == "OB"
    assert b64decode(found["00091003"]["InlineBinary"]) == SMALL


def test_bulk_data_of_no_element_does_not_exist(web: DicomWeb) -> None:
    assert code_of(web.get(f"{INSTANCE}/bulkdata/{'0' * 32}")) == (404, "ResourceNotFoundException")


def test_frames_are_decoded_unless_asked_for_otherwise(web: DicomWeb) -> None:
    ((content_type, body),) = web.get(f"{INSTANCE}/frames/1", accept=OCTETS).parts()

    assert content_type == f"application/octet-stream; transfer-syntax={EXPLICIT_VR}"
    assert body == pixels(1).tobytes()


def stored_frame(store: Store) -> bytes:
    (image_set,) = (each for each in store.search() if each["DICOMTags"].get("DICOMPatientId") == "P1")
    instance = only_series(store.metadata(image_set["imageSetId"]))["Instances"]["1.2.3.4.1"]
    return store.frame(image_set["imageSetId"], instance["ImageFrames"][0]["ID"])


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ('multipart/related; type="image/jphc"', "image/jphc"),
        (f"multipart/related; type=image/jphc; transfer-syntax={HTJ2K}", "image/jphc"),
        (f"{OCTETS}; transfer-syntax=*", "application/octet-stream"),
        (f'{OCTETS}; transfer-syntax="{HTJ2K}"', "application/octet-stream"),
    ],
)
def test_frames_are_had_as_they_are_stored(store: Store, web: DicomWeb, accept: str, kind: str) -> None:
    answer = web.get(f"{INSTANCE}/frames/1", accept=accept)

    assert answer.parts() == [(f"{kind}; transfer-syntax={HTJ2K}", stored_frame(store))]


def test_a_single_frame_may_go_without_multipart(store: Store, web: DicomWeb) -> None:
    answer = web.get(f"{INSTANCE}/frames/1", accept="image/jphc")

    assert (answer.content_type, answer.body) == ("image/jphc", stored_frame(store))


def test_listed_frames_come_in_the_order_of_the_list(web: DicomWeb) -> None:
    path, before = resource(COLOR)
    first, second = before.pixel_array

    parts = web.get(f"{path}/frames/2,1", accept=OCTETS).parts()
    assert [body for _, body in parts] == [second.tobytes(), first.tobytes()]


def test_lossy_frames_are_decoded_too(web: DicomWeb) -> None:
    path, before = resource(LOSSY)
    _, second, *_ = generate_frames(before.PixelData, number_of_frames=int(before.NumberOfFrames))
    expected = imagecodecs.jpeg8_decode(second, outcolorspace="RGB")

    ((_, body),) = web.get(f"{path}/frames/2", accept=OCTETS).parts()
    decoded = np.frombuffer(body, "u1").reshape(expected.shape)
    assert np.abs(convert_color_space(decoded, "YBR_FULL", "RGB").astype(int) - expected).mean() < 1


def test_frames_of_a_jpeg_2000_store_are_decoded_too(aws: LocalAws) -> None:
    store = Store(aws, losslessStorageFormat="JPEG_2000_LOSSLESS")
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.2.3.4.1")})
    web = DicomWeb(store)

    ((_, decoded),) = web.get(f"{INSTANCE}/frames/1", accept=OCTETS).parts()
    assert decoded == pixels(1).tobytes()
    stored = web.get(INSTANCE, accept="application/dicom; transfer-syntax=*").body
    assert parse(stored).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.90"


def test_several_frames_go_as_multipart_only(web: DicomWeb) -> None:
    path, _ = resource(LOSSY)

    assert code_of(web.get(f"{path}/frames/1,2", accept="image/jpeg")) == (406, "NotAcceptableException")


@pytest.mark.parametrize("listed", ["0", "1,1", "a", "1,,2", "-1", "%C2%B2", "9" * 5000], ids=range(7))
def test_a_list_of_frames_that_is_none_is_refused(web: DicomWeb, listed: str) -> None:
    assert code_of(web.get(f"{INSTANCE}/frames/{listed}")) == (400, "ValidationException")


@pytest.mark.parametrize(
    "path",
    [
        f"{INSTANCE}/frames/2",
        f"{SERIES}/instances/1.2.3.4.9",
        "/studies/1.2.3/series/9.9/metadata",
        "/studies/9.9/series/1.2.3.4/metadata",
        f"{INSTANCE}?imageSetId={'0' * 32}",
    ],
)
def test_what_does_not_exist_is_404(web: DicomWeb, path: str) -> None:
    assert code_of(web.get(path)) == (404, "ResourceNotFoundException")


def test_an_instance_outside_the_primary_image_set_needs_its_image_set(store: Store, web: DicomWeb) -> None:
    path = f"{SERIES}/instances/1.2.3.4.3"
    (other,) = (each["imageSetId"] for each in store.search() if not each["isPrimary"])

    assert web.get(path).status == 404
    assert parse(web.get(f"{path}?imageSetId={other}").body).PatientID == "P2"
    assert len(web.get(f"{SERIES}/metadata?imageSetId={other}").json) == 1
    assert web.get(f"{INSTANCE}?imageSetId={other}").status == 404


def test_a_uid_in_the_path_that_is_none_is_refused(web: DicomWeb) -> None:
    assert code_of(web.get("/studies/1.2.3/series/a%20b/metadata")) == (400, "ValidationException")


@pytest.mark.parametrize("path", ["/studies/1.2.3", "/studies/1.2.3/series/1.2.3.4", "/studies/1/rendered"])
def test_a_resource_that_the_service_has_not_is_404(web: DicomWeb, path: str) -> None:
    assert code_of(web.get(path)) == (404, "UnknownOperationException")


def test_the_dicom_host_reaches_the_same_data(web: DicomWeb) -> None:
    answer = web.get(f"{INSTANCE}/metadata", host="dicom-medical-imaging.us-east-1.amazonaws.com")

    assert answer.status == 200
    (found,) = answer.json
    prefix = "https://dicom-medical-imaging.us-east-1.amazonaws.com/datastore/"
    assert found["00091001"]["BulkDataURI"].startswith(prefix)


def test_a_read_is_a_touch(store: Store, web: DicomWeb) -> None:
    (image_set_id,) = (
        each["imageSetId"] for each in store.search() if each["DICOMTags"].get("DICOMPatientId") == "P2"
    )

    def touched() -> float:
        found = store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id)
        at: float = found["lastAccessedAt"].timestamp()
        return at

    before = touched()
    wait_for(
        lambda: web.get(f"{SERIES}/metadata?imageSetId={image_set_id}") and touched() > before, seconds=5
    )
