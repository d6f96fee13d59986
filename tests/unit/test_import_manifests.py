"""What HealthImaging wrote about a job, read tolerantly."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.importing.manifests import Outcome, read_outcomes, read_summary


def line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def success(key: str, **response: Any) -> dict[str, Any]:
    return {"inputFile": key, "importResponse": {"imageSetId": "set", "isPrimary": True, **response}}


def failure(key: str, **exception: str) -> dict[str, Any]:
    return {"inputFile": key, "exception": exception}


def test_successes_and_failures_are_outcomes_by_key() -> None:
    outcomes = read_outcomes(
        [line(success("a/1")), line(success("a/2", isPrimary=False))],
        [
            line(
                failure("a/3", exceptionType="ValidationException", message="DICOM attributes does not exist")
            )
        ],
        [],
    )

    assert outcomes == {
        "a/1": Outcome(imported=True, image_set_id="set", is_primary=True),
        "a/2": Outcome(imported=True, image_set_id="set", is_primary=False),
        "a/3": Outcome(imported=False, reason="DICOM attributes does not exist"),
    }


def test_unknown_fields_are_left_alone_and_absent_ones_are_none() -> None:
    outcomes = read_outcomes(
        [line({"inputFile": "1", "importResponse": {"imageSetId": "set", "imageSetVersion": 1}, "new": []})],
        [line({"inputFile": "2"})],
        [],
    )

    assert outcomes["1"] == Outcome(imported=True, image_set_id="set")
    assert outcomes["2"] == Outcome(imported=False, reason="no reason given")


def test_the_line_of_the_documentation_is_read_though_it_is_not_json() -> None:
    written = b"{'inputFile': '1', 'importResponse': {'imageSetId': 'set', 'isPrimary': True}}\n"

    assert read_outcomes([written], [], [])["1"].imported


def test_a_warned_file_is_imported_with_the_types_of_its_warnings() -> None:
    warned = success("1", warnings=[{"type": "INVALID_OFFSET_TABLE", "message": "Doe^Jane"}, {"code": 1}])

    for successes in ([], [line(success("1"))]):
        outcome = read_outcomes(successes, [], [line(warned)])["1"]
        assert outcome.imported
        assert outcome.reason == "warning: INVALID_OFFSET_TABLE, OTHER"


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"null", b"[]", b'{"inputFile": 3}', b"{}"])))
)
def test_lines_that_cannot_be_read_are_passed_over(lines: list[bytes]) -> None:
    outcomes = read_outcomes([*lines, line(success("1"))], lines, lines)

    assert set(outcomes) == {"1"}


def test_a_success_without_an_image_set_is_not_taken_as_imported() -> None:
    assert (
        read_outcomes([line({"inputFile": "1", "importResponse": {}}), line({"inputFile": "2"})], [], [])
        == {}
    )


def test_the_lists_are_complete_when_they_hold_what_the_summary_counts() -> None:
    summary = read_summary(
        {
            "jobSummary": {
                "numberOfImportedFiles": 1,
                "numberOfFilesWithCustomerError": 1,
                "numberOfFilesWithServerError": 1,
            }
        }
    )
    imported, failed = Outcome(imported=True, image_set_id="set"), Outcome(imported=False, reason="no")

    assert not summary.is_told_by({"1": imported, "2": failed})
    assert not summary.is_told_by({"1": failed, "2": failed})
    assert summary.is_told_by({"1": imported, "2": failed, "3": failed})
    assert read_summary({}).is_told_by({})
