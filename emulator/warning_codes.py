"""The warnings that an instance may be imported with, of those that AWS's page of warning codes lists.

The others of that page (COERCION_OF_DATA_ELEMENTS, ELEMENTS_DISCARDED, SOP_CLASS_DATA_MISMATCH, OTHER)
never arise here: nothing is changed or left out, and SOP classes are not judged.
"""

from typing import NamedTuple


class WarningCode(NamedTuple):
    """Tell them apart by `type`: AWS prints codes whose decimals are not their hexadecimals."""

    code: int
    type: str
    message: str


TRANSCODING_EXCEPTION = WarningCode(
    45312,
    "TRANSCODING_EXCEPTION",
    "PixelData cannot be transcoded to the lossless format of the data store and is stored as it is",
)
FRAMES_EXTRACTION_FAILURE = WarningCode(
    45328,
    "FRAMES_EXTRACTION_FAILURE",
    "PixelData cannot be cut into frames as its DICOM attributes say: get it with the whole instance",
)
FRAME_NUMBER_MISMATCH = WarningCode(
    45329,
    "FRAME_NUMBER_MISMATCH",
    "NumberOfFrames is not the number of frames in PixelData: get it with the whole instance",
)
INVALID_OFFSET_TABLE = WarningCode(
    45330, "INVALID_OFFSET_TABLE", "The offset table does not point at the fragments of PixelData"
)
UNSUPPORTED_TRANSFER_SYNTAX = WarningCode(
    45344,
    "UNSUPPORTED_TRANSFER_SYNTAX",
    "The transfer syntax is not supported, and PixelData is stored as it is",
)
INVALID_UID_FORMAT = WarningCode(45570, "INVALID_UID_FORMAT", "A UID is not of the form that DICOM gives it")
INVALID_DICOM_VALUE_LENGTH = WarningCode(
    45571, "INVALID_DICOM_VALUE_LENGTH", "A value is longer than its value representation allows"
)
