"""The functions as Lambda calls them: their environment, their answers, their log and their metrics."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.world import World
from lambdas import clients, messages, plan, record, register, stage, start, sweep, telemetry
from lambdas.settings import read_import_settings, setting

ROOT = Path(__file__).resolve().parents[2]
NEEDS = {
    "register": {"PLAN_QUEUE_URL"},
    "plan": {"PLAN_QUEUE_URL", "STAGE_QUEUE_URL", "START_QUEUE_URL", "STAGING_BUCKET"},
    "stage": {"START_QUEUE_URL", "PLAN_QUEUE_URL", "STAGING_BUCKET"},
    "start": {"STAGE_QUEUE_URL", "START_QUEUE_URL", "PLAN_QUEUE_URL", "STAGING_BUCKET"},
    "record": {"PLAN_QUEUE_URL", "STAGE_QUEUE_URL", "RESULTS_QUEUE_URL", "STAGING_BUCKET"},
    "sweep": {"UPLOADS_QUEUE_URL", "PLAN_QUEUE_URL", "START_QUEUE_URL", "RESULTS_QUEUE_URL"},
    "backfill": {"UPLOADS_QUEUE_URL"},
}
OWN = {"LEDGER_TABLE", "IMPORT_SETTINGS", "STAGING_BUCKET"}


@dataclass
class Context:
    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:function"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def imported_with(module: str, names: set[str]) -> subprocess.CompletedProcess[str]:
    """The module imported in a process that has only these of our variables."""
    ours = {name for name in os.environ if name in OWN or name.endswith("_QUEUE_URL")}
    environment = {name: value for name, value in os.environ.items() if name not in ours or name in names}
    command = [sys.executable, "-c", f"import lambdas.{module}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", NEEDS)
def test_a_function_starts_with_its_own_settings_and_no_others(module: str) -> None:
    needed = NEEDS[module] | {"LEDGER_TABLE", "IMPORT_SETTINGS"}

    assert imported_with(module, needed).returncode == 0
    missing = min(NEEDS[module])
    stopped = imported_with(module, needed - {missing})
    assert stopped.returncode != 0
    assert f"{missing} is not set" in stopped.stderr


def test_settings_may_hold_numbers_as_texts() -> None:
    given = json.loads(os.environ["IMPORT_SETTINGS"])
    texts = {name: str(value) if isinstance(value, (int, float)) else value for name, value in given.items()}

    assert read_import_settings(json.dumps(texts)) == read_import_settings(json.dumps(given))


def test_a_file_larger_than_a_job_may_hold_is_too_large() -> None:
    given = json.loads(os.environ["IMPORT_SETTINGS"]) | {"bytes_per_file": 10, "bytes_per_job": 7}

    assert read_import_settings(json.dumps(given)).bytes_per_file == 7


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(LookupError, match="START_QUEUE_URL"):
        setting({"START_QUEUE_URL": ""}, "START_QUEUE_URL")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The functions' own entry points, over AWS in memory."""
    world = World()
    monkeypatch.setattr(register, "register", world.register)
    monkeypatch.setattr(plan, "plan", world.plan)
    monkeypatch.setattr(stage, "stager", world.stager)
    monkeypatch.setattr(start, "starter", world.starter)
    monkeypatch.setattr(record, "recorder", world.recorder)
    monkeypatch.setattr(sweep, "sweeper", world.sweeper)
    world.measure_with(telemetry.measure)
    handlers = {
        "uploads": register.handle,
        "plan": plan.handle,
        "stage": stage.handle,
        "start": start.handle,
        "results": record.handle,
    }
    world.call_with(lambda queue, event: handlers[queue](event, Context()))
    return world


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that the functions log, down to the least."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(telemetry.logger.registered_formatter)
    telemetry.logger.addHandler(handler)
    telemetry.logger.setLevel("DEBUG")
    yield written
    telemetry.logger.setLevel("ERROR")
    telemetry.logger.removeHandler(handler)


def test_nothing_that_is_logged_or_raised_or_measured_holds_a_key(
    world: World, log: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        world.upload(f"Doe^Jane/{number}-Doe^Jane.dcm", b"bad" if number else b"good")
    world.upload("Doe^Jane/Doe^Jane/", b"")
    world.imaging.refusals = ["InternalServerException", "ThrottlingException"]

    def broken(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Doe^Jane/1"}}, "GetObject")

    read = world.s3.get_object
    monkeypatch.setattr(world.s3, "get_object", broken)
    world.go_on(until=world.imaging.running)
    world.end_job()
    world.deliver_ready()
    monkeypatch.setattr(world.s3, "get_object", read)
    world.settle()
    plan.handle({}, Context())
    sweep.handle({}, Context())
    register.handle({"Records": [{"messageId": "1", "body": '{"detail": "Doe^Jane"}'}]}, Context())

    printed = capsys.readouterr()
    written = log.getvalue() + printed.out + printed.err
    assert "AccessDenied" in written
    assert "job ended" in written
    assert "Doe" not in written


def test_a_function_that_stops_raises_no_text_of_the_error(
    log: io.StringIO,
) -> None:
    @telemetry.observed
    def handle(event: dict[str, Any], context: Any) -> None:
        raise ValueError("Doe^Jane")

    with pytest.raises(telemetry.StoppedError) as stopped:
        handle({}, Context())

    assert "ValueError" in log.getvalue()
    assert "Doe" not in f"{stopped.value}{stopped.value.__cause__}{log.getvalue()}"
    assert stopped.value.__suppress_context__


def test_metrics_are_published_with_the_invocation(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.upload("study/1.dcm")
    world.settle()
    plan.handle({}, Context())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    names = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names >= {
        "FilesRegistered",
        "FilesImported",
        "JobsStarted",
        "JobsCompleted",
        "OldestWaitingSeconds",
        "JobsInFlight",
    }


def test_one_bad_message_of_a_batch_is_the_only_one_that_comes_again() -> None:
    done = []

    def process(body: dict[str, Any]) -> None:
        done.append(body["number"])
        if body["number"] == 2:
            raise ValueError("two")

    event = {
        "Records": [
            {"messageId": f"m{number}", "body": json.dumps({"number": number})} for number in (1, 2, 3)
        ]
    }

    assert messages.each_message(event, process) == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert done == [1, 2, 3]


def test_an_upload_event_that_cannot_be_read_does_not_keep_the_others_waiting(world: World) -> None:
    world.upload("study/1.dcm")
    good = {"messageId": "good", "body": json.dumps(world.messages.pop().body)}

    response = register.handle({"Records": [{"messageId": "bad", "body": "{}"}, good]}, Context())

    assert response == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(world.files()) == 1


@pytest.mark.parametrize("module", NEEDS)
def test_functions_import_nothing_that_they_do_not_use(module: str) -> None:
    heavy = ["boto3", "s3transfer", "pydantic"]
    heavy += [f"aws_lambda_powertools.utilities.{name}" for name in ("batch", "parser", "data_classes")]
    program = f"import sys, lambdas.{module}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


def test_a_started_function_looks_for_garbage_again() -> None:
    program = "import gc, lambdas.start; print(gc.isenabled(), gc.get_freeze_count() > 0)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "True True"


def test_a_client_that_not_every_event_needs_is_made_once_at_its_first_call() -> None:
    made: list[str] = []

    def make() -> str:
        made.append("client")
        return "client"

    client = clients.WhenUsed(make)
    assert made == []
    assert [client.upper(), client.title()] == ["CLIENT", "Client"]
    assert made == ["client"]
