"""What it takes to import so many files: hours and dollars, before anything is done."""

from dataclasses import dataclass
from math import ceil

from lambdas.importing.choice import Choice
from lambdas.importing.prices import Prices

# S3 lists a thousand versions a call.
LISTED_AT_ONCE = 1_000
MESSAGES_AT_ONCE = 10
FILES_PER_SLICE = 5_000
# The job's own way through its states, its slot and its turn.
WRITES_PER_JOB, READS_PER_JOB = 20, 60
BYTES_PER_MEMBER, BYTES_PER_WRITE_UNIT = 8, 1_024
ROWS_PER_READ_UNIT = 10
# Of each file, by `make bench-import`, rounded up: no bill has been read yet.
REGISTERING_GIGABYTE_SECONDS, IMPORTING_GIGABYTE_SECONDS = 0.005, 0.003
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Files:
    """How many there are, how large, and in how many folders."""

    files: int
    bytes: int
    folders: int


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast jobs start, how many may run, and how long one runs, if that is known."""

    starts_per_second: float
    concurrent_jobs: int
    job_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate(Files):
    """`staged` of the jobs read `copies`, the others their files where they lie.

    `hours` are at least so many: see `hours_for`.
    """

    jobs: int
    staged: int
    copies: int
    hours: float
    dollars: float


def estimate(found: Files, choice: Choice, pace: Pace, prices: Prices, *, are_registered: bool) -> Estimate:
    """The import of files for which the planner chooses so; of those it knows, what is left to do."""
    calls = importing_calls(found, choice)
    if not are_registered:
        before = backfill_calls(found)
        calls = {name: calls.get(name, 0) + before.get(name, 0) for name in {**calls, **before}}
    return Estimate(
        files=found.files,
        bytes=found.bytes,
        folders=found.folders,
        jobs=choice.jobs,
        staged=choice.staged,
        copies=choice.copies,
        hours=hours_for(choice.jobs, pace),
        dollars=prices.dollars(calls),
    )


def hours_for(jobs: int, pace: Pace) -> float:
    """The later of the last start and, if it is known how long a job runs, the last end."""
    starts = jobs / pace.starts_per_second
    runs = ceil(jobs / pace.concurrent_jobs) * (pace.job_seconds or 0.0)
    return max(starts + (pace.job_seconds or 0.0), runs) / SECONDS_PER_HOUR if jobs else 0.0


def backfill_calls(found: Files) -> dict[str, float]:
    """The calls and units from the bucket's listing to the files' rows, by the names of the price table."""
    if not found.files:
        return {}
    messages = ceil(found.files / MESSAGES_AT_ONCE)
    slices = ceil(found.files / FILES_PER_SLICE)
    return {
        # Once to cut the bucket into slices, once to tell of each.
        "ListObjectVersions": 2 * ceil(found.files / LISTED_AT_ONCE),
        "SendMessageBatch": messages,
        "ReceiveMessage": messages,
        "DeleteMessageBatch": messages,
        # A look at each file's first bytes.
        "GetObject": found.files,
        "WriteRequestUnit": found.files + 2 * found.folders,
        "ReadRequestUnit": found.files / ROWS_PER_READ_UNIT + 3 * found.folders,
        "LambdaRequest": messages / 10 + 2 * slices,
        "LambdaGigabyteSecond": REGISTERING_GIGABYTE_SECONDS * found.files,
        # A start, a task and an end for each slice.
        "StateTransition": 3 * slices + 10,
    }


def importing_calls(found: Files, choice: Choice) -> dict[str, float]:
    """The calls and units from the files' rows to their fates, by the names of the price table."""
    jobs = choice.jobs
    members = found.files * BYTES_PER_MEMBER / BYTES_PER_WRITE_UNIT
    return {
        # Once for the plan, once when the job is recorded.
        "ListObjectVersions": 2 * (ceil(found.files / LISTED_AT_ONCE) + jobs),
        # A job's manifest and lists.
        "GetObject": 4 * jobs,
        "CopyObject": choice.copies,
        "SendMessage": 2 * jobs + found.folders,
        "WriteRequestUnit": found.files + members + WRITES_PER_JOB * jobs + 2 * found.folders,
        "ReadRequestUnit": 2 * found.files / ROWS_PER_READ_UNIT + READS_PER_JOB * jobs + 4 * found.folders,
        "LambdaRequest": 4 * jobs + found.folders,
        "LambdaGigabyteSecond": IMPORTING_GIGABYTE_SECONDS * found.files,
        "StartDICOMImportJob": jobs,
    }
