"""A DICOM P10 file as HealthImaging's normalised metadata."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pydicom
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from emulator.p10.dictionary import ABOVE_INSTANCE, PATIENT, SERIES, STUDY, Element, describe
from emulator.p10.values import json_values

Attributes = dict[str, Any]

REQUIRED = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
LONGEST = {
    "PatientName": 256,
    "PatientID": 256,
    "PatientBirthDate": 18,
    "PatientSex": 16,
    "StudyInstanceUID": 256,
    "StudyID": 256,
    "StudyDescription": 256,
    "AccessionNumber": 256,
    "StudyDate": 18,
    "StudyTime": 28,
    "SeriesInstanceUID": 256,
    "SOPInstanceUID": 256,
}
LARGEST = {"NumberOfStudyRelatedSeries": 1_000_000, "NumberOfStudyRelatedInstances": 1_000_000}
GROUPING = (
    "StudyDate",
    "AccessionNumber",
    "PatientID",
    "StudyInstanceUID",
    "StudyID",
    "SeriesInstanceUID",
    "SeriesNumber",
)
SEARCHED = {
    "DICOMPatientId": "PatientID",
    "DICOMPatientName": "PatientName",
    "DICOMPatientBirthDate": "PatientBirthDate",
    "DICOMPatientSex": "PatientSex",
    "DICOMStudyInstanceUID": "StudyInstanceUID",
    "DICOMStudyId": "StudyID",
    "DICOMStudyDescription": "StudyDescription",
    "DICOMNumberOfStudyRelatedSeries": "NumberOfStudyRelatedSeries",
    "DICOMNumberOfStudyRelatedInstances": "NumberOfStudyRelatedInstances",
    "DICOMAccessionNumber": "AccessionNumber",
    "DICOMSeriesInstanceUID": "SeriesInstanceUID",
    "DICOMSeriesModality": "Modality",
    "DICOMSeriesBodyPart": "BodyPartExamined",
    "DICOMSeriesNumber": "SeriesNumber",
    "DICOMStudyDate": "StudyDate",
    "DICOMStudyTime": "StudyTime",
}
WHOLE_NUMBERS = {"SeriesNumber", *LARGEST}
# Their values become image frames.
PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}
UNDEFINED_LENGTH = 0xFFFFFFFF
INTEGER_STRING = re.compile(r" *[+-]?[0-9]{1,12} *")


class InvalidDicom(ValueError):  # noqa: N818
    """A file that HealthImaging refuses. The message is the service's, and never holds a value."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One SOP instance. `conflict_key` tells whether it belongs with a series that is already stored.

    `search` has the keys of SearchImageSets' `DICOMTags`, without those that are empty or, where the API
    wants a number, not one. A level's metadata is `{"DICOM": {...}}`; `instance` has `DICOMVRs` too.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    conflict_key: tuple[str, ...]
    search: dict[str, str]
    patient: dict[str, Attributes]
    study: dict[str, Attributes]
    series: dict[str, Attributes]
    instance: dict[str, Attributes]
    dataset: Dataset


def read_instance(data: bytes) -> Instance:
    """Read a P10 file. Raises InvalidDicom for whatever HealthImaging would not import."""
    dataset = _parse(data)
    try:
        attributes, vrs = _all_attributes(dataset)
    except InvalidDicom:
        raise
    except Exception as error:
        # Sequences are parsed as they are read, and pydicom raises of every kind on a broken one.
        raise InvalidDicom(_broken(error)) from None
    _check(attributes)
    return Instance(
        study_instance_uid=attributes["StudyInstanceUID"],
        series_instance_uid=attributes["SeriesInstanceUID"],
        sop_instance_uid=attributes["SOPInstanceUID"],
        conflict_key=tuple(_text(attributes, keyword) for keyword in GROUPING),
        search=_search(attributes),
        patient=_level(attributes, PATIENT),
        study=_level(attributes, STUDY),
        series=_level(attributes, SERIES),
        instance={"DICOM": _rest(attributes), "DICOMVRs": vrs},
        dataset=dataset,
    )


def whole_number(value: object) -> int | None:
    """Give the number of an integer or an integer string, and None for anything else."""
    if isinstance(value, str):
        return int(value) if INTEGER_STRING.fullmatch(value) else None
    # A range looks for an int of another type, as pydicom's IS is, one by one.
    return int(value) if isinstance(value, int) else None


def attribute(dataset: Dataset, keyword: str) -> Any:
    """Give one element of `dataset` as it stands in the metadata, and None where it is absent or empty."""
    tag = tag_for_keyword(keyword)
    raw = dataset.get_item(tag) if tag is not None else None
    if raw is None:
        return None
    element = describe(int(raw.tag))
    _check_length(raw, element.key)
    return _value(raw, element, _vr(raw, element, signed=False), [default_encoding])


def _parse(data: bytes) -> Dataset:
    if data[128:132] != b"DICM":
        raise InvalidDicom(_without_preamble(data))
    try:
        dataset = pydicom.dcmread(BytesIO(data))
    except Exception as error:
        # pydicom raises of every kind on a broken file, and its text may quote the file.
        raise InvalidDicom(_broken(error)) from None
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise InvalidDicom("DICOM attribute TransferSyntaxUID does not exist")
    return dataset


