"""CT instances of a real slice, as the benchmarks import them, and every sample file there is."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_charset_files, get_palette_files, get_testdata_file, get_testdata_files
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import EnhancedCTImageStorage, generate_uid

SLICE = "693_UNCR.dcm"
ORIGIN = f"pydicom-data's {SLICE}, a real CT slice of 512 x 512 x 16 bits, one row further down each time"


def ct_series(count: int) -> Iterator[bytes]:
    """One series of single-frame instances."""
    dataset = _slice()
    pixels = dataset.pixel_array
    for number in range(1, count + 1):
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[SLICE, str(number)]
        )
        dataset.PixelData = np.roll(pixels, number, axis=0).tobytes()
        yield _written(dataset)


def write_multi_frame(path: Path, frames: int) -> None:
    """One instance of so many frames."""
    dataset = _slice()
    pixels = dataset.pixel_array
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.NumberOfFrames = frames
    dataset.PixelData = b"".join(np.roll(pixels, number, axis=0).tobytes() for number in range(frames))
    dataset.save_as(path)


def p10_files() -> list[Path]:
    """Every P10 file that pydicom and pydicom-data bring."""
    names = [*get_testdata_files("**/*"), *get_charset_files("*"), *get_palette_files("*")]
    return sorted(path for path in set(map(Path, names)) if path.is_file() and _is_p10(path))


def _is_p10(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _slice() -> FileDataset:
    path = get_testdata_file(SLICE, download=False)
    if path is None:
        raise SystemExit(f"{SLICE} is missing: pydicom-data brings it, run `make install`")
    return pydicom.dcmread(str(path))


def _written(dataset: Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()
