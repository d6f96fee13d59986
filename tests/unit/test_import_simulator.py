"""The simulator at a small scale: what it says of the import, and that it counts what it says it counts."""

import json
import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest

from benchmarks.import_simulator import LAYOUTS
from benchmarks.provenance import ROOT
from benchmarks.simulator.bars import missed
from benchmarks.simulator.deployed import FUNCTIONS
from benchmarks.simulator.imaging import Bucket, Quotas
from benchmarks.simulator.strategies import STRATEGIES, Caller
from healthimaging.import_steps import STEPS
from lambdas.importing.choice import Choice
from lambdas.importing.estimate import Files, Pace, estimate
from lambdas.importing.prices import read_prices

FILES, PLANNED = 2_000, 50_000


@pytest.fixture(scope="module")
def found() -> Any:
    """In a process of its own: the functions read their environment when they are imported."""
    command = [sys.executable, "-m", "benchmarks.import_simulator", "--json"]
    command += ["--files", str(FILES), "--planned", str(PLANNED), "--rate", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("layout", [layout[0] for layout in LAYOUTS])
def test_every_file_of_a_simulated_backlog_is_imported_once(found: Any, layout: str) -> None:
    (run,) = found["layouts"][layout]

    assert (run["losses"], run["duplicates"], run["failed"]) == (0, 0, 0)
    assert run["timeouts"] == {}
    assert run["most_running"] <= 100


def test_a_study_starts_within_its_quiet_period_and_ten_seconds_alone_and_beside_a_backlog(
    found: Any,
) -> None:
    for name in ("alone", "urgent"):
        (run,) = found[name]
        assert run["quiet_seconds"] < run["wait_p99"] <= run["quiet_seconds"] + 10


def test_all_files_are_planned_in_as_few_jobs_as_hold_them(found: Any) -> None:
    assert found["planned"][-1]["files"] == PLANNED
    assert found["planned"][-1]["jobs"] == PLANNED // 5_000


def test_a_bar_that_is_missed_is_told(found: Any) -> None:
    assert missed(found) == []

    found = deepcopy(found)
    found["layouts"]["ten studies to a folder"][0]["losses"] = 1
    found["alone"][0]["wait_p99"] = 100.0

    assert missed(found) == [
        "ten studies to a folder, 1: 1 losses, 0 duplicates",
        "alone, 1 starts a second: 100.0 s, 70.0 at most",
    ]


def test_calls_are_counted_and_priced(found: Any) -> None:
    for runs in found["layouts"].values():
        for run in runs:
            assert run["calls"]["S3Event"] == FILES
            assert run["calls"]["WriteRequestUnit"] >= 2 * FILES
            assert run["dollars_per_million"] == pytest.approx(sum(run["dollars_by_name"].values()), abs=0.05)


@pytest.mark.parametrize("layout", [layout[0] for layout in LAYOUTS])
def test_point_3_the_dollars_that_are_told_beforehand_are_nearly_those_that_are_simulated(
    found: Any, layout: str
) -> None:
    """Without the events and their messages: a backfill has none."""
    (run,) = found["layouts"][layout]
    files = Files(files=FILES, bytes=0, folders=FILES // 100)
    choice = Choice(in_place=run["jobs"], copies=run["copies"])
    pace = Pace(starts_per_second=1.0, concurrent_jobs=100)

    told = estimate(files, choice, pace, read_prices(), are_registered=False).dollars

    of_events = read_prices().dollars({"S3Event": FILES, "SendMessage": FILES})
    simulated = run["dollars_per_million"] * FILES / 1_000_000 - of_events
    assert told == pytest.approx(simulated, rel=0.15)


def test_a_bucket_of_tokens_allows_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=0.25, burst=2, tokens=2, at=0.0)

    assert [bucket.takes(at) for at in (0, 0, 0, 3.9, 4.1, 4.1, 100, 100, 100)] == [
        *(True, True, False),
        *(False, True, False),
        *(True, True, False),
    ]


def test_a_job_for_each_file_loses_what_the_sdk_gives_up() -> None:
    (strategy,) = (one for one in STRATEGIES if one.name == "one job a file")

    told = Caller(strategy, 500, Quotas(rate=0.25)).run()

    assert told["jobs"] + told["losses"] == 500
    assert told["throttled_share"] > 0.5


def test_what_others_try_again_is_billed_again() -> None:
    (strategy,) = (one for one in STRATEGIES if one.name == "one job a file")

    throttled, free = (Caller(strategy, 50, Quotas(rate=rate)).run() for rate in (0.25, 1_000.0))

    assert (free["calls"]["LambdaRequest"], free["calls"]["DeleteMessageBatch"]) == (50, 50)
    assert throttled["calls"]["LambdaRequest"] > 50
    assert throttled["dollars_per_million"] > free["dollars_per_million"]


def test_the_simulated_functions_are_those_that_are_deployed() -> None:
    deployed = {
        step.name: (
            step.timeout.to_seconds(),
            step.memory_size,
            step.queue,
            step.batch_size,
            step.batching_window.to_seconds() if step.batching_window else 0,
            step.max_concurrency or 1,
        )
        for step in STEPS
        # It has no part in what an event begins.
        if step.name != "backfill"
    }

    assert deployed == {
        name: (one.timeout, one.memory, one.queue, one.batch_size, one.window, one.at_once)
        for name, one in FUNCTIONS.items()
    }
