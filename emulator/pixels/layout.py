"""How the pixels of a data set lie, as its Image Pixel attributes say."""

from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset, uid

from emulator.p10.parsing import InvalidDicom
from emulator.p10.reading import attribute
from emulator.p10.values import whole_number

NATIVE = {
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
}


class Layout(NamedTuple):
    """How the pixels of one frame lie, and how many frames there are."""

    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    unused_bits: int
    is_signed: bool
    is_planar: bool
    is_subsampled: bool
    is_rgb: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"<{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def frame_bits(self) -> int:
        # Two pixels of YBR_FULL_422 share their chroma: Y Y Cb Cr.
        samples = 2 if self.is_subsampled else self.samples
        return self.rows * self.columns * samples * self.bits_allocated


def read_layout(dataset: Dataset) -> Layout:
    """Read the Image Pixel attributes. Raises InvalidDicom when one is missing or impossible."""
    photometric = attribute(dataset, "PhotometricInterpretation")
    is_native = dataset.file_meta.TransferSyntaxUID in NATIVE
    bits_allocated = number_of(dataset, "BitsAllocated", (1, 8, 16, 32, 64))
    layout = Layout(
        frames=number_of(dataset, "NumberOfFrames", range(1, 2**31), default=1),
        rows=number_of(dataset, "Rows", range(1, 2**16)),
        columns=number_of(dataset, "Columns", range(1, 2**16)),
        samples=number_of(dataset, "SamplesPerPixel", (1, 3), default=1),
        bits_allocated=bits_allocated,
        unused_bits=_unused_bits(dataset, bits_allocated),
        is_signed=number_of(dataset, "PixelRepresentation", (0, 1), default=0) == 1,
        is_planar=number_of(dataset, "PlanarConfiguration", (0, 1), default=0) == 1,
        is_subsampled=is_native and photometric == "YBR_FULL_422",
        is_rgb=photometric == "RGB",
    )
    if layout.is_subsampled and (layout.samples != 3 or layout.columns % 2 or layout.bits_allocated != 8):
        raise InvalidDicom("DICOM attribute PhotometricInterpretation is YBR_FULL_422 without pairs")
    return layout


def _unused_bits(dataset: Dataset, bits_allocated: int) -> int:
    """Count the bits above the highest, which PS3.5 8.1.1 allows to hold anything."""
    bits_stored = number_of(dataset, "BitsStored", range(1, bits_allocated + 1), default=bits_allocated)
    high_bit = number_of(dataset, "HighBit", range(bits_allocated), default=bits_stored - 1)
    return bits_allocated - bits_stored if high_bit == bits_stored - 1 else 0


def number_of(
    dataset: Dataset, keyword: str, allowed: range | tuple[int, ...], default: int | None = None
) -> int:
    """Read an attribute that is one number. `default` stands for one that is absent or empty."""
    value = attribute(dataset, keyword)
    if value is None:
        if default is None:
            raise InvalidDicom(f"DICOM attribute {keyword} does not exist")
        return default
    number = whole_number(value)
    if number is None or number not in allowed:
        raise InvalidDicom(f"DICOM attribute {keyword} is not {_words(allowed)}")
    return number


def _words(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"a whole number from {allowed[0]} to {allowed[-1]}"
    return " or ".join(str(number) for number in allowed)
