"""Files of every transfer syntax of DICOM: how a data store keeps them, and the pixels that it answers."""

from typing import Any

import covered
import imagecodecs
import numpy as np
import pytest
from image_datasets import LOSSLESS_ENCODERS, Array, encapsulated_dataset, image_dataset
from local_aws import LocalAws, Store, only_series
from pydicom import Dataset, uid
from sample_files import to_bytes

IMAGE = np.arange(64 * 48, dtype="<u2").reshape(64, 48)
IMAGE_8_BIT = (IMAGE // 16).astype("u1")
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
LOSSY = {
    uid.JPEGExtended12Bit: (
        imagecodecs.jpeg8_encode(IMAGE // 4, level=95, bitspersample=12),
        imagecodecs.jpeg8_decode,
    ),
    uid.JPEGLSNearLossless: (imagecodecs.jpegls_encode(IMAGE, level=3), imagecodecs.jpegls_decode),
}
KEPT = {
    uid.JPEGBaseline8Bit: imagecodecs.jpeg8_encode(IMAGE_8_BIT, level=95),
    uid.JPEG2000: imagecodecs.jpeg2k_encode(IMAGE, level=40, codecformat="J2K"),
    uid.HTJ2K: imagecodecs.htj2k_encode(IMAGE, level=0.01, reversible=False),
}
# No pixels stand in a file of these: they name a server, or a stream.
REFERENCES = {each for each in uid.AllTransferSyntaxes if each.name.startswith(("JPIP", "SMPTE"))}


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Store:
    return Store(aws)


def answered(store: Store, dataset: Dataset, folder: str) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    """The instance's metadata once it is imported, its first frame, and the job."""
    job = store.import_files({"1.dcm": to_bytes(dataset)}, f"{folder}/")
    equal = {"operator": "EQUAL", "values": [{"DICOMStudyInstanceUID": dataset.StudyInstanceUID}]}
    (found,) = store.search(equal)
    (instance,) = only_series(store.metadata(found["imageSetId"]))["Instances"].values()
    frame = store.frame(found["imageSetId"], instance["ImageFrames"][0]["ID"])
    return instance, frame, job


def assert_htj2k_of(image: Array, instance: dict[str, Any], frame: bytes) -> None:
    assert instance["StoredTransferSyntaxUID"] == uid.HTJ2KLosslessRPCL
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(frame), image)


@pytest.mark.parametrize("syntax", NATIVE)
def test_native_pixels_are_stored_as_htj2k(syntax: str, store: Store) -> None:
    dataset = image_dataset(IMAGE, syntax)
    if syntax == uid.ExplicitVRBigEndian:
        dataset.PixelData = IMAGE.byteswap().tobytes()
    instance, frame, _ = answered(store, dataset, syntax)

    assert_htj2k_of(IMAGE, instance, frame)
    covered.saw(f"syntax {syntax}")


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS_ENCODERS.values(), ids=LOSSLESS_ENCODERS)
def test_pixels_without_loss_are_stored_as_htj2k(syntax: str, encode: Any, store: Store) -> None:
    dataset = encapsulated_dataset(IMAGE, [bytes(encode(IMAGE))], syntax)
    instance, frame, _ = answered(store, dataset, syntax)

    assert_htj2k_of(IMAGE, instance, frame)
    covered.saw(f"syntax {syntax}")


@pytest.mark.parametrize("syntax", LOSSY)
def test_what_a_lossy_codec_decodes_is_stored_as_htj2k(syntax: str, store: Store) -> None:
    encoded, decode = LOSSY[syntax]
    dataset = encapsulated_dataset(IMAGE, [encoded], syntax)
    if syntax == uid.JPEGExtended12Bit:
        dataset.BitsStored, dataset.HighBit = 12, 11
    instance, frame, _ = answered(store, dataset, syntax)

    assert_htj2k_of(decode(encoded), instance, frame)
    covered.saw(f"syntax {syntax}")


@pytest.mark.parametrize("syntax", KEPT)
def test_a_frame_that_has_lost_already_is_kept_as_it_is(syntax: str, store: Store) -> None:
    image = IMAGE_8_BIT if syntax == uid.JPEGBaseline8Bit else IMAGE
    instance, frame, _ = answered(store, encapsulated_dataset(image, [KEPT[syntax]], syntax), syntax)

    assert instance["StoredTransferSyntaxUID"] == syntax
    assert frame[: len(KEPT[syntax])] == KEPT[syntax]
    covered.saw(f"syntax {syntax}")


DECODED = {*NATIVE, *LOSSY, *KEPT, *(syntax for syntax, _ in LOSSLESS_ENCODERS.values())}
BLOBS = [syntax for syntax in uid.AllTransferSyntaxes if syntax not in DECODED | REFERENCES]


@pytest.mark.parametrize("syntax", BLOBS)
def test_video_and_what_else_is_not_decoded_is_kept_as_one_blob(syntax: str, store: Store) -> None:
    dataset = encapsulated_dataset(IMAGE, [b"as it was made"], syntax)
    instance, blob, job = answered(store, dataset, syntax)

    assert instance["StoredTransferSyntaxUID"] == syntax
    assert b"as it was made" in blob
    (line,) = store.lines(job, "WARNING/warning.ndjson")
    (warning,) = line["importResponse"]["warnings"]
    assert warning["type"] == "UNSUPPORTED_TRANSFER_SYNTAX"
    covered.saw(f"syntax {syntax}")
