"""Pixel data that cannot be transcoded or cut into frames is stored as it is, with a warning."""

from zlib import crc32

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_datasets import encapsulated_dataset, image_dataset, stored_from_file
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate
from sample_files import sample, sample_dataset, to_bytes
from test_fragments import FRAMES, items, lossy_dataset

from emulator.p10.reading import read_instance
from emulator.pixels import frames as frames_module
from emulator.pixels.frames import Frame, StoredPixels, stored_pixels

TOO_FEW = "FRAMES_EXTRACTION_FAILURE"


def assert_blob(pixels: StoredPixels, data: bytes, reason: str) -> None:
    """One frame of all the bytes that were there, and the reason in the warning."""
    (frame,) = pixels.frames
    assert (frame.data, frame.checksum, frame.minimum, frame.maximum) == (data, crc32(data), None, None)
    assert [(each.code, each.type) for each in pixels.warnings] == [(45312, "TRANSCODING_EXCEPTION")]
    assert pixels.warnings[0].message.endswith(reason)


def assert_apart(pixels: StoredPixels, data: bytes, warning: str) -> None:
    """No frames, and the value of the file kept."""
    assert (pixels.frames, pixels.apart) == ([], data)
    assert [each.type for each in pixels.warnings] == [warning]


def test_a_real_file_that_ends_within_its_pixels_has_no_frames() -> None:
    dataset = read_instance(sample("MR_truncated.dcm")).dataset

    assert_apart(stored_pixels(dataset), dataset.get_item("PixelData").value, TOO_FEW)


def test_a_real_file_with_an_impossible_number_of_frames_is_kept_as_one_blob() -> None:
    dataset = sample_dataset("badVR.dcm")

    reason = "DICOM attribute NumberOfFrames is not a whole number from 1 to 2147483647"
    assert_blob(stored_pixels(dataset), dataset.PixelData, reason)


