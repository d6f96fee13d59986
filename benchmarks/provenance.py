"""Where a figure comes from, and where it is kept: the machine, the commit, and `results/`."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MEBIBYTE = 1024 * 1024


def provenance(*folders: str) -> dict[str, Any]:
    """The time, the commit with a word on uncommitted changes in `folders`, and the machine with its load."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(*folders),
        "machine": {**_machine(), "load_before": round(os.getloadavg()[0], 2)},
    }


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Write `results/<name>.json`."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    return path


def described(found: dict[str, Any]) -> str:
    """The machine of a provenance in one line."""
    machine = found["machine"]
    return (
        f"{machine['cores']} cores, {machine['cpu']}, {machine['memory_mebibytes']} MiB, "
        f"Python {machine['python']}, load {machine['load_before']}"
    )


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line for line in lines if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "memory_mebibytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEBIBYTE,
        "python": platform.python_version(),
    }


def _commit(*folders: str) -> str:
    described = _git("rev-parse", "HEAD") or "no git checkout"
    return f"{described} and uncommitted changes" if _git("status", "--porcelain", *folders) else described


def _git(*arguments: str) -> str:
    git = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(git, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603
