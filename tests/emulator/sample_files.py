"""The DICOM files that come with pydicom and pydicom-data, and small ones made here."""

import warnings
from functools import cache
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.data import get_charset_files, get_testdata_files
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def is_p10(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def name_of(path: Path) -> str:
    return "/".join(path.parts[-2:])


ALL_FILES = sorted({Path(name) for name in [*get_testdata_files("**/*"), *get_charset_files("*")]})
P10_FILES = [path for path in ALL_FILES if path.is_file() and is_p10(path)]
_BY_NAME = {path.name: path for path in P10_FILES}


def sample(name: str) -> bytes:
    return _BY_NAME[name].read_bytes()


def sample_dataset(name: str) -> Dataset:
    return parse(sample(name))


def parse(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(BytesIO(data))


@cache
def pixel_files() -> list[Path]:
    """The files with pixels that pydicom can at least open, smallest first."""
    return sorted(filter(_has_image, P10_FILES), key=lambda path: path.stat().st_size)


def _has_image(path: Path) -> bool:
    dataset = parse(path.read_bytes())
    return "PixelData" in dataset and "Rows" in dataset and "TransferSyntaxUID" in dataset.file_meta


def make_dataset(transfer_syntax_uid: str = ExplicitVRLittleEndian, **attributes: object) -> Dataset:
    """Make a data set that HealthImaging accepts, with `attributes` by DICOM keyword."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def to_bytes(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
