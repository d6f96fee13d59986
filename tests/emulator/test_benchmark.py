"""The benchmark of the emulator still runs, and what it wrote is still what it prints."""

import json
import subprocess
import sys

import pytest

from benchmarks import emulator, orthanc
from benchmarks.provenance import RESULTS, ROOT


def test_the_benchmark_runs_through_with_tiny_sizes() -> None:
    command = [sys.executable, "-m", "benchmarks.emulator", "--quick"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "files/s" in ended.stdout
    assert "peak memory of the server" in ended.stdout


def test_the_figures_that_are_kept_have_every_row_of_the_table() -> None:
    kept = json.loads((RESULTS / "emulator.json").read_text())
    assert emulator.table(kept).row_count == 27


def test_the_figures_beside_orthanc_are_of_every_service_and_kind_of_work() -> None:
    kept = json.loads((RESULTS / "orthanc.json").read_text())

    shown = orthanc.table(kept)
    assert (shown.row_count, len(shown.columns)) == (len(orthanc.WORK), 1 + len(orthanc.SERVICES))


def test_without_orthanc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthanc, "PROGRAM", "no-such-orthanc")

    with pytest.raises(SystemExit, match="apt-get install orthanc orthanc-dicomweb"), orthanc.orthanc({}):
        pass
