"""The sample studies in the deployed sandbox: every file has its fate, and every frame is the source's."""

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, HTJ2KLosslessRPCL, JPEGBaseline8Bit
from sandbox import Sandbox, Uploads
from source_pixels import decoded, frame_array, frame_bytes, number_of_frames

from cli.samples import Sample, samples

SAMPLES = list(samples())
GOOD = [sample for sample in SAMPLES if sample.reason is None]
BAD = [sample for sample in SAMPLES if sample.reason is not None]
WITH_PIXELS = [sample for sample in GOOD if "PixelData" in pydicom.dcmread(sample.source)]

pytestmark = pytest.mark.usefixtures("uploads")


def key_of(sample: Sample) -> str:
    return f"samples/{sample.key}"


def instance_in(imaging: Any, where: dict[str, str], source: pydicom.Dataset) -> Any:
    """What the metadata of an image set says of the source's instance."""
    blob = imaging.get_image_set_metadata(**where)["imageSetMetadataBlob"].read()
    series = json.loads(gzip.decompress(blob))["Study"]["Series"][source.SeriesInstanceUID]
    return series["Instances"][source.SOPInstanceUID]


@pytest.fixture
def fates(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.files("samples/")


def test_every_sample_has_a_fate(fates: dict[str, Any]) -> None:
    assert {key: one["status"] for key, one in fates.items()} == {
        key_of(sample): "FAILED" if sample.reason else "IMPORTED" for sample in SAMPLES
    }


@pytest.mark.parametrize("sample", BAD, ids=lambda sample: sample.key)
def test_a_bad_file_is_named_with_its_job_and_the_services_reason(sandbox: Sandbox, sample: Sample) -> None:
    failed = {one["key"]: one for one in sandbox.ahi("files", "--failed")["files"]}
    one = failed[key_of(sample)]
    assert sample.reason is not None
    assert sample.reason in one["reason"]
    found = sandbox.find()
    job = found.client("medical-imaging").get_dicom_import_job(
        datastoreId=found.outputs["DatastoreMainId"], jobId=one["job_id"]
    )
    assert job["jobProperties"]["jobStatus"] == "COMPLETED"


def test_a_good_file_beside_a_bad_one_is_imported(fates: dict[str, Any]) -> None:
    folder = [one["status"] for key, one in fates.items() if key.startswith("samples/ct-head/")]
    assert sorted(folder) == ["FAILED", *["IMPORTED"] * 4]


@pytest.mark.parametrize("sample", WITH_PIXELS, ids=lambda sample: sample.key)
def test_frames_are_the_sources(sandbox: Sandbox, fates: dict[str, Any], sample: Sample) -> None:
    found = sandbox.find()
    imaging = found.client("medical-imaging")
    where = {
        "datastoreId": found.outputs["DatastoreMainId"],
        "imageSetId": fates[key_of(sample)]["image_set_id"],
    }
    source = pydicom.dcmread(sample.source)
    instance = instance_in(imaging, where, source)
    stored_as = instance["StoredTransferSyntaxUID"]
    assert len(instance["ImageFrames"]) == number_of_frames(source)
    for index, frame in enumerate(instance["ImageFrames"]):
        answer = imaging.get_image_frame(**where, imageFrameInformation={"imageFrameId": frame["ID"]})
        got = answer["imageFrameBlob"].read()
        full = frame["PixelDataChecksumFromBaseToFullResolution"][-1]
        assert (full["Width"], full["Height"]) == (source.Columns, source.Rows)
        if stored_as == HTJ2KLosslessRPCL:
            pixels = decoded(got)
            assert np.array_equal(pixels, frame_array(source, index))
            assert full["Checksum"] == zlib.crc32(np.ascontiguousarray(pixels).tobytes())
            assert (frame["MinPixelValue"], frame["MaxPixelValue"]) == (pixels.min(), pixels.max())
        else:
            assert stored_as == source.file_meta.TransferSyntaxUID
            assert stored_as in {JPEGBaseline8Bit, JPEG2000, ExplicitVRLittleEndian}
            assert got == frame_bytes(source, index)
            assert full["Checksum"] == zlib.crc32(got)


def test_series_become_one_primary_image_set_each(sandbox: Sandbox, fates: dict[str, Any]) -> None:
    series: dict[str, set[str]] = {}
    for sample in GOOD:
        uid = pydicom.dcmread(sample.source).SeriesInstanceUID
        series.setdefault(uid, set()).add(fates[key_of(sample)]["image_set_id"])
    assert all(len(image_sets) == 1 for image_sets in series.values())
    found = sandbox.find()
    imaging = found.client("medical-imaging")
    for image_sets in series.values():
        answer = imaging.get_image_set(
            datastoreId=found.outputs["DatastoreMainId"], imageSetId=next(iter(image_sets))
        )
        assert answer["isPrimary"]


def test_status_agrees_with_the_files(sandbox: Sandbox, uploads: Uploads) -> None:
    studies = {one["folder"]: one for one in sandbox.ahi("status")["studies"]}
    for folder in uploads.samples.iterdir():
        one = studies[f"samples/{folder.name}/"]
        assert one["uploaded"] == one["imported"] + one["failed"] == len(list(folder.iterdir()))
        assert one["seconds"] > 0
