"""What the header of a compressed frame says, read before a decoder is trusted with the rest."""

from struct import error as StructError  # noqa: N812
from struct import unpack_from
from typing import NamedTuple

from emulator.p10.parsing import InvalidDicom

JPEG_2000 = b"\xff\x4f\xff\x51"
# Start of frame: C4, C8 and CC are other markers; F7 is JPEG-LS's.
START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
START_OF_SCAN = 0xDA
START_OF_TILE_PART = b"\xff\x90"
END_OF_IMAGE = b"\xff\xd9"


class Header(NamedTuple):
    """`is_signed` is always false for JPEG and JPEG-LS, which cannot say."""

    columns: int
    rows: int
    samples: int
    precision: int
    is_signed: bool


def read_header(frame: bytes) -> Header:
    """Read the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame."""
    try:
        return _jpeg(frame) if frame[:2] == b"\xff\xd8" else _jpeg_2000(frame)
    except (StructError, IndexError):
        raise InvalidDicom("DICOM attribute PixelData has a frame that ends inside its header") from None


def check_whole(frame: bytes) -> None:
    """Refuse a frame that breaks off: decoders make up the rest and say nothing."""
    is_jpeg = frame[:2] == b"\xff\xd8"
    if not (END_OF_IMAGE in frame if is_jpeg else _has_all_tile_parts(frame)):
        raise InvalidDicom("DICOM attribute PixelData has a frame that breaks off")


def _has_all_tile_parts(frame: bytes) -> bool:
    position = frame.find(JPEG_2000) + 2
    try:
        while frame[position : position + 2] != START_OF_TILE_PART:
            position += 2 + int(unpack_from(">H", frame, position + 2)[0])
        while frame[position : position + 2] == START_OF_TILE_PART:
            # The last part may leave its length open.
            length = int(unpack_from(">L", frame, position + 6)[0])
            position = position + length if length else len(frame)
    except StructError:
        return False
    return position <= len(frame)


def _jpeg_2000(frame: bytes) -> Header:
    # A codestream may stand inside a JP2 file, which DICOM forbids and writers do.
    start = frame.find(JPEG_2000)
    if start < 0:
        raise InvalidDicom("DICOM attribute PixelData has a frame that is not of its transfer syntax")
    right, bottom, left, top = unpack_from(">4L", frame, start + 8)
    samples, depth = unpack_from(">HB", frame, start + 40)
    return Header(right - left, bottom - top, samples, (depth & 0x7F) + 1, bool(depth & 0x80))


def _jpeg(frame: bytes) -> Header:
    position = 2
    while True:
        if frame[position] != 0xFF:
            raise InvalidDicom("DICOM attribute PixelData has a frame that is not of its transfer syntax")
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in WITHOUT_LENGTH:
            position += 2
        elif marker in START_OF_FRAME:
            precision, rows, columns, samples = unpack_from(">BHHB", frame, position + 4)
            return Header(columns, rows, samples, precision, False)
        elif marker == START_OF_SCAN:
            raise InvalidDicom("DICOM attribute PixelData has a frame without a header")
        else:
            position += 2 + unpack_from(">H", frame, position + 2)[0]
