"""The files that an import job writes under its output prefix."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.imports.outcomes import SERVER_ERROR, Imported, Judged, Refused


class Placed(NamedTuple):
    """The image set that took an instance in."""

    image_set_id: str
    version: int
    is_primary: bool


def manifest_files(
    job: Mapping[str, Any], outcomes: list[Judged], placed: Mapping[str, Placed]
) -> dict[str, bytes]:
    """Path under the output prefix -> content. `placed` is by object key.

    A file of lines is written only when there are lines. A file with warnings is imported, so
    it stands in SUCCESS and in WARNING.
    """
    imported = [each for each in outcomes if isinstance(each, Imported)]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    warned = [each for each in imported if each.warnings]
    lines = {
        "SUCCESS/success.ndjson": [_success(each, placed[each.key]) for each in imported],
        "FAILURE/failure.ndjson": [_failure(each) for each in refused],
        "WARNING/warning.ndjson": [_success(each, placed[each.key], each.warnings) for each in warned],
    }
    summary = {"jobSummary": _summary(job, imported, refused, placed)}
    return {
        **{path: _ndjson(each) for path, each in lines.items() if each},
        "job-output-manifest.json": json.dumps(summary, indent=2).encode(),
    }


def _summary(
    job: Mapping[str, Any], imported: list[Imported], refused: list[Refused], placed: Mapping[str, Placed]
) -> dict[str, Any]:
    server_errors = sum(each.exception_type == SERVER_ERROR for each in refused)
    matched: dict[Placed, int] = {}
    for each in imported:
        matched[placed[each.key]] = matched.get(placed[each.key], 0) + 1
    return {
        "jobId": job["id"],
        "datastoreId": job["datastore_id"],
        "inputS3Uri": job["input_uri"],
        "outputS3Uri": job["output_uri"],
        "successOutputS3Uri": f"{job['output_uri']}SUCCESS/",
        "failureOutputS3Uri": f"{job['output_uri']}FAILURE/",
        "warningsOutputS3Uri": f"{job['output_uri']}WARNING/",
        "numberOfScannedFiles": len(imported) + len(refused),
        "numberOfImportedFiles": len(imported),
        "numberOfFilesWithCustomerError": len(refused) - server_errors,
        "numberOfFilesWithServerError": server_errors,
        "numberOfGeneratedImageSets": len(matched),
        "imageSetsSummary": [
            {
                "imageSetId": place.image_set_id,
                "imageSetVersion": place.version,
                "isPrimary": place.is_primary,
                "numberOfMatchedSOPInstances": count,
            }
            for place, count in matched.items()
        ],
    }


def _success(each: Imported, place: Placed, warnings: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    response = {
        "imageSetId": place.image_set_id,
        "imageSetVersion": place.version,
        "isPrimary": place.is_primary,
    }
    return {
        "inputFile": each.key,
        "importResponse": {**response, **({"warnings": warnings} if warnings else {})},
    }


def _failure(each: Refused) -> dict[str, Any]:
    exception = {"exceptionType": each.exception_type, "message": each.message}
    return {"inputFile": each.key, "exception": exception}


def _ndjson(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
