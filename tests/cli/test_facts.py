"""The commands that print facts: one JSON document for programs, a table for people."""

import json
import time
from typing import Any

import pytest
from ledger_in_memory import LedgerInMemory, a_file, a_job
from typer.testing import CliRunner

from cli.main import app
from lambdas.importing.files import Status

REASON = "DICOM attribute SOPClassUID does not exist"


@pytest.fixture
def filled(ledger: LedgerInMemory) -> LedgerInMemory:
    ledger.rows = [
        a_file("ct/1.dcm", Status.IMPORTED, after=9, image_set_id="set", job="job"),
        a_file("ct/bad.dcm", Status.FAILED, after=9, reason=REASON, job="job"),
        a_file("ct/worse.dcm", Status.FAILED, after=10, reason=REASON, job="job"),
        a_file("mr/1.dcm"),
        a_file("mr/empty", Status.SKIPPED, after=1, reason="empty"),
    ]
    ledger.job_rows = [a_job("job", "healthimaging-job-id")]
    return ledger


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


@pytest.mark.usefixtures("filled")
def test_status_tells_each_study_and_the_sums() -> None:
    found = document("status")
    assert [(one["folder"], one["imported"], one["failed"], one["waiting"]) for one in found["studies"]] == [
        ("ct/", 1, 2, 0),
        ("mr/", 0, 0, 1),
    ]
    assert found["totals"]["uploaded"] == 5


@pytest.mark.usefixtures("filled")
def test_status_shows_people_why_files_failed() -> None:
    assert REASON in printed("status")


def test_a_folder_that_changes_state_meanwhile_is_one_study(filled: LedgerInMemory) -> None:
    filled.folders_come = 2
    assert [one["folder"] for one in document("status")["studies"]] == ["ct/", "mr/"]
    assert len(document("files")["files"]) == 5


def test_status_of_an_empty_ledger_is_a_document_too(ledger: LedgerInMemory) -> None:
    assert ledger.rows == []
    assert document("status")["studies"] == []


@pytest.mark.usefixtures("filled")
def test_failed_files_come_newest_first_with_the_job_of_healthimaging_and_its_reason() -> None:
    found = document("files", "--failed")["files"]
    assert [(one["key"], one["job_id"], one["reason"]) for one in found] == [
        ("ct/worse.dcm", "healthimaging-job-id", REASON),
        ("ct/bad.dcm", "healthimaging-job-id", REASON),
    ]


def test_failed_files_are_found_without_reading_every_folder(filled: LedgerInMemory) -> None:
    document("files", "--failed")
    assert filled.folders_read == []


@pytest.mark.parametrize(
    ("option", "keys"),
    [
        ("--waiting", ["mr/1.dcm"]),
        ("--imported", ["ct/1.dcm"]),
        ("--skipped", ["mr/empty"]),
    ],
)
@pytest.mark.usefixtures("filled")
def test_files_of_one_fate(option: str, keys: list[str]) -> None:
    assert [one["key"] for one in document("files", option)["files"]] == keys


@pytest.mark.usefixtures("filled")
def test_fates_may_be_asked_for_together() -> None:
    found = document("files", "--failed", "--waiting")["files"]
    assert {one["status"] for one in found} == {"FAILED", "WAITING"}


@pytest.mark.usefixtures("filled")
def test_without_a_fate_every_file_is_listed() -> None:
    assert len(document("files")["files"]) == 5


@pytest.mark.usefixtures("filled")
def test_people_see_file_job_and_reason_in_one_line() -> None:
    line = next(line for line in printed("files", "--failed").splitlines() if "ct/bad.dcm" in line)
    assert "healthimaging-job-id" in line
    assert REASON in line


@pytest.mark.usefixtures("filled")
def test_watch_shows_the_studies_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    result = CliRunner().invoke(app, ["status", "--watch"])
    assert result.exit_code == 130
    assert "ct/" in result.stdout
    assert len(waits) == 3


@pytest.mark.usefixtures("filled")
def test_watch_and_json_do_not_go_together() -> None:
    result = CliRunner().invoke(app, ["status", "--watch", "--json"])
    assert result.exit_code == 2
    assert "one of them" in result.stderr


def test_what_lies_in_a_partners_bucket_goes_by_its_uri(filled: LedgerInMemory) -> None:
    filled.rows.append(a_file("ct/1.dcm", Status.FAILED, after=9, reason=REASON, bucket="radnet-out"))

    assert [one["folder"] for one in document("status")["studies"]] == ["ct/", "mr/", "s3://radnet-out/ct/"]
    assert [one["bucket"] for one in document("files", "--failed")["files"]].count("radnet-out") == 1
    assert "s3://radnet-out/ct/1.dcm" in printed("files", "--failed")