def _without_preamble(data: bytes) -> str:
    begins_with_group_8 = data[:2] in (b"\x08\x00", b"\x00\x08")
    return f"DICOM {'attribute TransferSyntaxUID' if begins_with_group_8 else 'attributes'} does not exist"


def _broken(error: Exception) -> str:
    return f"DICOM file is malformed and cannot be read ({type(error).__name__})"


def _all_attributes(dataset: Dataset) -> tuple[Attributes, dict[str, str]]:
    vrs: dict[str, str] = {}
    attributes = _attributes(dataset.file_meta, [default_encoding], False, vrs)
    return attributes | _attributes(dataset, [default_encoding], False, vrs), vrs


def _attributes(dataset: Dataset, encodings: Sequence[str], signed: bool, vrs: dict[str, str]) -> Attributes:
    encodings = _encodings(dataset, encodings)
    signed = _signed(dataset, signed)
    attributes: Attributes = {}
    for raw in dataset.elements():
        element = describe(int(raw.tag))
        _check_length(raw, element.key)
        if element.key in PIXELS:
            continue
        vr = _vr(raw, element, signed)
        if not element.keyword:
            vrs.setdefault(element.key, vr)
        if vr == "SQ":
            items = dataset[raw.tag].value or []
            attributes[element.key] = [_attributes(item, encodings, signed, vrs) for item in items] or None
        else:
            attributes[element.key] = _value(raw, element, vr, encodings)
    return attributes


def _encodings(dataset: Dataset, inherited: Sequence[str]) -> Sequence[str]:
    if "SpecificCharacterSet" not in dataset:
        return inherited
    names = attribute(dataset, "SpecificCharacterSet") or [""]
    return convert_encodings([name or "" for name in names])


def _signed(dataset: Dataset, inherited: bool) -> bool:
    value = attribute(dataset, "PixelRepresentation")
    return inherited if value is None else value == 1


def _vr(raw: RawDataElement | DataElement, element: Element, signed: bool) -> str:
    vr = str(raw.VR) if raw.VR else "UN"
    if vr == "UN":
        vr = element.vr
    if vr == "US or SS":
        return "SS" if signed else "US"
    return "OW" if " or " in vr else vr


def _value(raw: RawDataElement | DataElement, element: Element, vr: str, encodings: Sequence[str]) -> Any:
    if isinstance(raw, DataElement):
        return _shaped(_converted(raw), element)
    if not raw.value:
        return None
    one_text = element.is_list is False
    try:
        values = json_values(
            raw.value, vr, is_little_endian=raw.is_little_endian, encodings=encodings, one_text=one_text
        )
    except ValueError as error:
        raise InvalidDicom(f"DICOM attribute {element.key} is not a valid {vr}: {error}") from None
    return _shaped(values, element)


def _converted(element: DataElement) -> list[Any]:
    # pydicom itself converts empty elements and the few that it needs to read the rest.
    if element.is_empty:
        return [None]
    values = element.value if element.VM > 1 else [element.value]
    return [value if isinstance(value, int) else str(value) or None for value in values]


def _shaped(values: list[Any], element: Element) -> Any:
    if values == [None]:
        return None
    return values if element.is_list or len(values) > 1 else values[0]


def _check_length(raw: RawDataElement | DataElement, key: str) -> None:
    if (
        isinstance(raw, RawDataElement)
        and raw.length != UNDEFINED_LENGTH
        and len(raw.value or b"") != raw.length
    ):
        raise InvalidDicom(f"DICOM attribute {key} ends before its length: the file is truncated")


def _check(attributes: Attributes) -> None:
    for keyword in REQUIRED:
        if not _text(attributes, keyword):
            raise InvalidDicom(f"DICOM attribute {keyword} does not exist")
    for keyword, longest in LONGEST.items():
        if len(_text(attributes, keyword)) > longest:
            raise InvalidDicom(f"DICOM attribute {keyword} is longer than {longest} characters")
    for keyword, largest in LARGEST.items():
        text = _text(attributes, keyword)
        number = whole_number(text)
        if text and (number is None or not 0 <= number <= largest):
            raise InvalidDicom(f"DICOM attribute {keyword} is not a whole number from 0 to {largest}")


def _text(attributes: Attributes, keyword: str) -> str:
    value = attributes.get(keyword)
    if not isinstance(value, str | None):
        raise InvalidDicom(f"DICOM attribute {keyword} is not text")
    return (value or "").strip()


def _search(attributes: Attributes) -> dict[str, str]:
    texts = {name: _text(attributes, keyword) for name, keyword in SEARCHED.items()}
    return {name: text for name, text in texts.items() if text and _is_searchable(name, text)}


def _is_searchable(name: str, text: str) -> bool:
    if SEARCHED[name] not in WHOLE_NUMBERS:
        return True
    number = whole_number(text)
    return number is not None and -(2**31) <= number < 2**31


def _level(attributes: Attributes, keywords: Iterable[str]) -> dict[str, Attributes]:
    return {"DICOM": {keyword: attributes[keyword] for keyword in sorted(keywords & attributes.keys())}}


def _rest(attributes: Attributes) -> Attributes:
    return {key: value for key, value in attributes.items() if key not in ABOVE_INSTANCE}
