import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from openjpeg.utils import decode as decode_by_openjpeg
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.pixels import convert_color_space, pixel_array
from sample_files import make_dataset, name_of, parse, pixel_files, sample_dataset, to_bytes

from emulator.p10.reading import InvalidDicom, read_instance
from emulator.pixels.frames import Frame, StoredPixels, image_frames_metadata, stored_pixels

Array = NDArray[Any]

KEPT = {uid.JPEGBaseline8Bit, uid.JPEG2000}
REFUSED = {
    "MR_truncated.dcm": "DICOM attribute PixelData is shorter than its Rows, Columns and NumberOfFrames",
    "badVR.dcm": "DICOM attribute NumberOfFrames is not a whole number from 1 to 2147483647",
}
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


def encoded_frames(dataset: Dataset) -> Iterator[bytes]:
    return generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1))


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
    if path.name not in REFUSED
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


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_whose_pixels_cannot_be_told_is_refused(name: str) -> None:
    with pytest.raises(InvalidDicom) as refusal:
        stored_pixels(sample_dataset(name))

    assert str(refusal.value) == REFUSED[name]


def markers(codestream: bytes) -> dict[int, bytes]:
    """Give the segments of the main header of a JPEG 2000 codestream."""
    segments = {}
    position = 2
    while (marker := struct.unpack_from(">H", codestream, position)[0]) != 0xFF90:
        (length,) = struct.unpack_from(">H", codestream, position + 2)
        segments[marker] = codestream[position + 4 : position + 2 + length]
        position += 2 + length
    return segments


