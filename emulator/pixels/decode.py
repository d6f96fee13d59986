"""A frame of any lossless transfer syntax as an array: rows, columns and, of colour, samples."""

import signal
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from rle.rle import decode_segment

from emulator.p10.parsing import InvalidDicom
from emulator.pixels.codestream import Header, check_whole, read_header
from emulator.pixels.layout import Layout

Array = NDArray[Any]
Decoder = Callable[[bytes, Header], Array]

# JPEG 2000, the slowest, decodes some ten million pixels in this time.
SECONDS = 5
PIXELS_A_SECOND = 1_000_000


def native_frame(frame: memoryview, layout: Layout, *, is_little_endian: bool) -> Array:
    """Read a frame that is not compressed. `frame` must have the length that `layout` asks for."""
    dtype = layout.dtype if is_little_endian else layout.dtype.newbyteorder(">")
    pixels = np.frombuffer(frame, dtype).astype(layout.dtype, copy=False)
    if layout.is_subsampled:
        return _upsampled(pixels, layout)
    if layout.samples > 1 and layout.is_planar:
        planes = pixels.reshape(layout.samples, layout.rows, layout.columns)
        return _without(layout.unused_bits, np.ascontiguousarray(planes.transpose(1, 2, 0)))
    return _without(layout.unused_bits, pixels.reshape(layout.shape))


def _upsampled(pixels: Array, layout: Layout) -> Array:
    pairs = pixels.reshape(layout.rows, layout.columns // 2, 4)
    image = np.empty(layout.shape, layout.dtype)
    image[:, 0::2, 0] = pairs[:, :, 0]
    image[:, 1::2, 0] = pairs[:, :, 1]
    image[:, :, 1:] = np.repeat(pairs[:, :, 2:], 2, axis=1)
    return image


def compressed_frame(frame: bytes, layout: Layout, transfer_syntax_uid: str) -> Array:
    """Decode a compressed frame, after its header was found to agree with `layout`."""
    if transfer_syntax_uid == uid.RLELossless:
        return _run_lengths(frame, layout)
    header = read_header(frame)
    _check_header(header, layout)
    check_whole(frame)
    try:
        with _nothing_unraised(), _in_time(header):
            pixels = DECODERS[transfer_syntax_uid](frame, header)
    except Exception as error:
        # The codecs raise of every kind.
        raise _undecodable(error) from None
    if pixels.shape != layout.shape:
        raise InvalidDicom("DICOM attribute PixelData decodes to another size than its header says")
    return _as_represented(pixels, header, layout)


def _run_lengths(frame: bytes, layout: Layout) -> Array:
    pixels = layout.rows * layout.columns
    try:
        # Segment by segment: the library's decode_frame panics on one that is too long.
        planes = [decode_segment(segment)[:pixels] for segment in _segments(frame)]
        by_byte = np.frombuffer(b"".join(planes), "u1").reshape(layout.samples, layout.dtype.itemsize, pixels)
    except (struct.error, ValueError) as error:
        raise _undecodable(error) from None
    # A sample's most significant byte comes first.
    little_endian = np.ascontiguousarray(by_byte[:, ::-1].transpose(2, 0, 1))
    return _without(layout.unused_bits, little_endian.view(layout.dtype).reshape(layout.shape))


def _segments(frame: bytes) -> Iterator[bytes]:
    count, *offsets = struct.unpack_from("<16L", frame)
    for begin, end in pairwise([*offsets[:count], len(frame)]):
        if not begin < end <= len(frame):
            raise ValueError("the segments overlap or are empty")
        yield frame[begin:end]


@contextmanager
def _nothing_unraised() -> Iterator[None]:
    """Raise what imagecodecs only prints: on some errors of OpenJPH it hands out half an image."""
    unraised: list[str] = []
    hook = sys.unraisablehook
    sys.unraisablehook = lambda error: unraised.append(str(error.exc_type))
    try:
        yield
    finally:
        sys.unraisablehook = hook
    if unraised:
        raise ValueError(unraised[0])


@contextmanager
def _in_time(header: Header) -> Iterator[None]:
    """End the process when a decoder takes no end: none can be interrupted otherwise.

    Its own time counts, and not that of the clock, so that a busy machine ends nothing.
    """
    signal.setitimer(signal.ITIMER_PROF, SECONDS + header.rows * header.columns / PIXELS_A_SECOND)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _undecodable(error: Exception) -> InvalidDicom:
    return InvalidDicom(f"DICOM attribute PixelData cannot be decoded ({type(error).__name__})")


def _check_header(header: Header, layout: Layout) -> None:
    if (header.rows, header.columns, header.samples) != (layout.rows, layout.columns, layout.samples):
        raise InvalidDicom("DICOM attributes Rows, Columns and SamplesPerPixel are not those of PixelData")
    if header.precision > layout.bits_allocated:
        raise InvalidDicom("DICOM attribute BitsAllocated is less than the bits of PixelData")


def _as_represented(pixels: Array, header: Header, layout: Layout) -> Array:
    # Of a codestream with the other sign, or with none, the bits above its precision say nothing.
    above = layout.bits_allocated - header.precision if header.is_signed != layout.is_signed else 0
    represented = np.ascontiguousarray(pixels.astype(layout.dtype, copy=False))
    return _without(max(layout.unused_bits, above), represented)


def _without(unused_bits: int, pixels: Array) -> Array:
    """Give the values of the other bits, sign-extended where the pixels are signed."""
    kind = np.iinfo(pixels.dtype)
    if kind.min >> unused_bits <= pixels.min() and pixels.max() <= kind.max >> unused_bits:
        return pixels
    return (pixels << unused_bits) >> unused_bits


def _jpeg(frame: bytes, header: Header) -> Array:
    # Naming one colour space for both sides keeps libjpeg from converting what it takes for YCbCr into RGB.
    colorspace = "GRAYSCALE" if header.samples == 1 else "YCBCR"
    return imagecodecs.jpeg8_decode(frame, colorspace=colorspace, outcolorspace=colorspace)


def _jpeg_ls(frame: bytes, _: Header) -> Array:
    return imagecodecs.jpegls_decode(frame)


def _jpeg_2000(frame: bytes, _: Header) -> Array:
    return imagecodecs.jpeg2k_decode(frame, planar=False, numthreads=1)


def _htj2k(frame: bytes, _: Header) -> Array:
    return imagecodecs.htj2k_decode(frame, planar=False)


DECODERS: dict[str, Decoder] = {
    uid.JPEGExtended12Bit: _jpeg,
    uid.JPEGLossless: _jpeg,
    uid.JPEGLosslessSV1: _jpeg,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.HTJ2KLossless: _htj2k,
    uid.HTJ2KLosslessRPCL: _htj2k,
}
DECODED = {*DECODERS, uid.RLELossless}
