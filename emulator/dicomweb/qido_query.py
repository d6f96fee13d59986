"""The query of a QIDO-RS search, read and checked."""

from collections.abc import Mapping
from typing import NamedTuple

from emulator.dicomweb.routes import Request, number
from emulator.errors import ValidationException
from emulator.p10.dictionary import describe
from emulator.p10.elements import tag_of

MOST_RESULTS = 1000
LARGEST_OFFSET = 1_000_000
MOST_INCLUDED_FIELDS = 50
PARAMETERS = ("limit", "offset", "includefield", "fuzzymatching")
ALL = "all"

# What is searched by, level by level.
STUDY_KEYS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDescription",
)
SERIES_KEYS = (
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "RequestAttributesSequence.ScheduledProcedureStepID",
    "RequestAttributesSequence.RequestedProcedureID",
)
# Of the levels above: a series has one modality, and does not know those of its study.
ABOVE_SERIES = tuple(key for key in STUDY_KEYS if key != "ModalitiesInStudy")
INSTANCE_KEYS = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "WarningReason")


class Asked(NamedTuple):
    """A search as its query says."""

    filters: Mapping[str, str]
    fuzzy: bool
    fields: frozenset[str]
    offset: int
    limit: int


def read_query(request: Request, keys: tuple[str, ...]) -> Asked:
    """Read it. Raises ValidationException for an attribute outside `keys`."""
    filters = {}
    for name, values in request.query.items():
        if name in PARAMETERS:
            continue
        path = ".".join(_key(each) for each in name.split("."))
        if path not in keys:
            raise ValidationException(f"{name} is not searched by here: ask for any of {', '.join(keys)}")
        if len(values) > 1 or path in filters:
            raise ValidationException(f"{name} may be given once")
        filters[path] = values[0]
    fuzzy = _one_of(request, "fuzzymatching", ("false", "true"))
    return Asked(
        filters,
        fuzzy == "true",
        _included(request),
        _whole_number(request, "offset", 0, range(LARGEST_OFFSET + 1)),
        _whole_number(request, "limit", MOST_RESULTS, range(1, MOST_RESULTS + 1)),
    )


def _key(name: str) -> str:
    """The key in metadata of an attribute that is named by keyword or by tag."""
    tag = tag_of(name.upper()) or tag_of(name)
    return describe(tag).key if tag else name


def _included(request: Request) -> frozenset[str]:
    names = [name for text in request.query.get("includefield", []) for name in text.split(",") if name]
    if len(names) > MOST_INCLUDED_FIELDS:
        raise ValidationException(
            f"includefield names {len(names)} attributes: at most {MOST_INCLUDED_FIELDS} may be"
        )
    unknown = [
        name for name in names if name != ALL and tag_of(name.upper()) is None and tag_of(name) is None
    ]
    if unknown:
        raise ValidationException("includefield is a keyword, a tag of eight hex digits, or all")
    return frozenset(ALL if name == ALL else _key(name) for name in names)


def _one_of(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    value = request.query.get(name, [allowed[0]])[0]
    if value not in allowed:
        raise ValidationException(f"{name} is {' or '.join(allowed)}")
    return value


def _whole_number(request: Request, name: str, default: int, allowed: range) -> int:
    text = request.query.get(name, [str(default)])[0]
    found = number(text)
    if found is None or found not in allowed:
        raise ValidationException(f"{name} is a whole number from {allowed[0]} to {allowed[-1]}")
    return found
