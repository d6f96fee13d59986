"""Small DICOM files, made up."""

from pathlib import Path

from pydicom.uid import generate_uid

from benchmarks.layouts import p10


def write_small_studies(directory: Path, *, studies: int, instances: int) -> None:
    """Write `studies` folders of one series each, with so many instances."""
    for number in range(studies):
        folder = directory / f"study-{number}"
        folder.mkdir(parents=True)
        study, series = generate_uid(), generate_uid()
        for index in range(instances):
            (folder / f"{index}.dcm").write_bytes(p10(study, series, index))