def test_frames_that_memory_does_not_hold_are_kept_as_one_blob(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(frames_module, "encode_verified", full)
    dataset = image_dataset(np.zeros((4, 4), "u2"))

    assert_blob(stored_pixels(dataset), dataset.PixelData, "more memory than a file may have")


@pytest.mark.parametrize("frames", [2, 4])
def test_another_number_of_frames_than_told_has_no_frames(frames: int) -> None:
    encapsulated = lossy_dataset(encapsulate(FRAMES, has_bot=False), frames)
    native = image_dataset(np.zeros((3, 4, 4), "u2"), frames=3)
    native.NumberOfFrames = frames

    assert_apart(stored_from_file(native), native.PixelData, TOO_FEW)
    found = stored_from_file(encapsulated)
    assert_apart(found, encapsulate(FRAMES, has_bot=False), "FRAME_NUMBER_MISMATCH")
    assert found.warnings[0].code == 45329


@pytest.mark.parametrize("value", [b"", items(b""), items(b"", *FRAMES)[:-3], b"no items at all."])
def test_fragments_that_are_no_whole_sequence_of_items_have_no_frames(value: bytes) -> None:
    pixels = stored_pixels(lossy_dataset(value))

    if not value:
        assert (pixels.frames, pixels.apart, pixels.warnings) == ([], None, [])
        return
    expected = "FRAME_NUMBER_MISMATCH" if value == items(b"") else TOO_FEW
    assert_apart(pixels, value, expected)


@pytest.mark.filterwarnings("ignore:End of file:UserWarning")
def test_a_file_that_ends_within_its_fragments_has_no_frames() -> None:
    whole = to_bytes(lossy_dataset(encapsulate(FRAMES)))

    instance = read_instance(whole[:-12])

    assert instance.search["DICOMStudyInstanceUID"] == instance.study_instance_uid
    pixels = stored_pixels(instance.dataset)
    assert pixels.apart
    assert whole.endswith(pixels.apart + whole[-12:])
    assert [each.type for each in pixels.warnings] == [TOO_FEW]


@pytest.mark.parametrize(
    "name", ["MR_small_jp2klossless.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "MR_small_RLE.dcm"]
)
@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_a_frame_of_another_size_than_told_is_kept_as_one_blob(name: str, keyword: str) -> None:
    dataset = sample_dataset(name)
    dataset[keyword].value += 1

    pixels = stored_pixels(dataset)

    assert [each.type for each in pixels.warnings] == ["TRANSCODING_EXCEPTION"]
    assert pixels.transfer_syntax_uid == dataset.file_meta.TransferSyntaxUID
    assert len(pixels.frames) == 1


def test_a_codestream_deeper_than_told_is_kept_as_one_blob() -> None:
    dataset = sample_dataset("MR_small_jp2klossless.dcm")
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7

    (warning,) = stored_pixels(dataset).warnings

    assert warning.message.endswith("BitsAllocated is less than the bits of PixelData")


@pytest.mark.parametrize(
    ("keyword", "value", "rule"),
    [
        ("Rows", 0, "is not a whole number from 1 to 65535"),
        ("BitsAllocated", 12, "is not 1 or 8 or 16 or 32 or 64"),
        ("SamplesPerPixel", 4, "is not 1 or 3"),
        ("NumberOfFrames", 0, "is not a whole number from 1 to 2147483647"),
    ],
)
def test_pixels_of_an_impossible_layout_are_kept_as_one_blob(keyword: str, value: int, rule: str) -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    setattr(dataset, keyword, value)

    assert_blob(stored_from_file(dataset), dataset.PixelData, f": DICOM attribute {keyword} {rule}")


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_pixels_without_a_layout_are_kept_as_one_blob(keyword: str) -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    delattr(dataset, keyword)

    assert_blob(stored_from_file(dataset), dataset.PixelData, f"DICOM attribute {keyword} does not exist")


def test_native_pixels_under_a_compressed_transfer_syntax_are_kept_as_one_blob() -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    dataset.file_meta.TransferSyntaxUID = uid.JPEG2000Lossless

    assert_blob(stored_pixels(dataset), dataset.PixelData, "is not encoded as its transfer syntax says")


def test_an_htj2k_frame_that_the_decoder_gives_up_on_is_kept_as_one_blob() -> None:
    # imagecodecs raises nothing for some of these: it prints the error and hands out half an image.
    image = np.random.default_rng(7).integers(0, 4096, (128, 128), "u2")
    encoded = bytes(imagecodecs.htj2k_encode(image, reversible=True, tlm=True))
    damaged = (
        encoded[:start] + b"\0\0\0\0" + encoded[start + 4 :] for start in range(200, len(encoded) - 8, 97)
    )

    results = [stored_pixels(encapsulated_dataset(image, [each], uid.HTJ2KLosslessRPCL)) for each in damaged]

    messages = [each.message for result in results for each in result.warnings]
    assert any(each.endswith("PixelData cannot be decoded (ValueError)") for each in messages)


def test_a_frame_that_breaks_off_is_kept_as_one_blob() -> None:
    image = np.random.default_rng(7).integers(0, 4096, (128, 128), "u2")
    encoded = bytes(imagecodecs.htj2k_encode(image, reversible=True, tlm=True))

    for length in range(200, len(encoded) - 2, 1500):
        pixels = stored_from_file(encapsulated_dataset(image, [encoded[:length]], uid.HTJ2KLosslessRPCL))
        assert [each.type for each in pixels.warnings] == ["TRANSCODING_EXCEPTION"]
        assert pixels.frames[0].data.rstrip(b"\0") == encoded[:length].rstrip(b"\0")


def test_a_video_is_kept_as_one_blob_with_a_warning() -> None:
    dataset = encapsulated_dataset(np.zeros((4, 6), "u1"), [b"fragment", b"another!"], uid.MPEG2MPML)

    pixels = stored_from_file(dataset)

    assert pixels.transfer_syntax_uid == uid.MPEG2MPML
    (frame,) = pixels.frames
    assert frame == Frame(
        data=b"fragmentanother!",
        width=6,
        height=4,
        checksum=crc32(b"fragmentanother!"),
        minimum=None,
        maximum=None,
    )
    assert [(warning.code, warning.type) for warning in pixels.warnings] == [
        (45344, "UNSUPPORTED_TRANSFER_SYNTAX")
    ]


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels_are_kept_as_one_blob(keyword: str) -> None:
    dataset = image_dataset(np.zeros((2, 2), "u4"))
    del dataset.PixelData
    setattr(dataset, keyword, b"\1" * 32)

    assert_blob(stored_from_file(dataset), b"\1" * 32, "the pixels are floating point numbers")


def test_no_decoder_sees_pixels_that_are_not_to_be_transcoded() -> None:
    image = np.zeros((4, 4), "u1")
    dataset = encapsulated_dataset(image, [b"no codestream"], uid.HTJ2KLosslessRPCL)

    (frame,) = stored_from_file(dataset, transcode=False).frames

    assert frame.data == b"no codestream\0"


# CharLS can take seconds to refuse a damaged JPEG-LS frame of a few kB, so none is among these.
DAMAGEABLE = [
    "MR_small_jp2klossless.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "rtdose_rle_1frame.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
]


def damaged(name: str, changes: list[tuple[int, bytes]], cut: int) -> Dataset:
    dataset = sample_dataset(name)
    data = bytearray(dataset.PixelData)
    for position, replacement in changes:
        start = position % len(data)
        data[start : start + len(replacement)] = replacement
    dataset.PixelData = bytes(data[: len(data) if cut % 2 else cut % len(data)])
    return dataset


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(DAMAGEABLE),
    st.lists(st.tuples(st.integers(0, 2**31), st.binary(min_size=1, max_size=4)), max_size=6),
    st.integers(0, 2**31),
)
def test_damaged_pixels_have_frames_or_a_warning(
    name: str, changes: list[tuple[int, bytes]], cut: int
) -> None:
    dataset = damaged(name, changes, cut)

    pixels = stored_pixels(dataset)

    assert pixels.frames or pixels.warnings or not dataset.PixelData
