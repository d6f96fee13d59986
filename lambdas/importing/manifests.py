"""What HealthImaging wrote about a job: which object became which image set, and which did not."""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MANIFEST = "job-output-manifest.json"
SUCCESS = "SUCCESS/success.ndjson"
FAILURE = "FAILURE/failure.ndjson"
WARNING = "WARNING/warning.ndjson"

# A row of the ledger costs one write unit up to 1 KB.
REASON_CHARACTERS = 400

# Errors that the same file meets again. Only the first is documented for a file; the others are the API's.
CUSTOMER_ERRORS = ("ValidationException", "AccessDeniedException", "ResourceNotFoundException")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one object of a job. After a server error another try may do."""

    imported: bool
    image_set_id: str | None = None
    is_primary: bool | None = None
    reason: str | None = None
    is_server_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The counts of a job's manifest."""

    imported: int
    failed: int

    def is_told_by(self, outcomes: dict[str, Outcome]) -> bool:
        """Whether the lists that go with the manifest are there in full."""
        imported = sum(outcome.imported for outcome in outcomes.values())
        return imported >= self.imported and len(outcomes) - imported >= self.failed


def read_summary(manifest: dict[str, Any]) -> Summary:
    """A count that is absent is taken as none."""
    summary = manifest.get("jobSummary", {})
    return Summary(
        imported=int(summary.get("numberOfImportedFiles", 0)),
        failed=int(summary.get("numberOfFilesWithCustomerError", 0))
        + int(summary.get("numberOfFilesWithServerError", 0)),
    )


def read_outcomes(
    successes: Iterable[bytes], failures: Iterable[bytes], warnings: Iterable[bytes]
) -> dict[str, Outcome]:
    """The outcome of each object by its key.

    Fields that are not known are left alone and lines that cannot be read are passed over: a file
    without an outcome is asked about again, it is never taken as imported.
    """
    outcomes = {key: _failure(line) for key, line in _lines(failures)}
    # A file with warnings is imported; whether SUCCESS lists it too is not documented.
    for key, line in _lines(warnings):
        if outcome := _success(line, _warning_types(line)):
            outcomes[key] = outcome
    for key, line in _lines(successes):
        if (outcome := _success(line)) and not _warned(outcomes.get(key)):
            outcomes[key] = outcome
    return outcomes


def _lines(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for raw in lines:
        line = _parse(raw.decode(errors="replace").strip())
        if isinstance(line, dict) and isinstance(key := line.get("inputFile"), str):
            yield key, line


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    # AWS's own sample of a success line holds Python's True.
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _part(line: dict[str, Any], name: str) -> dict[str, Any]:
    part = line.get(name)
    return part if isinstance(part, dict) else {}


def _success(line: dict[str, Any], warned: str | None = None) -> Outcome | None:
    response = _part(line, "importResponse")
    if not response.get("imageSetId"):
        return None
    primary = response.get("isPrimary")
    return Outcome(
        imported=True,
        image_set_id=str(response["imageSetId"]),
        is_primary=primary if isinstance(primary, bool) else None,
        reason=warned,
    )


def _failure(line: dict[str, Any]) -> Outcome:
    exception = _part(line, "exception")
    reason = exception.get("message") or exception.get("exceptionType") or "no reason given"
    kind = str(exception.get("exceptionType") or CUSTOMER_ERRORS[0])
    return Outcome(
        imported=False,
        reason=str(reason)[:REASON_CHARACTERS],
        is_server_error=kind not in CUSTOMER_ERRORS,
    )


def _warning_types(line: dict[str, Any]) -> str:
    """The types alone: a message may hold a DICOM value."""
    warnings = _part(line, "importResponse").get("warnings")
    found = [one for one in warnings if isinstance(one, dict)] if isinstance(warnings, list) else []
    types = sorted({str(one.get("type", "OTHER")) for one in found})
    return ("warning: " + ", ".join(types or ["OTHER"]))[:REASON_CHARACTERS]


def _warned(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.imported
