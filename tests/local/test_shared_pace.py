"""Two deployments of one account and Region that start import jobs at one pace."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sandbox import Sandbox, deployed_in
from small_studies import write_small_studies
from typer.testing import CliRunner

from cli.main import app
from config.names import PACE_STACK, PACE_TABLE

FILES = 4


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The sandbox, and another deployment by the file `other`."""

    sandbox: Sandbox
    other: Path


def sharing(text: str) -> str:
    return f"{text}  - pace\n"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with deployed_in(tmp_path_factory.mktemp("shared-pace"), change=sharing) as sandbox:
        other = sandbox.state / "beside.yaml"
        other.write_text(sandbox.deployment.read_text().replace("sandbox", "beside"))
        sandbox.ahi("up", "--deployment", str(other))
        yield Beside(sandbox=sandbox, other=other)


def pace_row(sandbox: Sandbox) -> dict[str, Any]:
    rows = sandbox.find().client("dynamodb").scan(TableName=PACE_TABLE)["Items"]
    (value,) = (row["value"]["S"] for row in rows)
    return dict(json.loads(value))


def test_point_9_two_deployments_of_an_account_start_their_jobs_in_one_line(
    beside: Beside, tmp_path: Path
) -> None:
    write_small_studies(tmp_path, studies=1, instances=FILES)
    both = [replace(beside.sandbox, deployment=file) for file in (beside.sandbox.deployment, beside.other)]

    for one in both:
        one.ahi("upload", str(tmp_path), "--prefix", "in", "--deployment", str(one.deployment))
    for one in both:
        one.wait_until_settled("in/", FILES)

    pace = pace_row(beside.sandbox)
    assert set(pace["configured"]) == {"sandbox", "beside"}
    assert pace["following"] >= len(both)
    for one in both:
        assert {file["status"] for file in one.files("in/").values()} == {"IMPORTED"}
        # It reads the pace, with the rights of the operators.
        one.ahi("status", "--deployment", str(one.deployment))


def test_the_pace_stays_when_one_of_the_deployments_is_taken_down(beside: Beside) -> None:
    words = ["destroy", "--deployment", str(beside.other)]
    done = CliRunner().invoke(app, words, input="beside\n")

    assert done.exit_code == 0, done.output
    assert f"stays       the stack {PACE_STACK}" in done.output
    assert set(pace_row(beside.sandbox)["configured"]) == {"sandbox", "beside"}
