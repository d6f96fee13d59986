"""How the pixels of a data set lie, as its Image Pixel attributes say."""

from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset, uid

from emulator.dicom import InvalidDicom

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
    photometric = str(_value(dataset, "PhotometricInterpretation"))
    is_native = dataset.file_meta.TransferSyntaxUID in NATIVE
    layout = Layout(
        frames=whole_number(dataset, "NumberOfFrames", range(1, 2**31), default=1),
        rows=whole_number(dataset, "Rows", range(1, 2**16)),
        columns=whole_number(dataset, "Columns", range(1, 2**16)),
        samples=whole_number(dataset, "SamplesPerPixel", (1, 3), default=1),
        bits_allocated=whole_number(dataset, "BitsAllocated", (1, 8, 16, 32, 64)),
        is_signed=whole_number(dataset, "PixelRepresentation", (0, 1), default=0) == 1,
        is_planar=whole_number(dataset, "PlanarConfiguration", (0, 1), default=0) == 1,
        is_subsampled=is_native and photometric == "YBR_FULL_422",
        is_rgb=photometric == "RGB",
    )
    if layout.is_subsampled and (layout.samples != 3 or layout.columns % 2 or layout.bits_allocated != 8):
        raise InvalidDicom("DICOM attribute PhotometricInterpretation is YBR_FULL_422 without pairs")
    return layout


def whole_number(
    dataset: Dataset, keyword: str, allowed: range | tuple[int, ...], default: int | None = None
) -> int:
    """Read an attribute that is one number. `default` stands for one that is absent or empty."""
    value = _value(dataset, keyword)
    if value is None or value == "":
        if default is None:
            raise InvalidDicom(f"DICOM attribute {keyword} does not exist")
        return default
    if not isinstance(value, int) or value not in allowed:
        raise InvalidDicom(f"DICOM attribute {keyword} is not {_words(allowed)}")
    return int(value)


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset[keyword].value if keyword in dataset else None
    except Exception:
        # pydicom raises of every kind, and its text quotes the value.
        raise InvalidDicom(f"DICOM attribute {keyword} cannot be read") from None


def _words(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"a whole number from {allowed[0]} to {allowed[-1]}"
    return " or ".join(str(number) for number in allowed)