@pytest.mark.parametrize(
    ("size", "decompositions"), [(1, 1), (64, 1), (65, 1), (128, 1), (129, 2), (512, 3), (1024, 4)]
)
def test_htj2k_has_rpcl_order_tile_part_lengths_and_a_base_of_64(size: int, decompositions: int) -> None:
    dataset = image_dataset(np.zeros((size, 3), "u2"))

    (frame,) = stored_pixels(dataset).frames

    header = markers(frame.data)
    siz, cod, cap, tlm = header[0xFF51], header[0xFF52], header[0xFF50], header[0xFF55]
    assert siz[:2] == b"\x40\x00"
    assert cap[:4] == b"\x00\x02\x00\x00"
    assert cod[1] == 2, "RPCL"
    assert cod[5] == decompositions
    assert -(-size // 2**decompositions) <= 64
    assert cod[9] == 1, "reversible 5/3"
    lengths = [struct.unpack_from(">L", tlm, 2 + 6 * part + 2)[0] for part in range((len(tlm) - 2) // 6)]
    first_tile_part = frame.data.index(b"\xff\x90")
    assert first_tile_part + sum(lengths) + 2 == len(frame.data)
    assert len(lengths) == decompositions + 1


def image_dataset(
    image: Array, transfer_syntax_uid: str = uid.ExplicitVRLittleEndian, frames: int = 1
) -> Dataset:
    """Make a data set of one image, or of `frames` along its first axis."""
    shape = image.shape[1:] if frames > 1 else image.shape
    dataset = make_dataset(
        transfer_syntax_uid,
        Rows=shape[0],
        Columns=shape[1],
        SamplesPerPixel=shape[2] if len(shape) > 2 else 1,
        PhotometricInterpretation="RGB" if len(shape) > 2 else "MONOCHROME2",
        BitsAllocated=image.dtype.itemsize * 8,
        BitsStored=image.dtype.itemsize * 8,
        HighBit=image.dtype.itemsize * 8 - 1,
        PixelRepresentation=int(image.dtype.kind == "i"),
    )
    if len(shape) > 2:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.PixelData = image.tobytes() + b"\0" * (image.nbytes % 2)
    dataset["PixelData"].VR = "OB" if image.dtype.itemsize == 1 else "OW"
    return dataset


def encapsulated_dataset(image: Array, frames: list[bytes], transfer_syntax_uid: str) -> Dataset:
    dataset = image_dataset(image, transfer_syntax_uid)
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def stored_from_file(dataset: Dataset, **options: Any) -> StoredPixels:
    """Store what a reader of the written file would see."""
    return stored_pixels(read_instance(to_bytes(dataset)).dataset, **options)


IMAGES = st.tuples(
    st.sampled_from(["u1", "i1", "<u2", "<i2", "<u4", "<i4"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([(), (3,)]),
).flatmap(lambda layout: arrays.arrays(layout[0], (layout[1], layout[2], *layout[3])))


@settings(max_examples=150, deadline=None)
@given(IMAGES)
def test_any_image_is_stored_losslessly(image: Array) -> None:
    (frame,) = stored_from_file(image_dataset(image)).frames

    decoded = imagecodecs.htj2k_decode(frame.data, planar=False)
    assert decoded.dtype == image.dtype
    np.testing.assert_array_equal(decoded.reshape(image.shape), image)
    assert frame.checksum == crc32(image.tobytes())


@settings(max_examples=50, deadline=None)
@given(
    IMAGES,
    st.sampled_from(
        [uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
    ),
)
def test_frames_do_not_depend_on_the_native_transfer_syntax(image: Array, transfer_syntax_uid: str) -> None:
    dataset = image_dataset(image, transfer_syntax_uid)
    if transfer_syntax_uid == uid.ExplicitVRBigEndian:
        swapped = image.byteswap().tobytes()
        dataset.PixelData = swapped + b"\0" * (len(swapped) % 2)

    assert stored_from_file(dataset).frames == stored_from_file(image_dataset(image)).frames


def test_big_endian_words_of_8_bit_pixels_are_put_in_order() -> None:
    image = np.arange(6, dtype="u1").reshape(2, 3)
    dataset = image_dataset(image, uid.ExplicitVRBigEndian)
    dataset.PixelData = image.reshape(3, 2)[:, ::-1].tobytes()
    dataset["PixelData"].VR = "OW"

    assert stored_from_file(dataset).frames == stored_from_file(image_dataset(image)).frames


@settings(max_examples=30, deadline=None)
@given(arrays.arrays("u1", (5, 7, 3)))
def test_planes_are_interleaved(image: Array) -> None:
    dataset = image_dataset(image)
    dataset.PlanarConfiguration = 1
    dataset.PixelData = image.transpose(2, 0, 1).tobytes() + b"\0"

    assert stored_from_file(dataset).frames == stored_from_file(image_dataset(image)).frames


def encode_rle(image: Array) -> bytes:
    dataset = image_dataset(image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    return next(generate_frames(dataset.PixelData, number_of_frames=1))


def encode_jpeg(image: Array, predictor: int) -> bytes:
    bits = image.dtype.itemsize * 8
    return bytes(imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=bits))


LOSSLESS_ENCODERS = {
    "RLE": (uid.RLELossless, encode_rle),
    "JPEG Lossless": (uid.JPEGLosslessSV1, lambda image: encode_jpeg(image, predictor=1)),
    "JPEG Lossless, another predictor": (uid.JPEGLossless, lambda image: encode_jpeg(image, predictor=6)),
    "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (
        uid.JPEG2000Lossless,
        lambda image: imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat="J2K"),
    ),
    "HTJ2K": (uid.HTJ2KLossless, lambda image: imagecodecs.htj2k_encode(image, reversible=True)),
    "HTJ2K RPCL": (
        uid.HTJ2KLosslessRPCL,
        lambda image: imagecodecs.htj2k_encode(image, reversible=True, tlm=True),
    ),
}


@pytest.mark.parametrize("codec", LOSSLESS_ENCODERS)
@pytest.mark.parametrize("dtype", ["u1", "<u2"])
@pytest.mark.parametrize("samples", [(), (3,)])
def test_frames_do_not_depend_on_the_lossless_source(
    codec: str, dtype: str, samples: tuple[int, ...]
) -> None:
    transfer_syntax_uid, encode = LOSSLESS_ENCODERS[codec]
    random = np.random.default_rng(7)
    images = random.integers(0, 256 ** np.dtype(dtype).itemsize, (3, 40, 24, *samples), dtype)

    source = encapsulated_dataset(images[0], [encode(image) for image in images], transfer_syntax_uid)

    assert stored_from_file(source).frames == stored_from_file(image_dataset(images, frames=3)).frames


def test_jpeg_colours_are_not_converted() -> None:
    # What libjpeg would take for YCbCr, for want of an Adobe marker.
    image = np.random.default_rng(7).integers(0, 256, (16, 16, 3), "u1")
    encoded = imagecodecs.jpeg8_encode(image, lossless=True)
    adobe = encoded.index(b"\xff\xee")
    (length,) = struct.unpack_from(">H", encoded, adobe + 2)
    without_adobe = encoded[:adobe] + encoded[adobe + 2 + length :]

    (frame,) = stored_from_file(encapsulated_dataset(image, [without_adobe], uid.JPEGLosslessSV1)).frames

    assert frame.checksum == crc32(image.tobytes())


@pytest.mark.parametrize("codec", ["JPEG Lossless", "JPEG-LS", "JPEG 2000"])
def test_a_codestream_without_a_sign_takes_it_from_the_pixel_representation(codec: str) -> None:
    transfer_syntax_uid, encode = LOSSLESS_ENCODERS[codec]
    image = np.random.default_rng(7).integers(-(2**15), 2**15, (16, 16), "<i2")

    (frame,) = stored_from_file(
        encapsulated_dataset(image, [encode(image.view("u2"))], transfer_syntax_uid)
    ).frames

    assert (frame.minimum, frame.maximum) == (image.min(), image.max())
    assert frame.checksum == crc32(image.tobytes())


def test_a_narrow_codestream_with_the_wrong_sign_is_sign_extended() -> None:
    dataset = sample_dataset("J2K_pixelrep_mismatch.dcm")

    (frame,) = stored_pixels(dataset).frames

    # 13 bits, unsigned in the codestream and signed in the data set.
    assert (frame.minimum, frame.maximum) == (-2000, 1896)


@pytest.mark.parametrize("lossless_format", ["HTJ2K", "JPEG_2000_LOSSLESS"])
@pytest.mark.parametrize(("photometric", "transform"), [("RGB", 1), ("YBR_FULL", 0)])
def test_only_rgb_has_the_colour_transform(lossless_format: str, photometric: str, transform: int) -> None:
    dataset = image_dataset(np.zeros((4, 4, 3), "u1"))
    dataset.PhotometricInterpretation = photometric

    (frame,) = stored_from_file(dataset, lossless_format=lossless_format).frames

    assert markers(frame.data)[0xFF52][4] == transform


def test_lossy_jpeg_colours_are_not_converted() -> None:
    image = np.random.default_rng(7).integers(0, 256, (8, 8, 3), "u1").repeat(4, 0).repeat(4, 1)
    encoded = imagecodecs.jpeg8_encode(image, level=95, subsampling="444")

    (frame,) = stored_from_file(encapsulated_dataset(image, [encoded], uid.JPEGExtended12Bit)).frames

    converted = convert_color_space(decode_by_openjpeg(frame.data), "YBR_FULL", "RGB").astype(int)
    assert np.abs(converted - imagecodecs.jpeg8_decode(encoded)).max() <= 2


def test_a_codestream_narrower_than_bits_stored_is_sign_extended_from_its_own_width() -> None:
    image = np.array([[0x0801, 0x07FF]], "u2")
    encoded = imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat="J2K", bitspersample=12)
    dataset = encapsulated_dataset(image.view("i2"), [encoded], uid.JPEG2000Lossless)
    assert (dataset.BitsStored, dataset.PixelRepresentation) == (16, 1)

    (frame,) = stored_from_file(dataset).frames

    assert (frame.minimum, frame.maximum) == (-0x07FF, 0x07FF)


@pytest.mark.parametrize(("signed", "value"), [(0, 0x0801), (1, -0x07FF)])
def test_unused_bits_are_not_part_of_a_pixel(signed: int, value: int) -> None:
    dataset = image_dataset(np.array([[0xF801]], "u2"))
    dataset.PixelRepresentation = signed
    dataset.BitsStored = 12
    dataset.HighBit = 11

    (frame,) = stored_from_file(dataset).frames

    assert (frame.minimum, frame.maximum) == (value, value)


def test_chroma_is_repeated_for_both_pixels_of_a_pair() -> None:
    dataset = image_dataset(np.zeros((1, 4, 3), "u1"))
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData = bytes([1, 2, 9, 8, 3, 4, 7, 6])

    (frame,) = stored_from_file(dataset).frames

    decoded = decode_by_openjpeg(frame.data).tolist()
    assert decoded == [[[1, 9, 8], [2, 9, 8], [3, 7, 6], [4, 7, 6]]]


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


def test_lossy_htj2k_keeps_its_bytes() -> None:
    image = np.zeros((8, 8), "u1")
    encoded = imagecodecs.htj2k_encode(image, reversible=False)

    (frame,) = stored_from_file(encapsulated_dataset(image, [encoded], uid.HTJ2K)).frames

    assert frame.data == encoded + b"\0" * (len(encoded) % 2)


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


@settings(max_examples=50, deadline=None)
@given(arrays.arrays("bool", st.tuples(st.integers(2, 5), st.integers(1, 9), st.integers(1, 9))))
def test_a_segment_that_begins_inside_a_byte_is_moved_to_its_begin(bits: Array) -> None:
    dataset = image_dataset(bits.astype("u1"), frames=len(bits))
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)

    frames = stored_from_file(dataset).frames

    for frame, expected in zip(frames, bits, strict=True):
        unpacked = np.unpackbits(np.frombuffer(frame.data, "u1"), bitorder="little")[: expected.size]
        np.testing.assert_array_equal(unpacked.reshape(expected.shape), expected)


def test_a_data_set_without_pixels_has_no_frames() -> None:
    pixels = stored_from_file(make_dataset())

    assert (pixels.frames, pixels.warnings) == ([], [])


def test_an_unsupported_transfer_syntax_is_kept_as_one_blob_with_a_warning() -> None:
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
def test_pixels_that_no_lossless_format_holds_are_kept_as_one_blob_with_a_warning(keyword: str) -> None:
    dataset = image_dataset(np.zeros((2, 2), "u4"))
    del dataset.PixelData
    setattr(dataset, keyword, b"\1" * 32)

    pixels = stored_from_file(dataset)

    assert pixels.transfer_syntax_uid == uid.ExplicitVRLittleEndian
    assert pixels.frames[0].data == b"\1" * 32
    assert [warning.type for warning in pixels.warnings] == ["TRANSCODING_EXCEPTION"]


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


# Offset tables and fragments

FRAMES = [b"\xff\xd8" + bytes([number]) * 5 + b"\xff\xd9\0" for number in range(1, 4)]


def lossy_dataset(pixel_data: bytes, frames: int = 3) -> Dataset:
    dataset = image_dataset(np.zeros((4, 4), "u1"), uid.JPEGBaseline8Bit)
    dataset.NumberOfFrames = frames
    dataset.PixelData = pixel_data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def items(*values: bytes) -> bytes:
    return b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value for value in values)


def halves(frame: bytes) -> tuple[bytes, bytes]:
    return frame[:4], frame[4:]


def stored_data(dataset: Dataset) -> list[bytes]:
    return [frame.data for frame in stored_from_file(dataset).frames]


@pytest.mark.parametrize("has_table", [True, False])
def test_one_fragment_a_frame_is_read_with_or_without_a_table(has_table: bool) -> None:
    assert stored_data(lossy_dataset(encapsulate(FRAMES, has_bot=has_table))) == FRAMES


def test_the_basic_offset_table_tells_which_fragments_make_a_frame() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]
    starts = [0, 8 + 4 + 8 + 6, 2 * (8 + 4 + 8 + 6)]

    assert stored_data(lossy_dataset(items(struct.pack("<3L", *starts), *fragments))) == FRAMES


