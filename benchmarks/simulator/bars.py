"""What the simulator's figures must come to, for a million files in the layouts that the bars are about."""

from collections.abc import Iterator
from typing import Any

MILLION = 1_000_000
# Of the layouts in which the files of a folder fit a job, and of that with a folder to a study.
WHOLE_FOLDERS = ("ten studies to a folder", "twenty studies to a folder, 10,000 files to a job")
FLAT = "flat, one folder a study"
MOST_JOBS, MOST_DOLLARS, MOST_DOLLARS_STAGED = 223, 4.0, 10.0
LEAST_SHARE, MOST_THROTTLED = 0.95, 0.01
SECONDS_AFTER_QUIET = 10
MOST_MEBIBYTES = 1024
# Planning may take so much longer than n log n, from the fewest files to the most.
NOISE = 1.5


def missed(found: dict[str, Any]) -> list[str]:
    """A sentence for each bar that these figures miss; jobs and shares are asked of a million files."""
    is_whole = found["files"] >= MILLION
    return [
        *_never(found),
        *(bar for name in WHOLE_FOLDERS for run in found["layouts"][name] for bar in _a(name, run, is_whole)),
        *(bar for run in found["layouts"][FLAT] for bar in _b(run, found["settings"])),
        *_c(found),
        *_d(found["planned"]),
    ]


def _never(found: dict[str, Any]) -> Iterator[str]:
    for name, runs in {**found["layouts"], "events lost and files bad": found["hurt"]}.items():
        for run in runs:
            if run["losses"] or run["duplicates"]:
                yield f"{name}, {run['rate']:g}: {run['losses']} losses, {run['duplicates']} duplicates"


def _a(name: str, run: dict[str, Any], is_whole: bool) -> Iterator[str]:
    where = f"{name}, {run['rate']:g} starts a second"
    if run["copies"]:
        yield f"{where}: {run['copies']} copies, none is needed"
    if run["dollars_per_million"] > MOST_DOLLARS:
        yield f"{where}: ${run['dollars_per_million']} a million, {MOST_DOLLARS} at most"
    if is_whole and run["jobs"] > MOST_JOBS:
        yield f"{where}: {run['jobs']} jobs, {MOST_JOBS} at most"
    if is_whole and run["share_of_bound"] < LEAST_SHARE:
        yield f"{where}: {run['share_of_bound']} of what the quotas allow, {LEAST_SHARE} at least"
    if is_whole and run["throttled_share"] >= MOST_THROTTLED:
        yield f"{where}: {run['throttled_share']} of the calls throttled, {MOST_THROTTLED} at most"


def _b(run: dict[str, Any], settings: dict[str, Any]) -> Iterator[str]:
    where = f"{FLAT}, {run['rate']:g} starts a second"
    most = MOST_DOLLARS_STAGED if run["copies"] else MOST_DOLLARS
    if run["dollars_per_million"] > most:
        yield f"{where}: ${run['dollars_per_million']} a million, {most} at most"
    if run["latency_p99"] > settings["drain_minutes"] * 60:
        yield f"{where}: started after {run['latency_p99']} s, later than the drain target"


def _c(found: dict[str, Any]) -> Iterator[str]:
    for name in ("alone", "urgent"):
        for run in found[name]:
            most = run["quiet_seconds"] + SECONDS_AFTER_QUIET
            if run["wait_p99"] > most:
                yield f"{name}, {run['rate']:g} starts a second: {run['wait_p99']} s, {most} at most"


def _d(planned: list[dict[str, Any]]) -> Iterator[str]:
    fewest, most = planned[0], planned[-1]
    if most["peak_mebibytes"] > MOST_MEBIBYTES:
        yield f"{most['files']} files planned in {most['peak_mebibytes']} MiB, {MOST_MEBIBYTES} at most"
    if most["nanoseconds_by_n_log_n"] > NOISE * fewest["nanoseconds_by_n_log_n"]:
        yield f"{most['files']} files planned in more than n log n"
