"""`python -m benchmarks.import_simulator`: a million files through the import, on virtual time.

The functions of production run over AWS in memory; HealthImaging throttles, limits, takes its time. What is
assumed of AWS (how long calls and jobs take) stands in `simulator/deployed.py`. Beside it stand the
strategies that others use. Prints one table for each layout, writes
`results/import_simulator.json`, and exits with 1 when a bar is missed: see `simulator/bars.py`.
"""

import argparse
import gc
import json
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import ROOT, described, keep, provenance
from benchmarks.simulator import bars
from benchmarks.simulator.deployed import ENVIRONMENT, SETTINGS
from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.planning import plan_all
from benchmarks.simulator.scenario import Scenario
from benchmarks.simulator.strategies import STRATEGIES, Caller

FILES = 1_000_000
PLANNED = 10_000_000
# The curve of planning: so many parts of PLANNED.
SHARES_PLANNED = (100, 10, 1)
STUDIES = 100
PROCESSES = 2
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
    # What a run makes lives until its end: to look for garbage among it takes a third of the time.
    gc.disable()
    began = time.process_time()
    # Where prefixes are urgent, a twentieth of the places is kept for them: see `urgent`.
    settings = replace(read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"]), urgent_prefixes=())
    found = Run(scenario, settings).go().figures()
    dollars = read_prices().of_each(found["calls"])
    return {
        "rate": rate,
        **found,
        "dollars_per_million": round(sum(dollars.values()) / files * MILLION, 2),
        "dollars_by_name": {call: round(cost / files * MILLION, 3) for call, cost in dollars.items() if cost},
        "cpu_seconds": round(time.process_time() - began, 1),
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def others(files: int, rate: float) -> list[dict[str, Any]]:
    return [
        {"strategy": one.name, "rate": rate, **Caller(one, files, Quotas(rate=rate)).run()}
        for one in STRATEGIES
    ]


def lone(rate: float) -> dict[str, Any]:
    """A study of 300 files with nothing else waiting, again and again."""
    os.environ.update(ENVIRONMENT)
    from benchmarks.simulator.single import alone
    from lambdas.settings import read_import_settings

    settings = read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"])
    return {"rate": rate, **alone(STUDIES, settings, Quotas(rate=rate))}


def urgent(files: int, rate: float) -> dict[str, Any]:
    """Such studies under an urgent prefix while a backlog of ten studies to a folder is imported."""
    os.environ.update(ENVIRONMENT)
    from benchmarks.simulator.single import beside_a_backlog
    from lambdas.settings import read_import_settings

    settings = read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"])
    quotas = Quotas(rate=rate)
    scenario = Scenario(name="urgent", files=files, studies_of_a_folder=10, quotas=quotas)
    return {"rate": rate, **beside_a_backlog(scenario, settings)}


def measure(files: int, planned: int, rates: tuple[float, ...]) -> dict[str, Any]:
    """Each run has a process of its own, so that its memory is its own; two run side by side."""
    origin = provenance("lambdas", "benchmarks")
    with ProcessPoolExecutor(PROCESSES, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
        layouts = {one[0]: [pool.submit(ours, files, one, rate) for rate in rates] for one in LAYOUTS}
        alone = [pool.submit(lone, rate) for rate in rates]
        beside = [pool.submit(urgent, files, rate) for rate in rates]
        plans = [pool.submit(plan_all, planned // share) for share in SHARES_PLANNED]
        return {
            **origin,
            "files": files,
            "settings": {name: value for name, value in SETTINGS.items() if name != "stores"},
            "layouts": {name: [run.result() for run in runs] for name, runs in layouts.items()},
            "others": [one for rate in rates for one in others(files, rate)],
            "alone": [run.result() for run in alone],
            "urgent": [run.result() for run in beside],
            "planned": [run.result() for run in plans],
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
    for name, title in (("alone", "A study with nothing waiting"), ("urgent", "Urgent beside a backlog")):
        made.append(_plain(f"{title}: seconds from its last upload to its start", found[name]))
    made.append(_plain("Planned in one pass", found["planned"]))
    return made


def _table(title: str) -> Table:
    shown = Table(title=title)
    shown.add_column("strategy")
    for column in ("starts a second", *COLUMNS.values()):
        shown.add_column(column, justify="right")
    return shown


def _plain(title: str, rows: list[dict[str, Any]]) -> Table:
    shown = Table(title=title)
    for name in rows[0]:
        shown.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        shown.add_row(*(f"{value:,}" for value in row.values()))
    return shown


def _cells(one: dict[str, Any]) -> list[str]:
    cells = [one.get(name) for name in COLUMNS]
    return [f"{one['rate']:g}", *("" if cell is None else f"{cell:,}" for cell in cells)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_simulator", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help="of a backlog")
    parser.add_argument("--planned", type=int, default=PLANNED, help="files planned in one pass")
    parser.add_argument("--rate", type=float, action="append", help="one rate alone: nothing is written")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, and write nothing")
    arguments = parser.parse_args()
    found = measure(arguments.files, arguments.planned, tuple(arguments.rate or RATES))
    if arguments.json:
        print(json.dumps(found))
        return
    console = Console(width=160)
    console.print(described(found))
    for shown in tables(found):
        console.print(shown)
    if not arguments.rate:
        console.print(f"written to {keep('import_simulator', found).relative_to(ROOT)}")
    missed = bars.missed(found)
    for bar in missed:
        console.print(f"missed: {bar}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
