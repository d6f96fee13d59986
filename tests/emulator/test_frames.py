"""Pixels into frames: whatever their layout and encoding, what is stored decodes to the same."""

import struct
from zlib import crc32

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from image_datasets import (
    LOSSLESS_ENCODERS,
    Array,
    encapsulated_dataset,
    image_dataset,
    markers,
    stored_from_file,
)
from openjpeg.utils import decode as decode_by_openjpeg
from pydicom import uid
from pydicom.pixels import convert_color_space
from sample_files import make_dataset

from emulator.pixels.frames import Frame, image_frames_metadata, stored_pixels


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


def test_lossy_htj2k_keeps_its_bytes() -> None:
    image = np.zeros((8, 8), "u1")
    encoded = imagecodecs.htj2k_encode(image, reversible=False)

    (frame,) = stored_from_file(encapsulated_dataset(image, [encoded], uid.HTJ2K)).frames

    assert frame.data == encoded + b"\0" * (len(encoded) % 2)


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


def test_metadata_of_a_frame_tells_its_size_and_one_checksum() -> None:
    frame = Frame(data=b"12345", width=640, height=480, checksum=989529591, minimum=-5, maximum=2025)

    assert image_frames_metadata("586e9e248987bf6aa761ff5b9d790473", frame) == {
        "ID": "586e9e248987bf6aa761ff5b9d790473",
        "PixelDataChecksumFromBaseToFullResolution": [{"Width": 640, "Height": 480, "Checksum": 989529591}],
        "MinPixelValue": -5,
        "MaxPixelValue": 2025,
        "FrameSizeInBytes": 5,
    }
