"""Which sample files are read, and what is read of a file."""

from typing import Any

from pydicom import Dataset
from sample_files import P10_FILES, to_bytes

from emulator.p10.reading import Instance, read_instance

NO_SOP_CLASS = "DICOM attribute SOPClassUID does not exist"
NO_STUDY = "DICOM attribute StudyInstanceUID does not exist"
REFUSED = {
    "DICOMDIR": NO_SOP_CLASS,
    "DICOMDIR-bigEnd": NO_SOP_CLASS,
    "DICOMDIR-empty.dcm": NO_SOP_CLASS,
    "DICOMDIR-implicit": NO_SOP_CLASS,
    "DICOMDIR-nooffset": NO_SOP_CLASS,
    "DICOMDIR-nopatient": NO_SOP_CLASS,
    "DICOMDIR-reordered": NO_SOP_CLASS,
    "JPEGLSNearLossless_08.dcm": NO_STUDY,
    "JPEGLSNearLossless_16.dcm": NO_STUDY,
    "SC_rgb_jls_lossy_line.dcm": NO_STUDY,
    "SC_rgb_jls_lossy_sample.dcm": NO_STUDY,
    "UN_sequence.dcm": NO_SOP_CLASS,
    "chrSQEncoding.dcm": NO_SOP_CLASS,
    "chrSQEncoding1.dcm": NO_SOP_CLASS,
    "empty_charset_LEI.dcm": NO_SOP_CLASS,
    "meta_missing_tsyntax.dcm": "DICOM attribute TransferSyntaxUID does not exist",
    "nested_priv_SQ.dcm": NO_SOP_CLASS,
    "no_meta_group_length.dcm": NO_SOP_CLASS,
    "priv_SQ.dcm": NO_SOP_CLASS,
    "rtplan_truncated.dcm": "DICOM attribute BeamSequence ends before its length: the file is truncated",
}
READABLE = [path for path in P10_FILES if path.name not in REFUSED]


def read(dataset: Dataset) -> Instance:
    return read_instance(to_bytes(dataset))


def attributes(instance: Instance) -> dict[str, Any]:
    levels = (instance.patient, instance.study, instance.series, instance.instance)
    return {key: value for level in levels for key, value in level["DICOM"].items()}
