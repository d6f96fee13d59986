"""`python -m benchmarks.chaos`: random histories of the import, many more than `make test` runs.

The functions of production over AWS in memory meet duplicates, losses, crashes before and after each call,
interleavings, throttles, refusals, overwrites, redeploys. After each history every object version has one
fate and all is quiet. The seeds are drawn anew at each run and printed: with `--seed` a run is repeated.
Prints one table and writes `results/chaos.json`.
"""

import argparse
import os
import random
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.memory_aws.environment import SMALL, environment
from benchmarks.provenance import ROOT, described, keep, provenance

HISTORIES = 50_000
PROCESSES = 2
# Hypothesis remembers every history of a run; a failure is told after so many, not at the end of all.
HISTORIES_OF_A_RUN = 500

MEANINGS = {
    "histories": "histories, each ended quiet and checked",
    "steps": "steps",
    "crashes": "crashes before or after a call",
    "losses": "messages and events lost",
    "duplicates": "messages and events delivered again",
    "late": "manifests that came late, or never",
    "purged": "versions deleted for good",
    "redeploys": "redeploys with all queues emptied",
    "ThrottlingException": "starts throttled (429)",
    "ServiceQuotaExceededException": "starts over the quota (402)",
    "InternalServerException": "starts without an answer (5xx)",
    "ValidationException": "starts refused (400)",
    "invariants": "invariants checked",
}


def one_run(number: int, seed: int, histories: int) -> tuple[str, Counter[str]]:
    """The kind of the `number`-th run's histories, and their tally. The functions read the environment when
    they are imported."""
    os.environ.update(environment(SMALL, "CRITICAL"))
    from benchmarks.histories import KINDS, Histories, run

    kind = KINDS[number % len(KINDS)]
    Histories.tally.clear()
    run(kind, histories, seed + number)
    return kind.__name__, Counter(Histories.tally)


def measure(histories: int, seed: int) -> dict[str, Any]:
    """Runs side by side, each with a seed of its own; the first history that breaks an invariant ends all."""
    origin, began = provenance("lambdas", "benchmarks"), time.monotonic()
    sizes = [min(HISTORIES_OF_A_RUN, histories - at) for at in range(0, histories, HISTORIES_OF_A_RUN)]
    tally: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        runs = pool.map(one_run, range(len(sizes)), [seed] * len(sizes), sizes)
        for kind, met in track(runs, "histories", total=len(sizes), console=Console(stderr=True)):
            tally.update(met)
            kinds[kind] += met["histories"]
    return {
        **origin,
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "kinds": dict(kinds),
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
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if arguments.seed is None else arguments.seed
    Console().print(f"seed {seed}")
    found = measure(arguments.histories, seed)
    Console(width=120).print(table(found))
    if arguments.histories >= HISTORIES:
        Console().print(f"written to {keep('chaos', found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
