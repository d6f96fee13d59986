"""`python -m benchmarks.chaos`: the random histories of `tests/lambdas/test_import_histories.py`, many more.

The functions of production over AWS in memory meet duplicates, losses, crashes before and after each call,
interleavings, throttles, refusals, overwrites, redeploys. After each history every object version has one
fate and all is quiet. The seeds are drawn anew at each run and printed: with `--seed` a run is repeated.
Prints one table and writes `results/chaos.json`.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import ROOT, described, keep, provenance

HISTORIES = 50_000
PROCESSES = 2
TESTS = ROOT / "tests" / "lambdas"

MEANINGS = {
    "histories": "histories, each ended quiet and checked",
    "steps": "steps",
    "crashes": "crashes before or after a call",
    "losses": "messages and events lost",
    "duplicates": "messages and events delivered again",
    "redeploys": "redeploys with all queues emptied",
    "ThrottlingException": "starts throttled (429)",
    "ServiceQuotaExceededException": "starts over the quota (402)",
    "InternalServerException": "starts without an answer (5xx)",
    "ValidationException": "starts refused (400)",
    "invariants": "invariants checked",
}


def run(histories: int, seed: int) -> Counter[str]:
    """The tally of so many histories in this process; what fails is raised with its shortest history."""
    sys.path.insert(0, str(TESTS))
    # It sets the environment that the functions read when they are imported.
    __import__("conftest")
    from hypothesis import HealthCheck, settings
    from hypothesis import seed as seeded
    from hypothesis.stateful import run_state_machine_as_test
    from test_import_histories import Histories

    run_state_machine_as_test(
        seeded(seed)(Histories),
        settings=settings(
            max_examples=histories,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Histories.tally


def measure(histories: int, seed: int) -> dict[str, Any]:
    """Two processes side by side, each with its half and a seed of its own."""
    origin, began = provenance("lambdas", "tests/lambdas", "benchmarks"), time.monotonic()
    halves = [histories - histories // PROCESSES, *[histories // PROCESSES] * (PROCESSES - 1)]
    running = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.chaos", "--one", str(seed + number), "--histories", str(half)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, half in enumerate(halves)
    ]
    tally: Counter[str] = Counter()
    answers = [process.communicate()[0] for process in running]
    for process, answer in zip(running, answers, strict=True):
        if process.returncode:
            print(answer)
            raise SystemExit(f"a history broke an invariant: python -m benchmarks.chaos --seed {seed}")
        tally.update(json.loads(answer.splitlines()[-1]))
    return {
        **origin,
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "tally": {name: tally[name] for name in MEANINGS},
    }


def table(found: dict[str, Any]) -> Table:
    shown = Table(title=f"Chaos, seed {found['seed']}, {found['seconds']} s: {described(found)}")
    shown.add_column("what the histories met")
    shown.add_column("number", justify="right")
    for name, meaning in MEANINGS.items():
        shown.add_row(meaning, f"{found['tally'][name]:,}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--histories", type=int, default=HISTORIES, help="fewer: nothing is written")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run of this seed")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(run(arguments.histories, arguments.one)))
        return
    seed = random.SystemRandom().randrange(10**9) if arguments.seed is None else arguments.seed
    Console().print(f"seed {seed}")
    found = measure(arguments.histories, seed)
    Console(width=120).print(table(found))
    if arguments.histories >= HISTORIES:
        Console().print(f"written to {keep('chaos', found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
