"""The bytes of a P10 file as a pydicom data set."""

import zlib
from io import BytesIO

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

# (7FE0,0010) of VR OB with an undefined length: the only way that compressed pixels begin.
ENCAPSULATED_PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
PIXEL_DATA = 0x7FE00010
UNDEFINED_LENGTH = 0xFFFFFFFF
DEFLATED = DeflatedExplicitVRLittleEndian.encode()
# File meta information is shorter.
BYTES_OF_META = 64 * 1024
LARGEST_INFLATED = 2 * 1024**3
PIECE = 1024 * 1024


class InvalidDicom(ValueError):  # noqa: N818
    """A file that HealthImaging refuses. The message is the service's, and never holds a value."""


def parse(data: bytes) -> Dataset:
    """The data set of a P10 file, its elements not yet converted. Raises InvalidDicom."""
    if data[128:132] != b"DICM":
        raise InvalidDicom(_without_preamble(data))
    try:
        if DEFLATED in data[:BYTES_OF_META]:
            _refuse_inflated_beyond(LARGEST_INFLATED, data)
        dataset: Dataset = pydicom.dcmread(BytesIO(data))
        # Of a file that ends inside an element of undefined length, pydicom gives none at all.
        dataset = dataset if len(dataset) else _parse_cut_off(data)
    except InvalidDicom:
        raise
    except Exception as error:
        # pydicom raises of every kind on a broken file, and its text may quote the file.
        raise broken(error) from None
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise InvalidDicom("DICOM attribute TransferSyntaxUID does not exist")
    return dataset


def _refuse_inflated_beyond(most: int, data: bytes) -> None:
    """A deflated file may become a thousand times as long, and pydicom inflates it whole."""
    file = BytesIO(data)
    read_preamble(file, False)
    if _read_file_meta_info(file).get("TransferSyntaxUID") != DEFLATED.decode():
        return
    inflater, length = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while given := file.read(PIECE):
        while given and not inflater.eof:
            length += len(inflater.decompress(given, PIECE))
            given = inflater.unconsumed_tail
            if length > most:
                raise InvalidDicom(f"DICOM file is longer than {most} bytes when it is inflated")


def _parse_cut_off(data: bytes) -> Dataset:
    """A data set whose compressed pixels have no end."""
    file = BytesIO(data)
    dataset = pydicom.dcmread(file, stop_before_pixels=True)
    start = file.tell() + len(ENCAPSULATED_PIXELS)
    if data[file.tell() : start] == ENCAPSULATED_PIXELS:
        dataset[PIXEL_DATA] = RawDataElement(
            BaseTag(PIXEL_DATA), "OB", UNDEFINED_LENGTH, data[start:], start, False, True
        )
    return dataset


def _without_preamble(data: bytes) -> str:
    begins_with_group_8 = data[:2] in (b"\x08\x00", b"\x00\x08")
    return f"DICOM {'attribute TransferSyntaxUID' if begins_with_group_8 else 'attributes'} does not exist"


def broken(error: Exception) -> InvalidDicom:
    """What to raise for what pydicom raised: its text may quote the file."""
    return InvalidDicom(f"DICOM file is malformed and cannot be read ({type(error).__name__})")
