"""What it takes to import so many files: jobs, hours and dollars, before anything is done."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from lambdas.importing.files import folders_above
from lambdas.importing.planner import Limits
from lambdas.importing.prices import Prices

# A job that is filled from several folders is closed at nine tenths of a limit.
FILL = 0.9
# Register's share, the other functions' and the backfill's together; measured by no bill, so taken high.
LAMBDA_GIGABYTE_SECONDS_PER_FILE = 0.005
# S3 lists a thousand versions a call; cut, told of, planned and recorded: four times.
LISTINGS, LISTED_AT_ONCE = 4, 1_000
MESSAGES_AT_ONCE = 10
FILES_PER_SLICE = 5_000
# The job's own way through its states, its slot and its turn, its folder's openings.
WRITES_PER_JOB = 20
READS_PER_JOB = 60
BYTES_PER_MEMBER, BYTES_PER_WRITE_UNIT = 8, 1_024
ROWS_PER_READ_UNIT = 10
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What lies right in one folder: files to import, their bytes, and objects that are none of them."""

    files: int = 0
    bytes: int = 0
    others: int = 0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast jobs may start, how many may run, and how long one runs, if that is known.

    When starting what can be read in place would take longer than `drain_seconds`, folders share jobs.
    """

    starts_per_second: float
    concurrent_jobs: int
    drain_seconds: float
    job_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`copies` are the files that go through staging. `hours` are at least so many: see `hours_for`."""

    files: int
    bytes: int
    folders: int
    jobs: int
    copies: int
    hours: float
    dollars: float


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """Files for one prefix: one job in place, or as many staged ones as they fill."""

    files: int
    bytes: int
    in_place: bool


def estimate(
    folders: Mapping[str, Contents], limits: Limits, pace: Pace, prices: Prices, within: str = ""
) -> Estimate:
    """The import of these folders, by path, with nothing else waiting.

    They are all that lies under the prefix `within`; what lies elsewhere is not known.
    """
    batches = list(_batches(folders, limits, within))
    jobs, copies = _jobs_apart(batches, limits)
    if jobs / pace.starts_per_second > pace.drain_seconds:
        jobs, copies = _jobs_shared(batches, limits)
    files = sum(one.files for one in folders.values())
    occupied = sum(one.files > 0 for one in folders.values())
    calls = calls_for(files=files, folders=occupied, jobs=jobs, copies=copies)
    return Estimate(
        files=files,
        bytes=sum(one.bytes for one in folders.values()),
        folders=occupied,
        jobs=jobs,
        copies=copies,
        hours=hours_for(jobs, pace),
        dollars=prices.dollars(calls),
    )


def hours_for(jobs: int, pace: Pace) -> float:
    """The later of the last start and, if it is known how long a job runs, the last end."""
    starts = jobs / pace.starts_per_second
    runs = ceil(jobs / pace.concurrent_jobs) * (pace.job_seconds or 0.0)
    return max(starts + (pace.job_seconds or 0.0), runs) / SECONDS_PER_HOUR if jobs else 0.0


def calls_for(*, files: int, folders: int, jobs: int, copies: int) -> dict[str, float]:
    """The calls and units of a backfill, by the names of the price table."""
    listings = LISTINGS * ceil(files / LISTED_AT_ONCE) + 2 * folders
    slices = ceil(files / FILES_PER_SLICE)
    messages = ceil(files / MESSAGES_AT_ONCE)
    members = files * BYTES_PER_MEMBER / BYTES_PER_WRITE_UNIT
    return {
        "ListObjectVersions": listings,
        # One look at each file's first bytes, and a job's manifests.
        "GetObject": files + 4 * jobs,
        "CopyObject": copies,
        "SendMessageBatch": messages,
        "ReceiveMessage": messages,
        "DeleteMessageBatch": messages,
        "SendMessage": 2 * jobs + folders,
        # Each row is written when it is registered and when it is settled.
        "WriteRequestUnit": 2 * files + members + WRITES_PER_JOB * jobs + 3 * folders,
        "ReadRequestUnit": 3 * files / ROWS_PER_READ_UNIT + READS_PER_JOB * jobs + 5 * folders,
        "LambdaRequest": files / 100 + 4 * jobs + 2 * slices,
        "LambdaGigabyteSecond": LAMBDA_GIGABYTE_SECONDS_PER_FILE * files,
        # A start, a task and an end for each slice.
        "StateTransition": 3 * slices + 10,
        "StartDICOMImportJob": jobs,
    }


def _batches(folders: Mapping[str, Contents], limits: Limits, within: str) -> Iterator[_Batch]:
    """The highest prefixes that hold nothing but files to import and fit a job; the rest by folder."""
    below: Counter[tuple[str, str]] = Counter()
    for path, contents in folders.items():
        for above in (*folders_above(path), path):
            below[above, "files"] += contents.files
            below[above, "bytes"] += contents.bytes
            below[above, "others"] += contents.others
            below[above, "folders"] += 1

    def fits(path: str) -> bool:
        return (
            path.startswith(within)
            and not below[path, "others"]
            and below[path, "files"] <= limits.files
            and below[path, "bytes"] <= limits.bytes
            and below[path, "folders"] <= limits.folders
        )

    taken: set[str] = set()
    for path in sorted(path for path, contents in folders.items() if contents.files):
        highest = next((above for above in (*folders_above(path), path) if fits(above)), None)
        if highest is None:
            contents = folders[path]
            yield _Batch(files=contents.files, bytes=contents.bytes, in_place=False)
        elif highest not in taken:
            taken.add(highest)
            yield _Batch(files=below[highest, "files"], bytes=below[highest, "bytes"], in_place=True)


def _jobs_apart(batches: list[_Batch], limits: Limits) -> tuple[int, int]:
    """Each prefix for itself: jobs and copies."""
    jobs = sum(1 if one.in_place else _filled(one.files, one.bytes, limits, 1) for one in batches)
    return jobs, sum(one.files for one in batches if not one.in_place)


def _jobs_shared(batches: list[_Batch], limits: Limits) -> tuple[int, int]:
    """What fills a job stays where it lies, and the rest is staged together."""
    full = [
        one
        for one in batches
        if one.in_place and max(one.files / limits.files, one.bytes / limits.bytes) >= FILL
    ]
    files = sum(one.files for one in batches) - sum(one.files for one in full)
    size = sum(one.bytes for one in batches) - sum(one.bytes for one in full)
    return len(full) + _filled(files, size, limits, FILL), files


def _filled(files: int, size: int, limits: Limits, fill: float) -> int:
    return ceil(max(files / (fill * limits.files), size / (fill * limits.bytes)))
