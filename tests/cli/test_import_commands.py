"""The commands that tell the import what to do, over a ledger and AWS in memory."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ledger_in_memory import DeployedOverMemory
from typer.testing import CliRunner

from cli import deployed
from cli.control import in_hand, wait_until_quiet
from cli.main import app
from lambdas.adapters.ledger import Ledger
from lambdas.importing.control import Mode
from lambdas.importing.files import File, FolderState, Status
from lambdas.importing.preflight import NOT_P10
from lambdas.importing.timing import Timing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMING = Timing(quiet_seconds=5, longest_wait_seconds=60)


class Aws:
    """CloudFormation and SQS, as far as `ahi complete` asks them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        assert StackName == "ahi-sandbox-import"
        return {"Stacks": [{"Outputs": [{"OutputKey": "PlanQueueUrl", "OutputValue": "plan"}]}]}

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
        self.sent.append((QueueUrl, json.loads(MessageBody)))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    aws = Aws()
    found = DeployedOverMemory(clients={"cloudformation": aws, "sqs": aws})
    monkeypatch.setattr(deployed, "find", lambda _name, **_: found)
    return aws


@pytest.fixture
def ledger(aws: Aws) -> Ledger:
    return deployed.find("sandbox", aws=False).ledger


def document(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def failed(key: str, hour: int = 0, reason: str = "no DICOM", job: str | None = "job") -> File:
    folder, slash, name = key.rpartition("/")
    return File(
        bucket="input",
        folder=folder + slash,
        name=name,
        version="v1",
        size=1,
        uploaded_at=NOON,
        store="main",
        status=Status.FAILED,
        reason=reason,
        job=job,
        settled_at=NOON + timedelta(hours=hour),
    )


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["--key", "a/1"], {"a/1"}),
        (["--prefix", "a/"], {"a/1", "a/2"}),
        (["--job", "other"], {"a/2"}),
        (["--reason", "THROTTLED"], {"b/1"}),
        (["--since", "2026-11-20T13:00:00"], {"a/2", "b/1"}),
        (["--since", "2026-11-20T14:00:00+01:00"], {"a/2", "b/1"}),
        (["--until", "2026-11-20T13:00:00"], {"a/1"}),
        (["--prefix", "a/", "--since", "2026-11-20T13:00:00"], {"a/2"}),
    ],
)
@pytest.mark.usefixtures("aws")
def test_redrive_by_key_prefix_job_reason_and_time(ledger: Ledger, words: list[str], keys: set[str]) -> None:
    ledger.register([failed("a/1"), failed("a/2", 1, job="other"), failed("b/1", 2, "was throttled")])

    assert document("redrive", *words) == {"redriven": len(keys), "left": 0}

    waiting = {file.key for path in ("a/", "b/") for file in ledger.files("input", path) if not file.reason}
    assert waiting == keys
    assert {folder.path for folder in ledger.folders_in(FolderState.OPEN)} == {
        key.partition("/")[0] + "/" for key in keys
    }


@pytest.mark.usefixtures("aws")
def test_redrive_leaves_imported_files_and_those_that_are_no_dicom(ledger: Ledger) -> None:
    imported = File(**{**vars(failed("a/1")), "status": Status.IMPORTED, "reason": None})
    ledger.register([imported, failed("a/2", reason=NOT_P10, job=None)])

    assert document("redrive", "--prefix", "") == {"redriven": 0, "left": 1}
    assert {file.status for file in ledger.files("input", "a/")} == {Status.IMPORTED, Status.FAILED}


@pytest.mark.usefixtures("aws")
def test_redrive_wants_to_know_which() -> None:
    result = CliRunner().invoke(app, ["redrive"])

    assert result.exit_code == 2
    assert "--reason" in result.stderr


@pytest.mark.usefixtures("aws")
def test_pause_and_resume_set_what_the_functions_obey(ledger: Ledger) -> None:
    assert document("pause") == {"mode": "PAUSED", "in_hand": 0, "quiet": True}
    assert ledger.control.mode() is Mode.PAUSED
    assert document("resume")["mode"] == "RUNNING"
    assert ledger.control.mode() is Mode.RUNNING


@pytest.mark.usefixtures("aws")
def test_drain_says_what_is_in_hand(ledger: Ledger) -> None:
    ledger.touch("input", "a/", "main", TIMING, NOON)
    folder = ledger.folder("input", "a/")
    assert folder
    ledger.begin(folder, ["job"], True, NOON)

    assert document("drain", "--no-wait") == {"mode": "DRAINING", "in_hand": 1, "quiet": False}


def test_drain_waits_until_it_is_quiet(ledger: Ledger) -> None:
    ledger.touch("input", "a/", "main", TIMING, NOON)
    folder = ledger.folder("input", "a/")
    assert folder
    ledger.begin(folder, ["job"], True, NOON)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        left = ledger.leave("input", "a/", "job") or ledger.folder("input", "a/")
        assert left
        ledger.close(left, NOON)

    wait_until_quiet(ledger, sleep)

    assert len(waits) == 1
    assert in_hand(ledger) == 0


def test_complete_has_the_prefix_planned(aws: Aws) -> None:
    assert document("complete", "study/") == {"prefix": "study/", "complete": True}
    assert aws.sent == [("plan", {"bucket": "input", "folder": "study/", "complete": True})]


def test_complete_refuses_what_is_no_folder(aws: Aws) -> None:
    result = CliRunner().invoke(app, ["complete", "study"])

    assert result.exit_code == 2
    assert aws.sent == []


def test_complete_is_refused_while_nothing_is_planned(aws: Aws, ledger: Ledger) -> None:
    ledger.control.set(Mode.PAUSED)

    result = CliRunner().invoke(app, ["complete", "study/"])

    assert result.exit_code == 1
    assert "ahi resume" in result.stderr
    assert aws.sent == []
