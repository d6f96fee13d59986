"""`python -m benchmarks.start`: how long each function takes to start, beside `plain_handler.py`.

A start is what runs before the first event: imports and clients, in a fresh process, without the
interpreter's own start. As deployed, the code and the Powertools layer are there without bytecode, and
the runtime's own boto3 with it. The two start in turn, and each ratio is of one pair.
A start waits for nothing, so on an idle machine its CPU time is its time; a busy one changes only the latter.
Prints one table and writes `results/start.json`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.provenance import ROOT, keep, provenance

MOST = 0.8
PAIRS = 25

# What a layer of Powertools holds: see healthimaging/functions.py, which needs the CDK.
POWERTOOLS = ("aws_lambda_powertools", "jmespath", "typing_extensions")

# The clients of each function, beside DynamoDB's: the plain handler makes the same.
CLIENTS = {
    "register": "sqs s3",
    "plan": "sqs s3",
    "stage": "sqs s3",
    "start": "sqs s3 medical-imaging",
    "record": "sqs s3 medical-imaging",
    "sweep": "sqs s3 medical-imaging",
    "backfill": "sqs s3",
}

STORE = {
    "id": "main",
    "prefix": "",
    "datastore_id": "d",
    "role_arn": "arn:aws:iam::000000000000:role/import-main",
}
NUMBERS = (
    "quiet_seconds longest_wait_seconds start_rate start_burst start_rate_ceiling concurrent_jobs "
    "files_per_job bytes_per_job folders_per_job bytes_per_file drain_minutes "
    "delete_after_days"
)
SETTINGS = {
    **dict.fromkeys(NUMBERS.split(), 1),
    "deployment": "sandbox",
    "overwrites": {},
    "complete_marker": None,
    "urgent_prefixes": [],
    "after_import": "keep",
    "inventory_uri": "",
    "pace_table": "",
    "input_bucket": "input",
    "output_bucket": "o",
    "partners": [],
    "stores": [STORE],
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "local",
    "POWERTOOLS_METRICS_NAMESPACE": "HealthImagingImport",
    "POWERTOOLS_SERVICE_NAME": "start",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LEDGER_TABLE": "ledger",
    "STAGING_BUCKET": "staging",
    "IMPORT_SETTINGS": json.dumps(SETTINGS),
    **{f"{name}_QUEUE_URL": name.lower() for name in ("UPLOADS", "PLAN", "STAGE", "START", "RESULTS")},
}
# The interpreter's frames lie in chunks, and calls that go to and fro between two of them are slow: at one
# depth in 160, reading an address with urllib3 alone took 20 ms more. The pairs start from many depths.
DEEPER = 7
PROGRAM = """
import time
def start(depth):
    if depth:
        return start(depth - 1)
    wall, cpu = time.perf_counter(), time.process_time()
    import {module}
    print(time.perf_counter() - wall, time.process_time() - cpu)
start({depth})
"""


@dataclass(frozen=True, kw_only=True)
class Start:
    wall: float
    cpu: float


def measure(pairs: int) -> dict[str, Any]:
    """Every function's figures."""
    origin = provenance("lambdas")
    with tempfile.TemporaryDirectory() as folder:
        _deploy(Path(folder))
        return {
            **origin,
            "pairs": pairs,
            "at_most": MOST,
            "functions": {name: _figures(name, Path(folder), pairs) for name in CLIENTS},
        }


def _deploy(folder: Path) -> None:
    layer = [Path(str(spec.origin)) for name in POWERTOOLS if (spec := find_spec(name))]
    packages = [ROOT / "lambdas"]
    packages += [origin.parent for origin in layer if origin.name == "__init__.py"]
    for package in packages:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    modules = [ROOT / "benchmarks" / "plain_handler.py"]
    modules += [origin for origin in layer if origin.name != "__init__.py"]
    for module in modules:
        shutil.copy2(module, folder)


def _figures(name: str, folder: Path, pairs: int) -> dict[str, Any]:
    clients = CLIENTS[name]
    starts = [
        tuple(_start(each, clients, folder, DEEPER * pair) for each in ("plain_handler", f"lambdas.{name}"))
        for pair in range(pairs + 1)
    ][1:]
    return {
        "clients": f"dynamodb {clients}",
        "plain_ms": round(1000 * median(beside.wall for beside, _ in starts), 1),
        "ms": round(1000 * median(own.wall for _, own in starts), 1),
        "ratio": round(median(own.wall / beside.wall for beside, own in starts), 3),
        "ratio_of_cpu_time": round(median(own.cpu / beside.cpu for beside, own in starts), 3),
    }


def _start(module: str, clients: str, folder: Path, depth: int) -> Start:
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM.format(module=module, depth=depth)],
        cwd=folder,
        env={**ENVIRONMENT, "CLIENTS": clients},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{module} does not start:\n{ended.stderr}")
    wall, cpu = map(float, ended.stdout.split())
    return Start(wall=wall, cpu=cpu)


def table(found: dict[str, Any]) -> Table:
    """The figures, a function a row."""
    machine = found["machine"]
    shown = Table(
        title=f"Starts, medians of {found['pairs']} pairs: {machine['cores']} cores, {machine['cpu']}, "
        f"Python {machine['python']}, load {machine['load_before']}"
    )
    for name in (
        "function",
        "clients",
        "plain",
        "function",
        "ratio",
        "of CPU time",
        "asked",
    ):
        shown.add_column(name, justify="left" if not shown.columns or name == "clients" else "right")
    for name, one in found["functions"].items():
        times = (f"{one['plain_ms']} ms", f"{one['ms']} ms")
        ratios = (f"{one['ratio']:.2f}", f"{one['ratio_of_cpu_time']:.2f}")
        shown.add_row(name, one["clients"], *times, *ratios, f"<= {found['at_most']}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one pair each: nothing is written")
    arguments = parser.parse_args()
    found = measure(1 if arguments.quick else PAIRS)
    Console(width=120).print(table(found))
    if not arguments.quick:
        keep("start", found)


if __name__ == "__main__":
    main()
