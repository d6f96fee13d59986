"""What a worker process does for DICOMweb: frames decoded, and instances made P10 files again.

Imported in worker processes only: pydicom, numpy and the codecs are slow to load. Frames of the
lossy syntaxes were stored as they came, so a decoder meets them here for the first time.
"""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from emulator.dicomweb.representation import BIG_ENDIAN, EXPLICIT_VR, NATIVE, Place, Rendered, Rendering
from emulator.p10.elements import Bulk, Element, elements
from emulator.p10.parsing import InvalidDicom
from emulator.p10.writing import Encapsulated, file
from emulator.pixels import bits
from emulator.pixels.decode import DECODED, compressed_frame
from emulator.pixels.layout import Layout, read_layout

# What pydicom says of values that it can write nevertheless may quote them.
logging.getLogger("pydicom").disabled = True
warnings.filterwarnings("ignore", module="pydicom")

FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010
# The lossy syntaxes have the decoders of their lossless kin.
DECODED_AS: dict[str, str] = {
    uid.JPEGBaseline8Bit: uid.JPEGExtended12Bit,
    uid.JPEG2000: uid.JPEG2000Lossless,
    uid.HTJ2K: uid.HTJ2KLossless,
}
LOSSLESS_JPEG_2000 = {uid.HTJ2KLosslessRPCL, uid.JPEG2000Lossless}
IMAGE_PIXEL = (
    *("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
# The transcoder put the samples of a pixel side by side, and two pixels' shared chroma into each.
DECODED_PHOTOMETRIC = {
    **dict.fromkeys(("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"), "YBR_FULL"),
    **dict.fromkeys(("YBR_RCT", "YBR_ICT"), "RGB"),
}
OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
LARGEST_OFFSET = 0xFFFFFFFF
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
FILE_META = {"FileMetaInformationVersion": "AAE=", "ImplementationClassUID": str(PYDICOM_IMPLEMENTATION_UID)}


class Unrenderable(Exception):  # noqa: N818 - what happened
    """The syntax asked for cannot be made of the one that is stored. The text goes to the client."""


def render(rendering: Rendering) -> Rendered:
    """Make it, or tell why it cannot be made."""
    try:
        if rendering.is_whole:
            return [_instance(rendering)]
        return _explicit_vr(rendering)
    except (InvalidDicom, Unrenderable) as error:
        return str(error)


def _instance(rendering: Rendering) -> bytes:
    if rendering.transfer_syntax_uid == BIG_ENDIAN:
        raise Unrenderable(f"nothing is written as {BIG_ENDIAN}: ask for {EXPLICIT_VR}")
    attributes = {**FILE_META, **rendering.attributes}
    attributes.setdefault("MediaStorageSOPClassUID", attributes.get("SOPClassUID"))
    attributes.setdefault("MediaStorageSOPInstanceUID", attributes.get("SOPInstanceUID"))
    if not rendering.places:
        return file(_elements(rendering, attributes), rendering.transfer_syntax_uid)
    for keyword in OFFSET_TABLES:
        attributes.pop(keyword, None)
    if rendering.transfer_syntax_uid in NATIVE:
        pixels = _native_pixels(rendering)
    else:
        frames = [_read(place) for place in rendering.places]
        pixels = Element(PIXEL_DATA, "OB", [_encapsulated(frames)])
    attributes.update(_as_decoded(rendering))
    found = [*_elements(rendering, attributes), pixels]
    return file(sorted(found, key=lambda each: each.tag), rendering.transfer_syntax_uid)


def _elements(rendering: Rendering, attributes: Mapping[str, Any]) -> list[Element]:
    return [_filled(rendering, each) for each in elements(attributes, rendering.vrs)]


def _filled(rendering: Rendering, each: Element) -> Element:
    """The element with the values in it that are kept apart."""
    if each.vr == "SQ":
        return each._replace(values=[[_filled(rendering, inner) for inner in item] for item in each.values])
    if not each.values or not isinstance(each.values[0], Bulk):
        return each
    place = rendering.apart.get(each.values[0])
    value = _read(place) if place else b""
    if each.tag != PIXEL_DATA or rendering.stored_syntax_uid in NATIVE:
        return each._replace(values=[_even(value)])
    if rendering.transfer_syntax_uid != rendering.stored_syntax_uid:
        raise Unrenderable("the pixels cannot be cut into frames: ask for transfer-syntax=*")
    return Element(PIXEL_DATA, "OB", [Encapsulated(value + SEQUENCE_END)])


def _as_decoded(rendering: Rendering) -> Mapping[str, Any]:
    """The attributes of the pixels that are no longer those of the imported file."""
    attributes, target = rendering.attributes, rendering.transfer_syntax_uid
    photometric = attributes.get("PhotometricInterpretation")
    if attributes.get("SamplesPerPixel", 1) == 1 or rendering.stored_syntax_uid in NATIVE:
        return {}
    if target in LOSSLESS_JPEG_2000 and photometric == "RGB":
        return {"PhotometricInterpretation": "YBR_RCT", "PlanarConfiguration": 0}
    if target in NATIVE or target in LOSSLESS_JPEG_2000:
        photometric = DECODED_PHOTOMETRIC.get(str(photometric), photometric)
        return {"PhotometricInterpretation": photometric, "PlanarConfiguration": 0}
    return {}


def _native_pixels(rendering: Rendering) -> Element:
    if rendering.stored_syntax_uid in NATIVE and rendering.attributes.get("BitsAllocated") != 1:
        value = b"".join(_read(place) for place in rendering.places)
        tag, vr = _native_element(rendering.attributes)
        return Element(tag, vr, [_even(value)])
    layout = _layout(rendering)
    if layout.frames != len(rendering.places):
        raise Unrenderable("the frames are stored in one piece: ask for transfer-syntax=*")
    frames = _explicit_vr(rendering)
    value = bits.joined(frames, layout.frame_bits) if layout.bits_allocated == 1 else b"".join(frames)
    return Element(PIXEL_DATA, "OB" if layout.bits_allocated <= 8 else "OW", [_even(value)])


def _native_element(attributes: Mapping[str, Any]) -> tuple[int, str]:
    # Floating point pixels have no bits stored.
    if "BitsStored" in attributes:
        return PIXEL_DATA, "OW"
    is_double = attributes.get("BitsAllocated") == 64
    return (DOUBLE_FLOAT_PIXEL_DATA, "OD") if is_double else (FLOAT_PIXEL_DATA, "OF")


def _explicit_vr(rendering: Rendering) -> list[bytes]:
    stored = rendering.stored_syntax_uid
    if stored == BIG_ENDIAN:
        raise Unrenderable("the pixels are stored as they came, in big endian: ask for transfer-syntax=*")
    frames = (_read(place) for place in rendering.places)
    if stored in NATIVE:
        return list(frames)
    syntax = str(DECODED_AS.get(stored, stored))
    if syntax not in DECODED:
        raise Unrenderable(f"pixels stored as {stored} are not decoded: ask for transfer-syntax=*")
    layout = _layout(rendering)
    return [compressed_frame(frame, layout, syntax).tobytes() for frame in frames]


def _layout(rendering: Rendering) -> Layout:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.UID(rendering.stored_syntax_uid)
    for keyword in IMAGE_PIXEL:
        if rendering.attributes.get(keyword) is not None:
            setattr(dataset, keyword, rendering.attributes[keyword])
    return read_layout(dataset)


def _read(place: Place) -> bytes:
    with Path(place.file).open("rb") as frame:
        frame.seek(place.start)
        return frame.read(place.size)


def _encapsulated(frames: list[bytes]) -> Encapsulated:
    has_table = sum(len(frame) + 10 for frame in frames) <= LARGEST_OFFSET
    # Without the item that ends it, which pydicom leaves to its writer.
    return Encapsulated(encapsulate(frames, has_bot=has_table) + SEQUENCE_END)


def _even(value: bytes) -> bytes:
    return value + b"\0" if len(value) % 2 else value
