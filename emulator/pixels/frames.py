"""The pixel data of a DICOM data set as HealthImaging's image frames."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from struct import unpack
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, uid
from pydicom.dataelem import DataElement, RawDataElement

from emulator.p10.parsing import UNDEFINED_LENGTH, InvalidDicom
from emulator.pixels import bits
from emulator.pixels.decode import DECODED, compressed_frame, native_frame
from emulator.pixels.encapsulated import Unextractable, fragments, split_frames
from emulator.pixels.encode import LOSSLESS_FORMATS, LosslessFormat, Untranscodable, encode_verified
from emulator.pixels.layout import NATIVE, Layout, number_of, read_layout
from emulator.warning_codes import (
    FRAMES_EXTRACTION_FAILURE,
    INVALID_OFFSET_TABLE,
    TRANSCODING_EXCEPTION,
    UNSUPPORTED_TRANSFER_SYNTAX,
    WarningCode,
)

Array = NDArray[Any]

FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010
EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
# Stored as they came: lossy, so another encoding could only add to their size.
KEPT = {uid.JPEGBaseline8Bit, uid.JPEG2000, uid.HTJ2K}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One image frame. `checksum` is of the decoded pixels, or of `data` where that is the original."""

    data: bytes
    width: int
    height: int
    checksum: int
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True, kw_only=True)
class StoredPixels:
    """Frames, or `apart`: pixel data that has none, as the file holds it."""

    transfer_syntax_uid: str
    frames: list[Frame] = field(default_factory=list)
    warnings: list[WarningCode] = field(default_factory=list)
    apart: bytes | None = None


class Source(NamedTuple):
    """The pixel data as the file holds it."""

    transfer_syntax_uid: str
    value: bytes
    is_encapsulated: bool
    is_float: bool
    is_little_endian: bool
    is_words: bool


def stored_pixels(
    dataset: Dataset, lossless_format: str = "HTJ2K", *, transcode: bool = True
) -> StoredPixels:
    """Transcode, verify and checksum every frame. `lossless_format` is the data store's.

    What cannot be transcoded or cut into frames is stored as it is, with a warning. A data set
    without pixels has no frames.
    """
    source = _source(dataset)
    if source is None:
        return StoredPixels(transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID))
    try:
        if not transcode:
            return _blob(dataset, source, TRANSCODING_EXCEPTION)
        return _in_frames(dataset, source, LOSSLESS_FORMATS[lossless_format])
    except Unextractable as error:
        return StoredPixels(
            transfer_syntax_uid=_stored_syntax(source), warnings=[error.warning], apart=source.value
        )


def _in_frames(dataset: Dataset, source: Source, target: LosslessFormat) -> StoredPixels:
    if source.transfer_syntax_uid not in NATIVE | KEPT | DECODED:
        return _blob(dataset, source, UNSUPPORTED_TRANSFER_SYNTAX)
    try:
        return _transcoded_source(dataset, source, target)
    except (Untranscodable, InvalidDicom) as error:
        return _untranscoded(dataset, source, str(error))
    except MemoryError:
        return _untranscoded(dataset, source, "the frames need more memory than a file may have")


def _untranscoded(dataset: Dataset, source: Source, reason: str) -> StoredPixels:
    message = f"{TRANSCODING_EXCEPTION.message}: {reason}"
    return _blob(dataset, source, TRANSCODING_EXCEPTION._replace(message=message))


def _transcoded_source(dataset: Dataset, source: Source, target: LosslessFormat) -> StoredPixels:
    if source.is_float:
        raise Untranscodable("the pixels are floating point numbers")
    if source.is_encapsulated == (source.transfer_syntax_uid in NATIVE):
        raise Untranscodable("PixelData is not encoded as its transfer syntax says")
    layout = read_layout(dataset)
    if source.is_encapsulated:
        return _from_encapsulated(dataset, source, layout, target)
    return _from_native(source, layout, target)


def image_frames_metadata(frame_id: str, frame: Frame) -> dict[str, Any]:
    """The entry of `ImageFrames` in image set metadata."""
    full_resolution = {"Width": frame.width, "Height": frame.height, "Checksum": frame.checksum}
    return {
        "ID": frame_id,
        "PixelDataChecksumFromBaseToFullResolution": [full_resolution],
        "MinPixelValue": frame.minimum,
        "MaxPixelValue": frame.maximum,
        "FrameSizeInBytes": len(frame.data),
    }


def _source(dataset: Dataset) -> Source | None:
    transfer_syntax_uid = str(dataset.file_meta.TransferSyntaxUID)
    for tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA):
        element = dataset.get_item(tag)
        if element is None or not isinstance(element.value, bytes) or not element.value:
            continue
        return Source(
            transfer_syntax_uid=transfer_syntax_uid,
            value=element.value,
            is_encapsulated=_is_encapsulated(element),
            is_float=tag != PIXEL_DATA,
            is_little_endian=transfer_syntax_uid != uid.ExplicitVRBigEndian,
            is_words=element.VR == "OW",
        )
    return None


