"""The frames of the files that come with pydicom, held to what other decoders make of them."""

from pathlib import Path
from typing import Any
from zlib import crc32

import imagecodecs
import numpy as np
import pytest
from image_datasets import (
    Array,
    encoded_frames,
)
from openjpeg.utils import decode as decode_by_openjpeg
from pydicom import Dataset, uid
from pydicom.pixels import pixel_array
from sample_files import name_of, parse, pixel_files, sample_dataset

from emulator.pixels.frames import StoredPixels, stored_pixels

KEPT = {uid.JPEGBaseline8Bit, uid.JPEG2000}


BROKEN = {"MR_truncated.dcm", "badVR.dcm"}
# No decoder here but imagecodecs' reads them, so they are held to a file of the same image.
SAME_IMAGE = {
    "emri_small_jpeg_ls_lossless.dcm": ("emri_small.dcm", 0),
    "MR_small_jpeg_ls_lossless.dcm": ("MR_small.dcm", 0),
    "SC_rgb_jls_lossy_line.dcm": ("SC_rgb.dcm", 2),
    "SC_rgb_jls_lossy_sample.dcm": ("SC_rgb.dcm", 2),
    "JPEG-lossy.dcm": ("JPEG-LL.dcm", 40),
    "JPGExtended.dcm": ("JPEG-LL.dcm", 40),
}


# These have no such file: stripes, of five rows each, in the colours that the file was made of.
STRIPES = {
    "JPEGLSNearLossless_08.dcm": [255, 125, 65, 30, 15, 5, 5, 0, 0],
    "JPEGLSNearLossless_16.dcm": [65535, 32765, 16385, 4095, 1025, 255, 65, 15, 5, 0],
}


# OpenJPEG reads no more than 26 bits, so only the encoder's own library can decode these.
TOO_DEEP_FOR_OPENJPEG = 32


def decoded_by_others(dataset: Dataset, name: str) -> Array:
    """Decode all frames with a library that the emulator does not use for that transfer syntax."""
    transfer_syntax_uid = dataset.file_meta.TransferSyntaxUID
    if name in STRIPES:
        return np.repeat(STRIPES[name], 5)[:, np.newaxis] * np.ones(10, int)
    if transfer_syntax_uid in {uid.JPEGLossless, uid.JPEGLosslessSV1}:
        return stacked(imagecodecs.jpegsof3_decode(frame) for frame in encoded_frames(dataset))
    if transfer_syntax_uid == uid.JPEG2000Lossless:
        return signed_as_told(stacked(map(decode_by_openjpeg, encoded_frames(dataset))), dataset)
    return pixel_array(
        dataset, raw=True, decoding_plugin="pydicom" if transfer_syntax_uid == uid.RLELossless else ""
    )


def stacked(frames: Any) -> Array:
    every = list(frames)
    return every[0] if len(every) == 1 else np.stack(every)


def signed_as_told(pixels: Array, dataset: Dataset) -> Array:
    if dataset.PixelRepresentation == 0 or pixels.dtype.kind == "i":
        return pixels
    half = 1 << (dataset.BitsStored - 1)
    return np.where(pixels >= half, pixels.astype(int) - 2 * half, pixels)


def decode_stored(pixels: StoredPixels, dataset: Dataset) -> Array:
    if dataset.BitsAllocated >= TOO_DEEP_FOR_OPENJPEG:
        return stacked(imagecodecs.htj2k_decode(frame.data, planar=False) for frame in pixels.frames)
    return stacked(decode_by_openjpeg(frame.data) for frame in pixels.frames)


TRANSCODED = [
    path
    for path in pixel_files()
    if path.name not in BROKEN
    and parse(path.read_bytes()).file_meta.TransferSyntaxUID not in KEPT
    and parse(path.read_bytes()).BitsAllocated > 1
]


