"""The benchmark of the functions' start still runs, and the figures that are kept hold the bar."""

import json
import subprocess
import sys

import pytest

from benchmarks import start
from benchmarks.provenance import RESULTS, ROOT


def test_the_benchmark_of_starts_runs_through() -> None:
    command = [sys.executable, "-m", "benchmarks.start", "--quick"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "register" in ended.stdout


@pytest.mark.parametrize("function", start.CLIENTS)
def test_a_function_starts_in_at_most_four_fifths_of_a_plain_handlers_time(function: str) -> None:
    kept = json.loads((RESULTS / "start.json").read_text())["functions"][function]

    assert kept["ratio_of_cpu_time"] <= start.MOST
