"""The benchmark of the emulator still runs, and what it wrote is still what it prints."""

import json
import subprocess
import sys

from benchmarks import emulator
from benchmarks.provenance import RESULTS, ROOT


def test_the_benchmark_runs_through_with_tiny_sizes() -> None:
    command = [sys.executable, "-m", "benchmarks.emulator", "--quick"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "files/s" in ended.stdout
    assert "peak memory of the server" in ended.stdout


def test_the_figures_that_are_kept_have_every_row_of_the_table() -> None:
    kept = json.loads((RESULTS / "emulator.json").read_text())
    assert emulator.table(kept).row_count == 23