@pytest.mark.parametrize("path", TRANSCODED, ids=name_of)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_real_frame_is_stored_losslessly(path: Path) -> None:
    dataset = parse(path.read_bytes())

    pixels = stored_pixels(dataset)

    assert pixels.transfer_syntax_uid == uid.HTJ2KLosslessRPCL
    assert not pixels.warnings
    decoded = decode_stored(pixels, dataset)
    if path.name in SAME_IMAGE:
        other, most = SAME_IMAGE[path.name]
        expected = decoded_by_others(sample_dataset(other), other)
        assert np.abs(decoded.astype(int) - expected.astype(int)).max() <= most
        assert np.abs(decoded.astype(int) - expected.astype(int)).mean() < 3
    else:
        np.testing.assert_array_equal(decoded, decoded_by_others(dataset, path.name))
    assert_described(pixels, decoded, dataset)


def assert_described(pixels: StoredPixels, decoded: Array, dataset: Dataset) -> None:
    dtype = np.dtype(f"<{'ui'[dataset.PixelRepresentation]}{dataset.BitsAllocated // 8}")
    images = decoded if int(dataset.get("NumberOfFrames") or 1) > 1 else [decoded]
    for frame, image in zip(pixels.frames, images, strict=True):
        assert (frame.width, frame.height) == (dataset.Columns, dataset.Rows)
        assert frame.checksum == crc32(image.astype(dtype).tobytes())
        assert (frame.minimum, frame.maximum) == (image.min(), image.max())


JPEG_2000_FILES = [path for path in TRANSCODED if path.stat().st_size < 300_000]


@pytest.mark.parametrize("path", JPEG_2000_FILES, ids=name_of)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_jpeg_2000_data_store_holds_the_same_pixels(path: Path) -> None:
    dataset = parse(path.read_bytes())

    pixels = stored_pixels(dataset, "JPEG_2000_LOSSLESS")

    if pixels.warnings:
        assert dataset.BitsAllocated >= TOO_DEEP_FOR_OPENJPEG
        assert [warning.type for warning in pixels.warnings] == ["TRANSCODING_EXCEPTION"]
        return
    assert pixels.transfer_syntax_uid == uid.JPEG2000Lossless
    expected = stored_pixels(dataset).frames
    for frame, other in zip(pixels.frames, expected, strict=True):
        assert frame.checksum == other.checksum
        decoded = decode_by_openjpeg(frame.data)
        np.testing.assert_array_equal(decoded, imagecodecs.htj2k_decode(other.data, planar=False))


KEPT_FILES = [path for path in pixel_files() if parse(path.read_bytes()).file_meta.TransferSyntaxUID in KEPT]


@pytest.mark.parametrize("path", KEPT_FILES, ids=name_of)
def test_lossy_frames_keep_their_bytes(path: Path) -> None:
    dataset = parse(path.read_bytes())

    pixels = stored_pixels(dataset)

    assert pixels.transfer_syntax_uid == dataset.file_meta.TransferSyntaxUID
    expected = list(encoded_frames(dataset))
    assert [frame.data for frame in pixels.frames] == expected
    assert [frame.checksum for frame in pixels.frames] == [crc32(data) for data in expected]
    assert all((frame.width, frame.height) == (dataset.Columns, dataset.Rows) for frame in pixels.frames)
    assert all(frame.minimum is None and frame.maximum is None for frame in pixels.frames)


@pytest.mark.parametrize("name", ["liver.dcm", "liver_expb.dcm", "liver_1frame.dcm", "liver_expb_1frame.dcm"])
def test_a_binary_segmentation_keeps_its_bits(name: str) -> None:
    dataset = sample_dataset(name)
    size = dataset.Rows * dataset.Columns // 8
    original = sample_dataset(name.replace("_expb", "")).PixelData

    pixels = stored_pixels(dataset)

    assert pixels.transfer_syntax_uid == uid.ExplicitVRLittleEndian
    assert [frame.data for frame in pixels.frames] == [
        original[start : start + size] for start in range(0, len(original), size)
    ]
    assert all(frame.checksum == crc32(frame.data) and frame.minimum is None for frame in pixels.frames)


def test_a_narrow_codestream_with_the_wrong_sign_is_sign_extended() -> None:
    dataset = sample_dataset("J2K_pixelrep_mismatch.dcm")

    (frame,) = stored_pixels(dataset).frames

    # 13 bits, unsigned in the codestream and signed in the data set.
    assert (frame.minimum, frame.maximum) == (-2000, 1896)
