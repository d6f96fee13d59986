"""What the run of 5,000 files with kills must show, and what it did show."""

import json
from typing import Any

import pytest

from benchmarks.layouts import mixed
from benchmarks.local_import import KILLS, SCALE, wrong
from benchmarks.provenance import RESULTS

RIGHT = {"files": 5, "imported": 5, "files_that_jobs_imported": 5, "instances_in_image_sets": 5}


def test_five_thousand_files_lie_in_seven_layouts_under_different_keys() -> None:
    keys = [key for one in mixed(SCALE) for key, _ in one.uploads() if key.endswith(".dcm")]

    assert len(mixed(SCALE)) == 7
    assert len(set(keys)) == len(keys) == 5_000


@pytest.mark.parametrize("changed", [{"imported": 4}, {"files_that_jobs_imported": 6}])
def test_a_lost_or_doubled_file_fails_the_run(changed: dict[str, Any]) -> None:
    assert wrong(RIGHT) == []
    assert wrong(RIGHT | changed)


def test_the_kept_run_lost_and_doubled_nothing_under_three_kills() -> None:
    kept = json.loads((RESULTS / "local_import.json").read_text())

    assert kept["files"] == 5_000
    assert len(kept["killed"]) == KILLS
    assert all(kept["killed"])
    assert wrong(kept) == []
