"""The page of simulated figures is that of the results that are kept, and those are of a whole run."""

import json

from benchmarks.chaos import HISTORIES
from benchmarks.import_simulator import FILES, PLANNED, RATES
from benchmarks.provenance import RESULTS
from benchmarks.simulator.bars import missed
from benchmarks.simulator.page import PAGE, kept


def test_the_page_of_simulated_figures_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == kept(), (
        "write it anew with `python -m benchmarks.simulator.page`"
    )


def test_the_figures_that_are_kept_are_of_a_whole_run() -> None:
    found = json.loads((RESULTS / "import_simulator.json").read_text())

    assert (found["files"], found["planned"][-1]["files"]) == (FILES, PLANNED)
    assert all(tuple(run["rate"] for run in runs) == RATES for runs in found["layouts"].values())


def test_the_figures_that_are_kept_miss_no_bar() -> None:
    assert missed(json.loads((RESULTS / "import_simulator.json").read_text())) == []


def test_the_histories_that_are_kept_are_of_a_whole_run() -> None:
    assert json.loads((RESULTS / "chaos.json").read_text())["tally"]["histories"] >= HISTORIES
