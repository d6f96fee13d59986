"""A study in which every name and value that may be a patient's carries a mark."""

import io
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from benchmarks.layouts import p10

MARK = "ZQXJANEDOE"
FOLDER = f"{MARK}^1970/"
FILES = 3


def write_marked_study(directory: Path) -> None:
    """One file that is imported, one that HealthImaging refuses, and one that is no DICOM."""
    study, series = generate_uid(), generate_uid()
    for number, name in enumerate(("good", "refused")):
        made = pydicom.dcmread(io.BytesIO(p10(study, series, number)))
        made.PatientName, made.PatientID = f"{MARK}^Jane", f"{MARK}1"
        made.AccessionNumber, made.StudyDescription = MARK, f"{MARK} head"
        if name == "refused":
            del made.SOPInstanceUID
        made.save_as(directory / f"{MARK}-{name}.dcm")
    (directory / f"{MARK}-note.txt").write_text(f"about {MARK}")