def _is_encapsulated(element: RawDataElement | DataElement) -> bool:
    if isinstance(element, RawDataElement):
        return element.length == UNDEFINED_LENGTH
    return element.is_undefined_length


def _from_native(source: Source, layout: Layout, target: LosslessFormat) -> StoredPixels:
    value = _bytes_in_order(source, layout)
    whole = layout.frames * layout.frame_bits
    # As many bytes as there are frames, and the padding that an even length may need.
    if not whole <= len(value) * 8 < whole + max(layout.frame_bits, 16):
        raise Unextractable(FRAMES_EXTRACTION_FAILURE)
    if layout.bits_allocated == 1:
        return _binary_segmentation(value, layout)
    size = layout.frame_bits // 8
    parts = (value[index * size : (index + 1) * size] for index in range(layout.frames))
    images = (native_frame(part, layout, is_little_endian=source.is_little_endian) for part in parts)
    return _transcoded(images, layout, target)


def _bytes_in_order(source: Source, layout: Layout) -> memoryview:
    if source.is_little_endian or not source.is_words or layout.bits_allocated > 8:
        return memoryview(source.value)
    # Two 8-bit pixels, or sixteen of one bit, make a big endian word.
    return memoryview(np.frombuffer(source.value, ">u2").astype("<u2").tobytes())


def _binary_segmentation(value: memoryview, layout: Layout) -> StoredPixels:
    cut = bits.cut(value, layout.frames, layout.frame_bits)
    frames = [_original(frame, layout.columns, layout.rows) for frame in cut]
    return StoredPixels(transfer_syntax_uid=uid.ExplicitVRLittleEndian, frames=frames)


def _from_encapsulated(
    dataset: Dataset, source: Source, layout: Layout, target: LosslessFormat
) -> StoredPixels:
    encoded, is_table_wrong = split_frames(source.value, layout.frames, _extended_offsets(dataset))
    warnings = [INVALID_OFFSET_TABLE] if is_table_wrong else []
    if source.transfer_syntax_uid in KEPT:
        frames = [_original(frame, layout.columns, layout.rows) for frame in encoded]
        return StoredPixels(transfer_syntax_uid=source.transfer_syntax_uid, frames=frames, warnings=warnings)
    images = (compressed_frame(frame, layout, source.transfer_syntax_uid) for frame in encoded)
    return replace(_transcoded(images, layout, target), warnings=warnings)


def _extended_offsets(dataset: Dataset) -> tuple[list[int], list[int]] | None:
    tables = [dataset.get_item(tag) for tag in (EXTENDED_OFFSETS, EXTENDED_LENGTHS)]
    if not all(isinstance(table, RawDataElement) and table.value for table in tables):
        return None
    offsets, lengths = [_longs(table.value) for table in tables]
    return offsets, lengths


def _longs(value: bytes) -> list[int]:
    count = len(value) // 8
    return list(unpack(f"<{count}Q", value[: count * 8]))


def _transcoded(images: Iterable[Array], layout: Layout, target: LosslessFormat) -> StoredPixels:
    if layout.bits_allocated not in (8, 16, 32):
        raise Untranscodable(f"{layout.bits_allocated} bits a pixel")
    frames = []
    for image in images:
        encoded = encode_verified(image, is_rgb=layout.is_rgb, lossless_format=target)
        frames.append(
            Frame(
                data=encoded,
                width=layout.columns,
                height=layout.rows,
                checksum=crc32(image.data),
                minimum=int(image.min()),
                maximum=int(image.max()),
            )
        )
    return StoredPixels(transfer_syntax_uid=target.transfer_syntax_uid, frames=frames)


def _blob(dataset: Dataset, source: Source, warning: WarningCode) -> StoredPixels:
    data = source.value
    if source.is_encapsulated:
        data = b"".join(part for _, part in fragments(data)[1])
    width, height = (_side(dataset, keyword) for keyword in ("Columns", "Rows"))
    return StoredPixels(
        transfer_syntax_uid=_stored_syntax(source),
        frames=[_original(data, width, height)],
        warnings=[warning],
    )


def _side(dataset: Dataset, keyword: str) -> int:
    try:
        return number_of(dataset, keyword, range(2**16), default=0)
    except InvalidDicom:
        return 0


def _stored_syntax(source: Source) -> str:
    # What was deflated is not any more.
    is_inflated = source.transfer_syntax_uid == uid.DeflatedExplicitVRLittleEndian
    return str(uid.ExplicitVRLittleEndian) if is_inflated else source.transfer_syntax_uid


def _original(data: bytes, width: int, height: int) -> Frame:
    return Frame(data=data, width=width, height=height, checksum=crc32(data), minimum=None, maximum=None)
