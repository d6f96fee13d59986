"""The output files of a job, as values."""

import json

from test_grouping import instance

from emulator.imports.manifests import Placed, manifest_files
from emulator.imports.outcomes import SERVER_ERROR, Imported, Judged, Refused

JOB = {"id": "j", "datastore_id": "d", "input_uri": "s3://in/a/", "output_uri": "s3://out/d-DicomImport-j/"}
PLACE = Placed("set", 3, True)


def files(*outcomes: Judged) -> dict[str, bytes]:
    placed = {each.key: PLACE for each in outcomes if isinstance(each, Imported)}
    return manifest_files(JOB, list(outcomes), placed)


def warned(key: str) -> Imported:
    found = instance(key)
    found.warnings.append({"warning_reason_code": 45330, "type": "INVALID_OFFSET_TABLE", "message": "m"})
    return found


def test_files_without_lines_are_not_written() -> None:
    assert list(files(instance("a"))) == ["SUCCESS/success.ndjson", "job-output-manifest.json"]


def test_a_file_with_warnings_is_a_success_and_a_warning() -> None:
    written = files(warned("a"), instance("b"))

    (warning,) = [json.loads(line) for line in written["WARNING/warning.ndjson"].splitlines()]
    assert len(written["SUCCESS/success.ndjson"].splitlines()) == 2
    assert warning == {
        "inputFile": "a",
        "importResponse": {
            "imageSetId": "set",
            "imageSetVersion": 3,
            "isPrimary": True,
            "warnings": [{"warning_reason_code": 45330, "type": "INVALID_OFFSET_TABLE", "message": "m"}],
        },
    }


def test_faults_of_the_service_are_counted_apart_from_the_customers() -> None:
    written = files(
        Refused(key="a", exception_type="ValidationException", message="m"),
        Refused(key="b", exception_type=SERVER_ERROR, message="m"),
    )

    summary = json.loads(written["job-output-manifest.json"])["jobSummary"]
    counts = [summary[f"numberOfFilesWith{whose}Error"] for whose in ("Customer", "Server")]
    assert counts == [1, 1]
    assert summary["numberOfGeneratedImageSets"] == 0


def test_a_line_ends_in_a_newline_and_keeps_the_key_as_it_is() -> None:
    written = files(instance("ü ber/1.dcm"))["SUCCESS/success.ndjson"]

    assert written.endswith(b"}\n")
    assert json.loads(written)["inputFile"] == "ü ber/1.dcm"