def test_without_a_table_the_end_of_image_tells_which_fragments_make_a_frame() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]

    assert stored_data(lossy_dataset(items(b"", *fragments))) == FRAMES


def test_all_fragments_make_the_only_frame() -> None:
    assert stored_data(lossy_dataset(items(b"", *halves(FRAMES[0])), frames=1)) == [FRAMES[0]]


def test_the_extended_offset_table_tells_the_length_of_each_frame_too() -> None:
    without_padding = [frame.rstrip(b"\0") for frame in FRAMES]
    pixel_data, offsets, _ = encapsulate_extended(FRAMES)
    dataset = lossy_dataset(pixel_data)
    dataset.ExtendedOffsetTable = offsets
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *map(len, without_padding))

    assert stored_data(dataset) == without_padding


@pytest.mark.parametrize("table", [(0, 1, 2), (8, 18, 36), (0, 18), (0, 36, 18)])
def test_a_wrong_offset_table_is_a_warning_where_the_fragments_tell_enough(table: tuple[int, ...]) -> None:
    pixels = stored_from_file(lossy_dataset(items(struct.pack(f"<{len(table)}L", *table), *FRAMES)))

    assert [frame.data for frame in pixels.frames] == FRAMES
    assert [(warning.code, warning.type) for warning in pixels.warnings] == [(45330, "INVALID_OFFSET_TABLE")]


