"""Data sets with the pixels of an array, native and in every lossless encoding, and what becomes of them."""

import struct
import warnings
from collections.abc import Iterator
from typing import Any

import imagecodecs
from numpy.typing import NDArray
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate, generate_frames
from sample_files import make_dataset, to_bytes

from emulator.p10.reading import read_instance
from emulator.pixels.frames import StoredPixels, stored_pixels

Array = NDArray[Any]


def encoded_frames(dataset: Dataset) -> Iterator[bytes]:
    return generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1))


def markers(codestream: bytes) -> dict[int, bytes]:
    """Give the segments of the main header of a JPEG 2000 codestream."""
    segments = {}
    position = 2
    while (marker := struct.unpack_from(">H", codestream, position)[0]) != 0xFF90:
        (length,) = struct.unpack_from(">H", codestream, position + 2)
        segments[marker] = codestream[position + 4 : position + 2 + length]
        position += 2 + length
    return segments


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
