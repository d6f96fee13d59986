"""Small CT instances, made on the spot."""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIDE = 16


def ct_file(**elements: Any) -> bytes:
    """A P10 file. `elements` overwrite the defaults, by keyword."""
    values = {
        "PatientID": "P1",
        "PatientName": "Test^One",
        "StudyInstanceUID": "1.2.3",
        "StudyID": "S1",
        "StudyDate": "20260102",
        "StudyTime": "030405",
        "AccessionNumber": "A1",
        "SeriesInstanceUID": "1.2.3.4",
        "SeriesNumber": 1,
        "SOPInstanceUID": generate_uid(),
        "InstanceNumber": 1,
        **elements,
    }
    dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    _add_pixels(dataset)
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def pixels(instance_number: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """The pixels of the file of that InstanceNumber."""
    return (np.arange(SIDE * SIDE, dtype="<i2").reshape(SIDE, SIDE) * instance_number) - 100


def _add_pixels(dataset: FileDataset) -> None:
    dataset.Modality = "CT"
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = pixels(int(dataset.InstanceNumber)).tobytes()
