"""Point 16: the backfill's state machine, run by the local Step Functions around a small function."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ministack_in_process import client

from healthimaging.backfill_states import definition

LONGEST_SECONDS = 120
ROLE = "arn:aws:iam::000000000000:role/backfill"
# Two rounds of slices; what was told of is kept in a file, as the ledger keeps it.
FUNCTION = """
import os

ROUNDS = [[0, 1, 2], [3, 4]]


def handle(event, context):
    path = os.environ["TOLD"]
    if "slice" in event:
        with open(path, "a") as told:
            told.write(f"{event['run']} {event['slice']}\\n")
        return {"told": 5}
    told = {int(line.split()[1]) for line in open(path)}
    left = [numbers for numbers in ROUNDS if not set(numbers) <= told]
    return {"run": event["run"], "slices": left[0] if left else [], "finished": not left}
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    path = tmp_path / "told"
    path.touch()
    return path


@pytest.fixture
def machine(told: Path) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", FUNCTION)
    function = client("lambda").create_function(
        FunctionName="backfill",
        Runtime="python3.12",
        Role=ROLE,
        Handler="index.handle",
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"TOLD": str(told)}},
    )
    created = client("stepfunctions").create_state_machine(
        name="backfill", roleArn=ROLE, definition=json.dumps(definition(function["FunctionArn"]))
    )
    return str(created["stateMachineArn"])


def execution(machine: str) -> dict[str, Any]:
    states = client("stepfunctions")
    started = states.start_execution(stateMachineArn=machine, input='{"run": "r"}')["executionArn"]
    deadline = time.monotonic() + LONGEST_SECONDS
    while (found := states.describe_execution(executionArn=started))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution never ended"
        time.sleep(0.1)
    return dict(found)


def test_point_16_the_state_machine_tells_of_every_slice_once_and_ends(machine: str, told: Path) -> None:
    ended = execution(machine)

    assert ended["status"] == "SUCCEEDED", ended
    assert sorted(told.read_text().splitlines()) == [f"r {number}" for number in range(5)]
    runs = client("stepfunctions").list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    assert len(runs) == 2