def test_an_offset_table_that_leaves_out_the_first_fragment_is_a_warning() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]

    pixels = stored_from_file(lossy_dataset(items(struct.pack("<3L", 12, 26, 52), *fragments)))

    assert [frame.data for frame in pixels.frames] == FRAMES
    assert [warning.type for warning in pixels.warnings] == ["INVALID_OFFSET_TABLE"]


@pytest.mark.parametrize("frames", [2, 4])
def test_another_number_of_frames_than_told_is_refused(frames: int) -> None:
    message = "DICOM attribute NumberOfFrames is not the number of frames in PixelData"
    with pytest.raises(InvalidDicom, match=message):
        stored_from_file(lossy_dataset(encapsulate(FRAMES, has_bot=False), frames))

    native = image_dataset(np.zeros((3, 4, 4), "u2"), frames=3)
    native.NumberOfFrames = frames
    with pytest.raises(InvalidDicom, match=f"{message}|PixelData is shorter"):
        stored_from_file(native)


@pytest.mark.parametrize(
    "name", ["MR_small_jp2klossless.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "MR_small_RLE.dcm"]
)
@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_a_frame_of_another_size_than_told_is_refused(name: str, keyword: str) -> None:
    dataset = sample_dataset(name)
    dataset[keyword].value += 1

    with pytest.raises(InvalidDicom, match=r"^DICOM attribute"):
        stored_pixels(dataset)


def test_a_codestream_deeper_than_told_is_refused() -> None:
    dataset = sample_dataset("MR_small_jp2klossless.dcm")
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7

    with pytest.raises(InvalidDicom, match="BitsAllocated is less than the bits of PixelData"):
        stored_pixels(dataset)


@pytest.mark.parametrize(
    ("keyword", "value", "rule"),
    [
        ("Rows", 0, "is not a whole number from 1 to 65535"),
        ("BitsAllocated", 12, "is not 1 or 8 or 16 or 32 or 64"),
        ("SamplesPerPixel", 4, "is not 1 or 3"),
        ("NumberOfFrames", 0, "is not a whole number from 1 to 2147483647"),
    ],
)
def test_an_impossible_layout_is_refused(keyword: str, value: int, rule: str) -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    setattr(dataset, keyword, value)

    with pytest.raises(InvalidDicom) as refusal:
        stored_pixels(dataset)
    assert str(refusal.value) == f"DICOM attribute {keyword} {rule}"


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_pixels_without_a_layout_are_refused(keyword: str) -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    delattr(dataset, keyword)

    with pytest.raises(InvalidDicom, match=f"^DICOM attribute {keyword} does not exist"):
        stored_pixels(dataset)


def test_native_pixels_under_a_compressed_transfer_syntax_are_refused() -> None:
    dataset = image_dataset(np.zeros((4, 4), "u1"))
    dataset.file_meta.TransferSyntaxUID = uid.JPEG2000Lossless

    with pytest.raises(InvalidDicom, match="is not encoded as its transfer syntax says"):
        stored_pixels(dataset)


def test_an_htj2k_frame_that_the_decoder_gives_up_on_is_refused() -> None:
    # imagecodecs raises nothing for some of these: it prints the error and hands out half an image.
    image = np.random.default_rng(7).integers(0, 4096, (128, 128), "u2")
    encoded = bytes(imagecodecs.htj2k_encode(image, reversible=True, tlm=True))
    damaged = (
        encoded[:start] + b"\0\0\0\0" + encoded[start + 4 :] for start in range(200, len(encoded) - 8, 97)
    )

    results = [outcome(encapsulated_dataset(image, [each], uid.HTJ2KLosslessRPCL)) for each in damaged]

    refusals = [str(result) for result in results if isinstance(result, InvalidDicom)]
    assert "DICOM attribute PixelData cannot be decoded (ValueError)" in refusals


def test_a_frame_that_breaks_off_is_refused() -> None:
    image = np.random.default_rng(7).integers(0, 4096, (128, 128), "u2")
    encoded = bytes(imagecodecs.htj2k_encode(image, reversible=True, tlm=True))

    for length in range(200, len(encoded) - 2, 1500):
        with pytest.raises(InvalidDicom, match="PixelData"):
            stored_from_file(encapsulated_dataset(image, [encoded[:length]], uid.HTJ2KLosslessRPCL))


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


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(DAMAGEABLE),
    st.lists(st.tuples(st.integers(0, 2**31), st.binary(min_size=1, max_size=4)), max_size=6),
    st.integers(0, 2**31),
)
def test_damaged_pixels_are_stored_or_refused(name: str, changes: list[tuple[int, bytes]], cut: int) -> None:
    dataset = sample_dataset(name)
    data = bytearray(dataset.PixelData)
    for position, replacement in changes:
        start = position % len(data)
        data[start : start + len(replacement)] = replacement
    dataset.PixelData = bytes(data[: len(data) if cut % 2 else cut % len(data)])

    result = outcome(dataset)

    assert isinstance(result, StoredPixels | InvalidDicom)


def outcome(dataset: Dataset) -> StoredPixels | InvalidDicom:
    try:
        return stored_pixels(dataset)
    except InvalidDicom as refusal:
        return refusal


def test_metadata_of_a_frame_tells_its_size_and_one_checksum() -> None:
    frame = Frame(data=b"12345", width=640, height=480, checksum=989529591, minimum=-5, maximum=2025)

    assert image_frames_metadata("586e9e248987bf6aa761ff5b9d790473", frame) == {
        "ID": "586e9e248987bf6aa761ff5b9d790473",
        "PixelDataChecksumFromBaseToFullResolution": [{"Width": 640, "Height": 480, "Checksum": 989529591}],
        "MinPixelValue": -5,
        "MaxPixelValue": 2025,
        "FrameSizeInBytes": 5,
    }
