"""`python -m benchmarks.import_simulator`: a million files through the import, on virtual time.

The functions of production run over AWS in memory; HealthImaging throttles, limits, takes its time. What is
assumed of AWS (how long calls and jobs take) stands in `simulator/deployed.py`. Beside it stand the
strategies that others use. Prints one table for each layout, and writes `results/import_simulator.json`.
"""

import argparse
import json
import os
import resource
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import ROOT, described, keep, provenance
from benchmarks.simulator.deployed import ENVIRONMENT, SETTINGS
from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.scenario import Scenario
from benchmarks.simulator.strategies import STRATEGIES, Caller

FILES = 1_000_000
RATES = (0.25, 1.0, 10.0)
MILLION = 1_000_000
# Name, studies of a folder, files of a job.
Layout = tuple[str, int, int]
LAYOUTS = (
    ("twenty studies to a folder", 20, 5_000),
    ("ten studies to a folder", 10, 5_000),
    ("twenty studies to a folder, 10,000 files to a job", 20, 10_000),
    ("flat, one folder a study", 0, 5_000),
)
COLUMNS = {
    "files_an_hour": "files an hour",
    "share_of_bound": "of bound",
    "jobs": "jobs",
    "latency_p50": "start p50 s",
    "latency_p99": "start p99 s",
    "throttled_share": "throttled",
    "duplicates": "duplicates",
    "losses": "losses",
    "copies": "copies",
    "dollars_per_million": "$ a million",
}


def ours(files: int, layout: Layout, rate: float) -> dict[str, Any]:
    """One layout at one rate. The functions are imported here: they read the environment."""
    os.environ.update(ENVIRONMENT)
    from benchmarks.simulator.backlog import Run
    from lambdas.importing.prices import read_prices
    from lambdas.settings import read_import_settings

    name, studies, files_per_job = layout
    quotas = Quotas(rate=rate, files_per_job=files_per_job)
    scenario = Scenario(name=name, files=files, studies_of_a_folder=studies, quotas=quotas)
    began = time.process_time()
    found = Run(scenario, read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"])).go().figures()
    dollars = read_prices().of_each(found["calls"])
    return {
        "rate": rate,
        **found,
        "dollars_per_million": round(sum(dollars.values()) / files * MILLION, 2),
        "dollars_by_name": {call: round(cost / files * MILLION, 3) for call, cost in dollars.items() if cost},
        "cpu_seconds": round(time.process_time() - began, 1),
        "microseconds_a_file": round((time.process_time() - began) / files * MILLION, 1),
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def others(files: int, rate: float) -> list[dict[str, Any]]:
    return [
        {"strategy": one.name, "rate": rate, **Caller(one, files, Quotas(rate=rate)).run()}
        for one in STRATEGIES
    ]


def measure(
    files: int, layouts: tuple[tuple[str, int, int], ...], rates: tuple[float, ...]
) -> dict[str, Any]:
    return {
        **provenance("lambdas", "benchmarks"),
        "files": files,
        "settings": {name: value for name, value in SETTINGS.items() if name != "stores"},
        "layouts": {layout[0]: [ours(files, layout, rate) for rate in rates] for layout in layouts},
        "others": [one for rate in rates for one in others(files, rate)],
    }


def tables(found: dict[str, Any]) -> list[Table]:
    made = []
    for name, runs in found["layouts"].items():
        shown = _table(f"{found['files']:,} files, {name}")
        for one in runs:
            shown.add_row("this import", *_cells(one))
        for one in found["others"]:
            shown.add_row(one["strategy"], *_cells(one))
        made.append(shown)
    return made


def _table(title: str) -> Table:
    shown = Table(title=title)
    shown.add_column("strategy")
    for column in ("starts a second", *COLUMNS.values()):
        shown.add_column(column, justify="right")
    return shown


def _cells(one: dict[str, Any]) -> list[str]:
    cells = [one.get(name) for name in COLUMNS]
    return [f"{one['rate']:g}", *("" if cell is None else f"{cell:,}" for cell in cells)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_simulator", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help="fewer: nothing is written")
    parser.add_argument("--rate", type=float, action="append", help="one rate alone: nothing is written")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    found = measure(arguments.files, LAYOUTS, tuple(arguments.rate or RATES))
    if arguments.json:
        print(json.dumps(found))
        return
    console = Console(width=160)
    console.print(described(found))
    for shown in tables(found):
        console.print(shown)
    if arguments.files == FILES and not arguments.rate:
        console.print(f"written to {keep('import_simulator', found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
