"""Small DICOM files, made up."""

from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

SIDE = 16


def write_small_studies(directory: Path, *, studies: int, instances: int) -> None:
    """Write `studies` folders of one series each, with so many instances."""
    for number in range(studies):
        folder = directory / f"study-{number}"
        folder.mkdir(parents=True)
        study, series = generate_uid(), generate_uid()
        for index in range(instances):
            instance(study, series, index).save_as(folder / f"{index}.dcm", enforce_file_format=True)


def instance(study: str, series: str, number: int) -> Dataset:
    """A grey image of sixteen by sixteen pixels."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID, made.InstanceNumber = study, series, number
    made.PatientName, made.PatientID, made.Modality = "Test^Small", "SMALL", "OT"
    made.Rows = made.Columns = SIDE
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.PixelData = bytes((number + pixel) % 256 for pixel in range(SIDE * SIDE))
    return made
