"""SearchImageSets: filters and order over what SQLite holds of each image set."""

import json
from typing import Any

from emulator import pages
from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ValidationException
from emulator.image_sets import tiers
from emulator.storage import Row, Storage

BETWEEN_COLUMNS = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "DICOMStudyDateAndTime": "study_moment",
}
EQUAL_COLUMNS = {
    "DICOMPatientId": "patient_id",
    "DICOMAccessionNumber": "accession_number",
    "DICOMStudyId": "study_id",
    "DICOMStudyInstanceUID": "study_instance_uid",
    "DICOMSeriesInstanceUID": "series_instance_uid",
    "isPrimary": "is_primary",
    **BETWEEN_COLUMNS,
}
DEFAULT_SORT = {"sortOrder": "DESC", "sortField": "updatedAt"}

Condition = tuple[str, list[Any]]


class Search:
    """SearchImageSets."""

    def __init__(self, storage: Storage, datastores: Datastores) -> None:
        self._storage = storage
        self._datastores = datastores

    def image_sets(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        criteria = parameters.get("searchCriteria", {})
        sort = criteria.get("sort", DEFAULT_SORT)
        size = parameters.get("maxResults", pages.PAGE_SIZE)
        column = BETWEEN_COLUMNS[sort["sortField"]]
        conditions = [_condition(each) for each in criteria.get("filters", [])]
        if after := pages.position(parameters.get("nextToken")):
            beyond = "<" if sort["sortOrder"] == "DESC" else ">"
            conditions.append((f"({column}, id) {beyond} (?, ?)", list(after)))
        where = "".join(f" AND {text}" for text, _ in conditions)
        order = f"{column} {sort['sortOrder']}, id {sort['sortOrder']}"
        rows = self._storage.rows(
            f"WITH found AS (SELECT id AS found_id, {column} AS sorted_by FROM image_sets"  # noqa: S608
            f" WHERE datastore_id = ?{where} ORDER BY {order} LIMIT ?)"
            f" SELECT * FROM found CROSS JOIN image_sets ON id = found_id"
            f" ORDER BY sorted_by {sort['sortOrder']}, id {sort['sortOrder']}",
            datastore["id"],
            *[value for _, values in conditions for value in values],
            size + 1,
        )
        page, token = pages.cut(rows, size, "sorted_by")
        found = [self._summary(row) for row in page]
        return {"imageSetsMetadataSummaries": found, "sort": sort, **({"nextToken": token} if token else {})}

    def _summary(self, image_set: Row) -> dict[str, Any]:
        return {
            "imageSetId": image_set["id"],
            "version": image_set["version"],
            "createdAt": image_set["created_at"],
            "updatedAt": image_set["updated_at"],
            **tiers.tier(image_set),
            "isPrimary": bool(image_set["is_primary"]),
            "DICOMTags": {**dicom_tags(json.loads(image_set["dicom_tags"])), **self._related(image_set)},
        }

    def _related(self, image_set: Row) -> dict[str, int]:
        """How many series and instances of the study the data store holds in primary image sets."""
        row = self._storage.row(
            "SELECT count(*) AS series, sum(instance_count) AS instances FROM image_sets"
            " WHERE datastore_id = ? AND study_instance_uid = ? AND (is_primary OR id = ?)",
            image_set["datastore_id"],
            image_set["study_instance_uid"],
            image_set["id"],
        )
        assert row is not None
        return {
            "DICOMNumberOfStudyRelatedSeries": row["series"],
            "DICOMNumberOfStudyRelatedInstances": row["instances"],
        }


def dicom_tags(search: dict[str, str]) -> dict[str, Any]:
    """The DICOMTags of a search result, with the number that the API wants as one."""
    tags: dict[str, Any] = dict(search)
    if "DICOMSeriesNumber" in tags:
        tags["DICOMSeriesNumber"] = int(tags["DICOMSeriesNumber"])
    return tags


def columns(search: dict[str, str]) -> dict[str, str | None]:
    """The columns an image set is searched by, beside its UIDs."""
    return {
        "patient_id": search.get("DICOMPatientId"),
        "accession_number": search.get("DICOMAccessionNumber"),
        "study_id": search.get("DICOMStudyId"),
        "study_moment": _moment(search) if "DICOMStudyDate" in search else "",
    }


def _moment(given: dict[str, str]) -> str:
    """A time may leave out what is zero: 0304 is 030400, and a study without a time began at midnight."""
    return given["DICOMStudyDate"] + given.get("DICOMStudyTime", "").ljust(6, "0")


def _condition(search_filter: dict[str, Any]) -> Condition:
    values = [next(iter(value.items())) for value in search_filter["values"]]
    names = {name for name, _ in values}
    name = values[0][0]
    if search_filter["operator"] == "EQUAL" and len(values) == 1 and name in EQUAL_COLUMNS:
        return f"{EQUAL_COLUMNS[name]} = ?", [_bound(values[0][1])]
    if (
        search_filter["operator"] == "BETWEEN"
        and len(values) == 2
        and names <= {name} & BETWEEN_COLUMNS.keys()
    ):
        return f"{BETWEEN_COLUMNS[name]} BETWEEN ? AND ?", [_bound(value) for _, value in values]
    raise ValidationException(
        f"a filter is EQUAL with one of {', '.join(EQUAL_COLUMNS)}, or BETWEEN with two values of one of "
        f"{', '.join(BETWEEN_COLUMNS)}"
    )


def _bound(value: Any) -> Any:
    if isinstance(value, dict):
        return _moment(value)
    return value
