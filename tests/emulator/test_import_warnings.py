"""Files that are imported with a warning, from the manifest to what can be retrieved of them."""

import numpy as np
import pytest
from ct_files import ct_file
from dicomweb_requests import DicomWeb, instance_path
from image_datasets import encapsulated_dataset
from local_aws import LocalAws, Store, only_series
from pydicom import uid
from pydicom.encaps import encapsulate
from sample_files import parse, to_bytes
from test_updates import settled
from test_wado import LARGE, with_large_element

EXPLICIT_VR = "1.2.840.10008.1.2.1"
AS_STORED = "application/dicom; transfer-syntax=*"


def short_of_pixels(**elements: object) -> bytes:
    """A file whose pixels are fewer than its Rows and Columns ask for."""
    dataset = parse(ct_file(**elements))
    dataset.PixelData = dataset.PixelData[:-100]
    return to_bytes(dataset)


def without_its_second_frame() -> bytes:
    """A compressed file with fewer frames than it says."""
    dataset = encapsulated_dataset(np.zeros((4, 4), "u1"), [b"\xff\xd8\xff\xd9"], uid.JPEGBaseline8Bit)
    dataset.NumberOfFrames = 2
    return to_bytes(dataset)


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Store:
    return Store(aws)


def test_a_file_with_broken_pixels_is_imported_with_a_line_in_warning(store: Store) -> None:
    job = store.import_files({"1.dcm": short_of_pixels(SOPInstanceUID="1.1"), "2.dcm": ct_file()}, "a/")

    (line,) = store.lines(job, "WARNING/warning.ndjson")
    (warning,) = line["importResponse"]["warnings"]
    assert job["jobStatus"] == "COMPLETED"
    assert line["inputFile"] == "a/1.dcm"
    assert (warning["warning_reason_code"], warning["type"]) == (45328, "FRAMES_EXTRACTION_FAILURE")
    summary = store.summary(job)
    assert (summary["numberOfImportedFiles"], summary["numberOfFilesWithCustomerError"]) == (2, 0)
    succeeded = [each["inputFile"] for each in store.lines(job, "SUCCESS/success.ndjson")]
    assert succeeded == ["a/1.dcm", "a/2.dcm"]


def test_pixels_without_frames_are_had_with_the_whole_instance(store: Store) -> None:
    data = short_of_pixels(SOPInstanceUID="2.1", SeriesInstanceUID="1.2.3.2")
    store.import_files({"1.dcm": data}, "b/")
    web, path = DicomWeb(store), instance_path(parse(data))

    answer = web.get(path)

    assert parse(answer.body).PixelData == parse(data).PixelData
    assert web.get(f"{path}/frames/1").status == 404
    pixel_data = web.get(f"{path}/metadata").json[0]["7FE00010"]
    assert web.get(pixel_data["BulkDataURI"]).body == parse(data).PixelData


def test_compressed_pixels_without_frames_are_had_as_they_are_stored(store: Store) -> None:
    data = without_its_second_frame()
    store.import_files({"1.dcm": data}, "c/")
    web, path = DicomWeb(store), instance_path(parse(data))

    answer = web.get(path, accept=AS_STORED)

    assert parse(answer.body).file_meta.TransferSyntaxUID == uid.JPEGBaseline8Bit
    assert parse(answer.body).PixelData == parse(data).PixelData == encapsulate([b"\xff\xd8\xff\xd9"])
    assert web.get(path).status == 406


def test_a_warning_is_searched_for_by_its_reason(store: Store) -> None:
    data = short_of_pixels(SOPInstanceUID="4.1", SeriesInstanceUID="1.2.3.4.4", StudyInstanceUID="1.2.4")
    store.import_files(
        {"1.dcm": data, "2.dcm": ct_file(SeriesInstanceUID="1.2.3.4.4", StudyInstanceUID="1.2.4")}, "d/"
    )

    (found,) = DicomWeb(store).get("/studies/1.2.4/instances?WarningReason=45328").json

    assert found["00080018"]["Value"] == ["4.1"]
    assert found["00081196"] == {"vr": "US", "Value": [45328]}


def test_values_that_break_their_representation_are_named_and_not_told(store: Store) -> None:
    job = store.import_files(
        {"1.dcm": ct_file(SOPInstanceUID="1.2.3..4", SeriesInstanceUID="1.2.3.6", StudyID="S" * 17)}, "e/"
    )

    (line,) = store.lines(job, "WARNING/warning.ndjson")
    warnings = line["importResponse"]["warnings"]
    assert [each["type"] for each in warnings] == ["INVALID_UID_FORMAT", "INVALID_DICOM_VALUE_LENGTH"]
    assert warnings[0]["message"].endswith(": MediaStorageSOPInstanceUID, SOPInstanceUID")
    assert warnings[1]["message"].endswith(": StudyID")


def test_large_private_values_are_kept_apart_from_the_metadata_of_every_copy(store: Store) -> None:
    dataset = parse(with_large_element())
    dataset.SeriesInstanceUID = "1.2.3.7"
    job = store.import_files({"1.dcm": to_bytes(dataset)}, "f/")
    image_set = store.lines(job, "SUCCESS/success.ndjson")[0]["importResponse"]["imageSetId"]
    copied = store.imaging.copy_image_set(
        datastoreId=store.id,
        sourceImageSetId=image_set,
        copyImageSetInformation={"sourceImageSet": {"latestVersionId": "1"}},
    )["destinationImageSetProperties"]["imageSetId"]

    for each in (image_set, copied):
        settled(store, each)
        (instance,) = only_series(store.metadata(each))["Instances"].values()
        assert list(instance["DICOM"]["00091001"]) == ["BulkDataURI"]
        path = f"{instance_path(dataset)}?imageSetId={each}"
        assert parse(DicomWeb(store).get(path).body)[0x00091001].value == LARGE
