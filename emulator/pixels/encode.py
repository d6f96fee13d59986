"""Pixels in the lossless formats that a data store may have."""

from collections.abc import Callable
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

Array = NDArray[Any]

# DICOM PS3.5 10.18: the lowest resolution of HTJ2K RPCL is no larger than this.
BASE_RESOLUTION = 64


class Untranscodable(ValueError):  # noqa: N818
    """Pixels that the lossless format cannot hold."""


class LosslessFormat(NamedTuple):
    transfer_syntax_uid: str
    encode: Callable[[Array, bool], bytes]
    decode: Callable[[bytes], Array]


def encode_verified(pixels: Array, *, is_rgb: bool, lossless_format: LosslessFormat) -> bytes:
    """Encode one frame. Raises Untranscodable when it does not decode to the same pixels."""
    try:
        encoded = lossless_format.encode(pixels, is_rgb)
        decoded = lossless_format.decode(encoded)
    except Exception as error:
        # The codecs raise of every kind.
        raise Untranscodable(f"the encoder failed: {type(error).__name__}") from None
    if decoded.dtype != pixels.dtype or not np.array_equal(decoded, pixels):
        raise Untranscodable("the encoded frame does not decode to the same pixels")
    return encoded


def _htj2k(pixels: Array, is_rgb: bool) -> bytes:
    return bytes(
        imagecodecs.htj2k_encode(
            pixels,
            planar=False,
            rgb=is_rgb,
            resolutions=_decompositions(pixels),
            tlm=True,
            tilepart=1,
            reversible=True,
        )
    )


def _decompositions(pixels: Array) -> int:
    # The encoder takes 0 for "as many as usual", so small frames have one.
    size = int(max(pixels.shape[:2]))
    return max(1, (-(-size // BASE_RESOLUTION) - 1).bit_length())


def _jpeg_2000(pixels: Array, is_rgb: bool) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            pixels, level=0, codecformat="J2K", planar=False, reversible=True, mct=is_rgb, numthreads=1
        )
    )


LOSSLESS_FORMATS = {
    "HTJ2K": LosslessFormat(
        uid.HTJ2KLosslessRPCL, _htj2k, lambda encoded: imagecodecs.htj2k_decode(encoded, planar=False)
    ),
    "JPEG_2000_LOSSLESS": LosslessFormat(
        uid.JPEG2000Lossless, _jpeg_2000, lambda encoded: imagecodecs.jpeg2k_decode(encoded, planar=False)
    ),
}
