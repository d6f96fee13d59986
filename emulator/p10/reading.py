"""A DICOM P10 file as HealthImaging's normalised metadata."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from emulator.p10.conformance import value_warnings
from emulator.p10.dictionary import ABOVE_INSTANCE, PATIENT, SERIES, STUDY, Element, describe
from emulator.p10.elements import BULK_DATA
from emulator.p10.overrides import OverridesOf, no_overrides
from emulator.p10.parsing import UNDEFINED_LENGTH, InvalidDicom, broken, parse
from emulator.p10.values import BINARY, json_values, whole_number
from emulator.warning_codes import WarningCode

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
# The guide's 1 MB. Private binary values above that are kept apart from the metadata.
LARGEST_INLINE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One SOP instance. `conflict_key` tells whether it belongs with a series that is already stored.

    `search` has the keys of SearchImageSets' `DICOMTags`, without those that are empty or, where the API
    wants a number, not one. A level's metadata is `{"DICOM": {...}}`; `instance` has `DICOMVRs` too.
    `bulk` has the values that are too large for metadata, by the hash that stands there for them.
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
    bulk: dict[str, bytes]
    warnings: list[WarningCode]


@dataclass(frozen=True)
class _Aside:
    """What reading a data set brings beside its attributes."""

    vrs: dict[str, str] = field(default_factory=dict)
    bulk: dict[str, bytes] = field(default_factory=dict)

    def put(self, value: bytes) -> dict[str, str]:
        """Keep a value apart, and give what stands for it in metadata."""
        hashed = bulk_hash(value)
        self.bulk[hashed] = value
        return {BULK_DATA: hashed}


def bulk_hash(value: bytes) -> str:
    """What a value that is kept apart from the metadata is named by."""
    return hashlib.sha256(value).hexdigest()[:32]


def read_instance(data: bytes, overrides_of: OverridesOf = no_overrides) -> Instance:
    """Read a P10 file. Raises InvalidDicom for whatever HealthImaging would not import.

    The elements that `overrides_of` has for the study and series of the file are put over its own.
    """
    dataset = parse(data)
    aside = _Aside()
    try:
        attributes = _all_attributes(dataset, aside)
    except InvalidDicom:
        raise
    except Exception as error:
        # Sequences are parsed as they are read, and pydicom raises of every kind on a broken one.
        raise broken(error) from None
    _check(attributes)
    for override in overrides_of(attributes["StudyInstanceUID"], attributes["SeriesInstanceUID"]):
        attributes = override.over(attributes)
        aside.vrs.update(override.vrs)
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
        instance={"DICOM": _rest(attributes), "DICOMVRs": aside.vrs},
        dataset=dataset,
        bulk=aside.bulk,
        warnings=value_warnings(attributes, aside.vrs),
    )


def attribute(dataset: Dataset, keyword: str) -> Any:
    """Give one element of `dataset` as it stands in the metadata, and None where it is absent or empty."""
    tag = tag_for_keyword(keyword)
    raw = dataset.get_item(tag) if tag is not None else None
    if raw is None:
        return None
    element = describe(int(raw.tag))
    _check_length(raw, element)
    return _value(raw, element, _vr(raw, element, signed=False), [default_encoding])


def _all_attributes(dataset: Dataset, aside: _Aside) -> Attributes:
    attributes = _attributes(dataset.file_meta, [default_encoding], False, aside)
    return attributes | _attributes(dataset, [default_encoding], False, aside)


def _attributes(dataset: Dataset, encodings: Sequence[str], signed: bool, aside: _Aside) -> Attributes:
    encodings = _encodings(dataset, encodings)
    signed = _signed(dataset, signed)
    attributes: Attributes = {}
    for raw in dataset.elements():
        element = describe(int(raw.tag))
        # Pixels that end too early are told from too few when they are cut into frames.
        if element.key in PIXELS:
            continue
        _check_length(raw, element)
        vr = _vr(raw, element, signed)
        if not element.keyword:
            aside.vrs.setdefault(element.key, vr)
        if vr == "SQ":
            items = dataset[raw.tag].value or []
            attributes[element.key] = [_attributes(item, encodings, signed, aside) for item in items] or None
        elif raw.tag.is_private and _is_large(raw, vr):
            attributes[element.key] = aside.put(bytes(raw.value or b""))
        else:
            attributes[element.key] = _value(raw, element, vr, encodings)
    return attributes


def _is_large(raw: RawDataElement | DataElement, vr: str) -> bool:
    return vr in BINARY and isinstance(raw.value, bytes) and len(raw.value) > LARGEST_INLINE


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
        raise InvalidDicom(f"{_named(element)} is not a valid {vr}: {error}") from None
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


def _named(element: Element) -> str:
    # What is no tag of the dictionary may be a piece of a value that is read in the wrong place.
    return f"DICOM attribute {element.keyword}" if element.keyword else "A DICOM attribute"


def _check_length(raw: RawDataElement | DataElement, element: Element) -> None:
    if (
        isinstance(raw, RawDataElement)
        and raw.length != UNDEFINED_LENGTH
        and len(raw.value or b"") != raw.length
    ):
        raise InvalidDicom(f"{_named(element)} ends before its length: the file is truncated")


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
