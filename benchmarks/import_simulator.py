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
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import ROOT, described, keep, provenance
from benchmarks.simulator import bars
from benchmarks.simulator.billing import billed
from benchmarks.simulator.deployed import ENVIRONMENT, SETTINGS
from benchmarks.simulator.imaging import Quotas
from benchmarks.simulator.planning import plan_all
from benchmarks.simulator.scenario import Scenario
from benchmarks.simulator.strategies import STRATEGIES, Caller

if TYPE_CHECKING:
    from benchmarks.simulator.backlog import Run

FILES = 1_000_000
PLANNED = 10_000_000
# The curve of planning: so many parts of PLANNED.
SHARES_PLANNED = (100, 10, 1)
STUDIES = 100
PROCESSES = 2
RATES = (0.25, 1.0, 10.0)
# Of the events of uploads and of jobs, and of the files.
LOST, BAD = 0.05, 0.001
URGENT_BESIDE = "ten studies to a folder"
# Name, studies of a folder, files of a job.
Layout = tuple[str, int, int]
LAYOUTS = (
    (URGENT_BESIDE, 10, 5_000),
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


def ours(files: int, layout: Layout, rates: tuple[float, ...]) -> dict[str, list[dict[str, Any]]]:
    """One layout, uploaded once and imported at each rate; that of URGENT_BESIDE with urgent studies too.

    The functions are imported here: they read the environment.
    """
    os.environ.update(ENVIRONMENT)
    from benchmarks.simulator.backlog import Run
    from benchmarks.simulator.single import beside_a_backlog
    from lambdas.settings import read_import_settings

    name, studies, files_per_job = layout
    quotas = {rate: Quotas(rate=rate, files_per_job=files_per_job) for rate in rates}
    scenario = Scenario(files=files, studies_of_a_folder=studies, quotas=quotas[rates[0]])
    settings = read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"])
    # Where prefixes are urgent, a twentieth of the places is kept for them.
    without = replace(settings, urgent_prefixes=())
    # What a run makes lives until its end: to look for garbage among it takes a third of the time.
    gc.disable()
    run = Run(scenario, without).upload()
    found = {
        "layout": [in_a_copy(lambda one=one: priced(run.deploy(without, one))) for one in quotas.values()]
    }
    if name == URGENT_BESIDE:
        found["urgent"] = [
            {"rate": rate} | in_a_copy(lambda one=one: beside_a_backlog(run.deploy(settings, one), settings))
            for rate, one in quotas.items()
        ]
    return found


def hurt(files: int, rate: float) -> dict[str, Any]:
    """A share of the uploads' events and of the jobs' gets lost, and a share of the files is bad."""
    os.environ.update(ENVIRONMENT)
    from benchmarks.simulator.backlog import Run
    from lambdas.settings import read_import_settings

    scenario = Scenario(
        files=files,
        studies_of_a_folder=10,
        quotas=Quotas(rate=rate, lost_events=LOST),
        bad=BAD,
        lost_uploads=LOST,
    )
    settings = read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"])
    return priced(Run(scenario, replace(settings, urgent_prefixes=())).upload())


def priced(run: "Run") -> dict[str, Any]:
    """What came of a backlog that is uploaded, with what AWS bills for it."""
    found = run.resume().figures()
    return {
        "rate": run.scenario.quotas.rate,
        **found,
        **billed(found["calls"], found["files"]),
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def in_a_copy(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `run` finds in a copy of this process, which begins with all that this one has."""
    fork = get_context("fork")
    ours, its = fork.Pipe(duplex=False)
    copy = fork.Process(target=lambda: its.send(run()))
    copy.start()
    its.close()
    found: dict[str, Any] = ours.recv()
    copy.join()
    return found


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


def measure(files: int, planned: int, rates: tuple[float, ...]) -> dict[str, Any]:
    """Each run has a process of its own, so that its memory is its own; two run side by side."""
    origin = provenance("lambdas", "benchmarks")
    with ProcessPoolExecutor(PROCESSES, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
        # What takes long comes last: a mistake in the rest shows early.
        plans = [pool.submit(plan_all, planned // share) for share in SHARES_PLANNED]
        alone = [pool.submit(lone, rate) for rate in rates]
        losing = [pool.submit(hurt, files // 10, rate) for rate in rates]
        layouts = {one[0]: pool.submit(ours, files, one, rates) for one in LAYOUTS}
        return {
            **origin,
            "files": files,
            "settings": {name: value for name, value in SETTINGS.items() if name != "stores"},
            "planned": [run.result() for run in plans],
            "alone": [run.result() for run in alone],
            "hurt": [run.result() for run in losing],
            "others": [one for rate in rates for one in others(files, rate)],
            "layouts": {name: run.result()["layout"] for name, run in layouts.items()},
            "urgent": layouts[URGENT_BESIDE].result()["urgent"],
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
    shown = _table(f"{LOST:.0%} of all events lost, {BAD:.1%} of the files bad, ten studies to a folder")
    for one in found["hurt"]:
        shown.add_row(f"{one['files']:,} files, {one['failed']:,} failed", *_cells(one))
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
