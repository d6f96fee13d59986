"""The pixels of a source file, and of a frame that HealthImaging hands out."""

import warnings
from typing import Any

import imagecodecs
import numpy as np
import openjpeg
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from pydicom.uid import JPEG2000Lossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless

Array = NDArray[Any]

# pydicom has no decoder of its own for these; of JPEG and JPEG-LS, imagecodecs is the only one installed.
DECODERS = {
    JPEG2000Lossless: openjpeg.decode,
    JPEGLossless: imagecodecs.jpeg8_decode,
    JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
}


def number_of_frames(source: Dataset) -> int:
    return int(source.get("NumberOfFrames") or 1)


def frame_array(source: Dataset, index: int) -> Array:
    """A frame of the source as an array, in the colour space of the file."""
    decode = DECODERS.get(source.file_meta.TransferSyntaxUID)
    if decode is not None:
        return np.asarray(decode(frame_bytes(source, index)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(pixel_array(source, index=index, raw=True))


def frame_bytes(source: Dataset, index: int) -> bytes:
    """A frame of the source as it lies in the file."""
    if source.file_meta.TransferSyntaxUID.is_encapsulated:
        return get_frame(source.PixelData, index, number_of_frames=number_of_frames(source))
    size = source.Rows * source.Columns * source.SamplesPerPixel * source.BitsAllocated // 8
    return bytes(source.PixelData[index * size : (index + 1) * size])


def decoded(frame: bytes) -> Array:
    """An HTJ2K frame, decoded by OpenJPEG, which has no part in its encoding."""
    return np.asarray(openjpeg.decode(frame))
