"""QIDO-RS: studies, series and instances found by their attributes, in primary image sets only."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from emulator.datastores import Datastores
from emulator.dicomweb import accept
from emulator.dicomweb.matching import matches
from emulator.dicomweb.qido_query import (
    ABOVE_SERIES,
    ALL,
    INSTANCE_KEYS,
    SERIES_KEYS,
    STUDY_KEYS,
    Asked,
    read_query,
)
from emulator.dicomweb.routes import Action, NotAcceptableException, Request
from emulator.p10.dicom_json import dicom_json
from emulator.p10.dictionary import describe
from emulator.p10.elements import tag_of
from emulator.routes import Answer
from emulator.storage import Row, Storage

JSON = "application/dicom+json"


def _keywords(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# PS3.18 10.6.3: what every result holds.
STUDY_FIELDS = _keywords(
    "StudyDate StudyTime AccessionNumber InstanceAvailability ModalitiesInStudy ReferringPhysicianName"
    " RetrieveURL PatientName PatientID PatientBirthDate PatientSex StudyInstanceUID StudyID"
    " NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances"
)
OWN_STUDY_FIELDS = tuple(each for each in STUDY_FIELDS if not each.startswith(("Modalities", "NumberOf")))
SERIES_FIELDS = _keywords(
    "Modality SeriesDescription RetrieveURL StudyInstanceUID SeriesInstanceUID SeriesNumber"
    " NumberOfSeriesRelatedInstances InstanceAvailability"
)
INSTANCE_FIELDS = _keywords(
    "SOPClassUID SOPInstanceUID InstanceAvailability RetrieveURL StudyInstanceUID SeriesInstanceUID"
    " InstanceNumber Rows Columns BitsAllocated NumberOfFrames"
)
# Wildcards are not in these, so the database may look for them.
COLUMNS = {
    "StudyInstanceUID": "study_instance_uid",
    "SeriesInstanceUID": "series_instance_uid",
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
}
SERIES_NUMBER = "CAST(json_extract(levels, '$.Series.DICOM.SeriesNumber') AS INTEGER)"


class Resource(NamedTuple):
    """A study, series or instance: its attributes, those of the levels above among them."""

    attributes: dict[str, Any]
    vrs: dict[str, str]


class Qido:
    """The search actions."""

    def __init__(self, storage: Storage, datastores: Datastores) -> None:
        self._storage = storage
        self._datastores = datastores

    def actions(self) -> Mapping[str, Action]:
        return {
            "SearchDICOMStudies": self.studies,
            "SearchDICOMSeries": self.series,
            "SearchDICOMInstances": self.instances,
        }

    def studies(self, request: Request) -> Answer:
        """SearchDICOMStudies: the one that was updated last comes first."""
        asked = read_query(request, STUDY_KEYS)
        return _answer(request, asked, self._studies(request, asked), STUDY_FIELDS)

    def series(self, request: Request) -> Answer:
        """SearchDICOMSeries, in the order of their SeriesNumber."""
        asked = read_query(request, (*ABOVE_SERIES, *SERIES_KEYS))
        above = () if "study" in request.labels else OWN_STUDY_FIELDS
        found = (_series(request, each) for each in self._image_sets(request, asked))
        return _answer(request, asked, found, (*above, *SERIES_FIELDS))

    def instances(self, request: Request) -> Answer:
        """SearchDICOMInstances: in the order of their InstanceNumber, series by series."""
        asked = read_query(request, (*ABOVE_SERIES, *SERIES_KEYS, *INSTANCE_KEYS))
        above = () if "study" in request.labels else OWN_STUDY_FIELDS
        within = () if "series" in request.labels else SERIES_FIELDS
        return _answer(request, asked, self._instances(request, asked), (*above, *within, *INSTANCE_FIELDS))

    def _studies(self, request: Request, asked: Asked) -> Iterator[Resource]:
        where, values = self._where(request, asked)
        found = self._storage.rows(
            # The plus keeps SQLite from walking all studies in order where an index finds a patient's.
            f"SELECT study_instance_uid FROM image_sets WHERE {where}"  # noqa: S608
            " GROUP BY +study_instance_uid ORDER BY max(updated_at) DESC, study_instance_uid",
            *values,
        )
        for row in found:
            image_sets = self._storage.rows(
                "SELECT levels, instance_count FROM image_sets WHERE datastore_id = ?"
                " AND study_instance_uid = ? AND is_primary AND instance_count > 0 ORDER BY updated_at DESC",
                values[0],
                row["study_instance_uid"],
            )
            yield _study(request, image_sets)

    def _image_sets(self, request: Request, asked: Asked) -> list[Row]:
        where, values = self._where(request, asked)
        return self._storage.rows(
            f"SELECT * FROM image_sets WHERE {where} ORDER BY {SERIES_NUMBER}, series_instance_uid",  # noqa: S608
            *values,
        )

    def _instances(self, request: Request, asked: Asked) -> Iterator[Resource]:
        for image_set in self._image_sets(request, asked):
            above = _series(request, image_set)
            rows = self._storage.rows(
                "SELECT metadata FROM instances WHERE image_set_id = ?"
                " AND (? IS NULL OR sop_instance_uid = ?)",
                image_set["id"],
                *[_exact(asked.filters.get("SOPInstanceUID"))] * 2,
            )
            found = [_instance(request, above, json.loads(zlib.decompress(row["metadata"]))) for row in rows]
            yield from sorted(found, key=_instance_number)

    def _where(self, request: Request, asked: Asked) -> tuple[str, list[Any]]:
        datastore = self._datastores.find_active(request.scope, request.labels["datastore"])
        known = {name: _exact(text) for name, text in asked.filters.items() if name in COLUMNS}
        conditions = {COLUMNS[name]: text for name, text in known.items() if text}
        for label in ("study", "series"):
            if label in request.labels:
                conditions[f"{label}_instance_uid"] = request.labels[label]
        where = "datastore_id = ? AND is_primary AND instance_count > 0"
        where += "".join(f" AND {each} = ?" for each in conditions)
        years = _years(asked.filters.get("StudyDate"))
        where += " AND study_moment BETWEEN ? AND ?" if years else ""
        return where, [datastore["id"], *conditions.values(), *years]


def _years(asked: str | None) -> tuple[str, ...]:
    """The texts between which a date or range must be: what follows the year may be written in two ways."""
    if not asked or not set(asked) <= set("0123456789-"):
        return ()
    first, dash, last = asked.partition("-")
    # All digits come before the tilde.
    return first[:4], (last if dash else first)[:4] + "~"


def _exact(asked: str | None) -> str | None:
    return asked if asked and not set(asked) & set("*?,\\") else None


def _study(request: Request, image_sets: list[Row]) -> Resource:
    levels = [json.loads(each["levels"]) for each in image_sets]
    # A forced update leaves what it likes, also several values or none.
    given = [each["Series"]["DICOM"].get("Modality") for each in levels]
    listed = [each if isinstance(each, list) else [each] for each in given]
    modalities = {each for several in listed for each in several if isinstance(each, str)}
    counted = {
        "ModalitiesInStudy": sorted(modalities) or None,
        "NumberOfStudyRelatedSeries": str(len(image_sets)),
        "NumberOfStudyRelatedInstances": str(sum(each["instance_count"] for each in image_sets)),
    }
    return _resource(request, [levels[0]["Patient"], levels[0]["Study"]], counted)


def _series(request: Request, image_set: Row) -> Resource:
    levels = json.loads(image_set["levels"])
    counted = {"NumberOfSeriesRelatedInstances": str(image_set["instance_count"])}
    return _resource(request, [levels["Patient"], levels["Study"], levels["Series"]], counted)


def _instance(request: Request, above: Resource, own: dict[str, Any]) -> Resource:
    warnings = {"WarningReason": own["WarningReasons"]} if "WarningReasons" in own else {}
    return _resource(request, [{"DICOM": above.attributes, "DICOMVRs": above.vrs}, own], warnings)


def _resource(request: Request, levels: list[dict[str, Any]], counted: Mapping[str, Any]) -> Resource:
    attributes = {key: value for level in levels for key, value in level["DICOM"].items()}
    retrieval = {"RetrieveURL": request.url_of(attributes), "InstanceAvailability": "ONLINE"}
    vrs = {key: vr for level in levels for key, vr in level.get("DICOMVRs", {}).items()}
    return Resource({**attributes, **counted, **retrieval}, vrs)


def _instance_number(instance: Resource) -> tuple[int, str]:
    try:
        number = int(instance.attributes.get("InstanceNumber") or 0)
    except ValueError:
        number = 0
    return number, instance.attributes["SOPInstanceUID"]


def _answer(request: Request, asked: Asked, found: Iterable[Resource], fields: tuple[str, ...]) -> Answer:
    if not any(
        each.may_be(JSON) or each.may_be("application/json") for each in accept.accepted(request.headers)
    ):
        raise NotAcceptableException(f"results are handed out as {JSON} only")
    matching = (each for each in found if _is_match(each, asked))
    page = list(islice(matching, asked.offset, asked.offset + asked.limit + 1))
    results = [_result(request, each, asked, fields) for each in page[: asked.limit]]
    headers = {"Content-Type": JSON}
    if len(page) > asked.limit:
        headers["Warning"] = '299 - "there are more results: ask for them with offset"'
    return Answer(200, headers, json.dumps(results, ensure_ascii=False, separators=(",", ":")).encode())


def _is_match(resource: Resource, asked: Asked) -> bool:
    return all(
        any(
            matches(text, value, vr, fuzzy=asked.fuzzy)
            for value in _values(resource.attributes, name.split("."))
        )
        for name, text in asked.filters.items()
        for vr in [_vr(name.rpartition(".")[2])]
    )


def _values(attributes: Mapping[str, Any], path: list[str]) -> list[Any]:
    if len(path) == 1:
        return [attributes.get(path[0])]
    return [value for item in attributes.get(path[0]) or [] for value in _values(item, path[1:])]


def _result(request: Request, resource: Resource, asked: Asked, fields: tuple[str, ...]) -> dict[str, Any]:
    known = resource.attributes
    searched = (name.partition(".")[0] for name in asked.filters)
    included = known if ALL in asked.fields else (key for key in known if key in asked.fields)
    wanted = {key: known.get(key) for key in (*fields, *searched, *included) if key != "TransferSyntaxUID"}
    return dicom_json(wanted, resource.vrs, lambda hashed: f"{request.url_of(known)}/bulkdata/{hashed}")


def _vr(keyword: str) -> str:
    tag = tag_of(keyword)
    return describe(tag).vr if tag else "UN"
