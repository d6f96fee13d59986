"""`ahi backfill` over AWS in memory: what --plan says, and how --run begins and goes on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ledger_in_memory import DeployedOverMemory
from typer.testing import CliRunner

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.s3 import MemoryS3
from cli import deployed
from cli.main import app
from lambdas.adapters.backfills import Backfills
from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File, Status

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Machine:
    """CloudFormation's outputs, and Step Functions whose executions end as the test says."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []
        self.status = "SUCCEEDED"

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        assert StackName == "ahi-sandbox-import"
        return {"Stacks": [{"Outputs": [{"OutputKey": "BackfillMachine", "OutputValue": "machine"}]}]}

    def start_execution(self, stateMachineArn: str, input: str) -> Any:  # noqa: N803
        assert stateMachineArn == "machine"
        self.inputs.append(json.loads(input))
        return {"executionArn": f"execution-{len(self.inputs)}"}

    def describe_execution(self, executionArn: str) -> Any:  # noqa: N803
        return {"status": self.status if executionArn == f"execution-{len(self.inputs)}" else "ABORTED"}


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3(lambda: NOON)


@pytest.fixture
def machine(s3: MemoryS3, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    found = DeployedOverMemory(clients={"s3": s3, "stepfunctions": machine, "cloudformation": machine})
    monkeypatch.setattr(deployed, "find", lambda _name, **_: found)
    return machine


@pytest.fixture
def table(machine: Machine) -> MemoryTable:
    return deployed.find("sandbox", aws=False).table


def document(*words: str) -> Any:
    result = CliRunner().invoke(app, ["backfill", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.usefixtures("machine")
def test_point_16_a_plan_says_files_jobs_hours_and_dollars_and_does_nothing(
    table: MemoryTable, s3: MemoryS3
) -> None:
    for key in ("a/1", "a/2", "b/1", "b/2/3", "other/1"):
        s3.put("input", key, b"x" * 10)
    s3.put("input", "a/1", b"newer")
    s3.put("input", "b/empty", b"")

    said = document("a/", "--plan"), document("b/", "--plan")

    assert [(one["files"], one["bytes"], one["jobs"], one["copies"], one["skipped"]) for one in said] == [
        (2, 15, 1, 0, 0),
        (2, 20, 2, 1, 1),
    ]
    assert all(one["hours"] > 0 and one["dollars"] > 0 for one in said)
    assert said[0]["prices"]["region"] == "us-east-1"
    assert not table.items


@pytest.mark.usefixtures("machine")
def test_point_16_a_plan_leaves_out_what_the_ledger_knows(table: MemoryTable, s3: MemoryS3) -> None:
    known = s3.put("input", "a/1", b"x")
    s3.put("input", "a/2", b"x")
    row = File(
        bucket="input", folder="a/", name="1", version=known, size=1, uploaded_at=NOON, status=Status.IMPORTED
    )
    Ledger(table).register([row])

    said = document("a/", "--plan")

    assert (said["files"], said["copies"]) == (1, 1)


def test_point_16_a_run_starts_an_execution_that_is_told_a_random_id_alone(machine: Machine) -> None:
    said = document("patient/", "--run")

    assert said["status"] == "SUCCEEDED"
    assert machine.inputs == [{"run": said["run"]}]
    assert len(said["run"]) == 16


def test_point_16_a_stopped_run_is_taken_up_again_and_one_under_way_is_left(machine: Machine) -> None:
    machine.status = "RUNNING"
    first = document("a/", "--run", "--no-wait")
    assert document("a/", "--run", "--no-wait")["run"] == first["run"]
    assert len(machine.inputs) == 1

    machine.status = "ABORTED"
    stopped = CliRunner().invoke(app, ["backfill", "a/", "--run"])
    assert (stopped.exit_code, "go on" in stopped.stderr) == (1, True)
    machine.status = "SUCCEEDED"
    again = document("a/", "--run")

    assert again["run"] == first["run"]
    assert {one["run"] for one in machine.inputs} == {first["run"]}


def test_point_16_a_finished_run_is_followed_by_a_new_one(machine: Machine, table: MemoryTable) -> None:
    first = document("a/", "--run")
    runs = Backfills(table)
    run = runs.run(first["run"])
    assert run
    runs.finish(run)

    assert document("a/", "--run")["run"] != first["run"]


@pytest.mark.parametrize("words", [[], ["--plan", "--run"]])
@pytest.mark.usefixtures("machine")
def test_backfill_wants_to_know_which(words: list[str]) -> None:
    result = CliRunner().invoke(app, ["backfill", "a/", *words])

    assert result.exit_code == 2
    assert "--plan or --run" in result.stderr
