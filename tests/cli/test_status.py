"""Point 3: `ahi status` shows the planner's choice for what waits, with its copies, dollars and hours."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from ledger_in_memory import DeployedOverMemory
from typer.testing import CliRunner

from cli import deployed
from cli.main import app
from lambdas.importing.control import Mode
from lambdas.importing.files import File, Job, JobState, Status
from lambdas.importing.timing import Timing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMING = Timing(quiet_seconds=5, longest_wait_seconds=60)
PLANNED = Job(
    name="job",
    bucket="input",
    store="main",
    datastore_id="d",
    state=JobState.PLANNED,
    files=0,
    bytes=0,
    in_place=False,
    prefix="s3://staging/job/",
    created_at=NOON,
    at=NOON,
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> DeployedOverMemory:
    found = DeployedOverMemory()
    monkeypatch.setattr(deployed, "find", lambda _name, **_: found)
    return found


def register(found: DeployedOverMemory, *keys: str, status: Status = Status.WAITING) -> list[File]:
    """Files as uploads leave them: a row each, and their folders open."""
    files = []
    for key in keys:
        folder, slash, name = key.rpartition("/")
        files.append(
            File(
                bucket="input",
                folder=folder + slash,
                name=name,
                version="v1",
                size=500_000,
                uploaded_at=NOON,
                store="main",
                status=status,
                settled_at=None if status is Status.WAITING else NOON,
            )
        )
    found.ledger.register(files)
    for file in files:
        if status is Status.WAITING:
            found.ledger.touch("input", file.folder, "main", TIMING, NOON)
        else:
            found.ledger.note("input", file.folder, NOON)
    return files


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["status", *words], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def waiting() -> Any:
    return json.loads(printed("--json"))["waiting"]


def choice() -> tuple[int, ...]:
    """Files that wait, jobs, those of them that are staged, copies."""
    told = waiting()
    return told["files"], told["jobs"], told["staged"], told["copies"]


def test_point_3_a_study_that_waits_alone_is_to_be_read_in_place(found: DeployedOverMemory) -> None:
    register(found, "a/1", "a/2")

    told = waiting()

    assert choice() == (2, 1, 0, 0)
    assert told["bytes"] == 1_000_000
    assert told["hours"] == pytest.approx(1 / 3_600)
    assert 0 < told["dollars"] < 0.001


def test_point_3_a_study_beside_imported_files_is_to_be_copied(found: DeployedOverMemory) -> None:
    register(found, "a/1", status=Status.IMPORTED)
    register(found, "a/2", "b/1")

    assert choice() == (2, 2, 1, 1)


def test_point_3_a_backlog_that_would_start_too_late_is_to_share_jobs(found: DeployedOverMemory) -> None:
    quotas = found.deployment.quotas.model_copy(update={"start_rate": 0.001, "files_per_job": 10})
    object.__setattr__(found, "deployment", found.deployment.model_copy(update={"quotas": quotas}))
    register(found, *(f"{study:02}/{file}" for study in range(20) for file in range(3)))
    register(found, "imported/1", status=Status.IMPORTED)

    files, jobs, staged, copies = choice()

    assert (files, copies) == (60, 60)
    assert jobs == staged == 7


def test_point_3_a_planned_job_counts_as_it_was_planned(found: DeployedOverMemory) -> None:
    files = register(found, "a/1", "a/2")
    job = replace(PLANNED, files=2, bytes=1_000_000)
    folder = found.ledger.folder("input", "a/")
    assert folder
    found.ledger.plan(job, files)
    found.ledger.begin(folder, [job.name], False, NOON)

    assert choice() == (2, 1, 1, 2)


def test_point_3_people_read_the_choice_in_sentences(found: DeployedOverMemory) -> None:
    register(found, "a/1", status=Status.IMPORTED)
    register(found, "a/2", "b/1")

    told = printed()

    assert "waiting for a job:" in told
    assert "1 jobs in place, 1 jobs of 1 copied files" in told
    assert "hours at least" in told
    assert "$0.00 at the list prices of us-east-1" in told


def test_where_nothing_waits_no_choice_is_shown(found: DeployedOverMemory) -> None:
    register(found, "a/1", status=Status.IMPORTED)

    assert "waiting for a job" not in printed()
    assert choice() == (0, 0, 0, 0)


def test_point_18_status_says_that_the_import_is_paused_or_drained(found: DeployedOverMemory) -> None:
    register(found, "a/1")
    assert "ahi resume" not in printed()

    for mode, word in ((Mode.PAUSED, "paused"), (Mode.DRAINING, "drained")):
        found.ledger.control.set(mode)

        assert f"the import is {word}" in printed()
        assert json.loads(printed("--json"))["mode"] == mode
