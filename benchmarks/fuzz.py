"""`python -m benchmarks.fuzz`: damaged files through whole import jobs, and a tally of what became of them.

A file is made from its number alone, so that one that is found out can be made again: `--first N --files 1`.
Ends with status 1 when the service dies or stops answering, a job does not end COMPLETED with one line for
each file, an object takes longer than ten seconds, or a file fails for a fault of ours. A run of at least
20,000 files is kept in `results/fuzz.json`.
"""

import argparse
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import samples
from benchmarks.outcomes import SERVER_ERROR, reasons, untold
from benchmarks.provenance import keep, provenance
from benchmarks.sandbox import Sandbox, sandbox
from emulator.server import LOG

FILES = 20_000
FILES_OF_A_JOB = 500
LARGEST_SEED = 20_000
MOST_CHANGES = 8
SECONDS_TO_ANSWER = 10
# What parsers trip over: nothing, the sign, the largest, undefined length, delimiters and items.
NASTY = (
    b"\0\0",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x80",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\x0d\xe0",
    b"\xfe\xff\xdd\xe0",
    b"SQ",
    b"UN",
    b"\xff\xd9",
    b"\xff\x90",
)
PREAMBLE = 132
# (7FE0,0010), and how long its tag, VR and length are.
PIXEL_DATA = b"\xe0\x7f\x10\0"
PIXEL_DATA_HEADER = 12
# Which attribute it is tells nothing of a damaged file.
ATTRIBUTE = re.compile(r"attribute \w+(?= (ends|is))")

Change = Callable[[random.Random, bytearray], None]


def fuzzed(number: int) -> bytes:
    """The damaged file of that number: half of them in their pixels, if they have any."""
    chosen = random.Random(number)  # noqa: S311 - the same file every time
    data = chosen.choice(seeds())
    behind_meta = _end_of_meta(data)
    in_pixels = max(data.rfind(PIXEL_DATA) + PIXEL_DATA_HEADER, behind_meta)
    start = chosen.choice((PREAMBLE, behind_meta, in_pixels, in_pixels))
    # Pixels that keep their length reach the decoders.
    changes = IN_PLACE if start > behind_meta else CHANGES
    body = bytearray(data[start:])
    for _ in range(chosen.randint(1, MOST_CHANGES)):
        chosen.choice(changes)(chosen, body)
    return data[:start] + bytes(body)


def _end_of_meta(data: bytes) -> int:
    # (0002,0000) UL comes first, and tells the length of what follows it.
    if data[PREAMBLE : PREAMBLE + 8] != b"\2\0\0\0UL\4\0":
        return PREAMBLE
    return PREAMBLE + 12 + int.from_bytes(data[PREAMBLE + 8 : PREAMBLE + 12], "little")


@cache
def seeds() -> Sequence[bytes]:
    """Files to damage: small real ones of every transfer syntax that there are."""
    return [path.read_bytes() for path in samples.p10_files() if path.stat().st_size <= LARGEST_SEED]


def _place(chosen: random.Random, data: bytearray) -> int:
    return chosen.randrange(len(data) + 1)


def _slice(chosen: random.Random, data: bytearray) -> slice:
    start = _place(chosen, data)
    return slice(start, start + chosen.choice((1, 2, 4, 8, 64, 1024)))


def _flip(chosen: random.Random, data: bytearray) -> None:
    at = chosen.randrange(max(len(data), 1))
    data[at : at + 1] = bytes([chosen.randrange(256)])


def _overwrite(chosen: random.Random, data: bytearray) -> None:
    value = chosen.choice(NASTY)
    at = chosen.randrange(max(len(data) - len(value), 0) + 1)
    data[at : at + len(value)] = value


def _insert(chosen: random.Random, data: bytearray) -> None:
    at = _place(chosen, data)
    data[at:at] = chosen.choice(NASTY)


def _remove(chosen: random.Random, data: bytearray) -> None:
    del data[_slice(chosen, data)]


def _repeat(chosen: random.Random, data: bytearray) -> None:
    part = _slice(chosen, data)
    data[part.start : part.start] = data[part]


def _cut(chosen: random.Random, data: bytearray) -> None:
    del data[_place(chosen, data) :]


def _splice(chosen: random.Random, data: bytearray) -> None:
    other = chosen.choice(seeds())
    start = chosen.randrange(len(other))
    data[_slice(chosen, data)] = other[start : start + chosen.choice((8, 64, 1024))]


IN_PLACE: tuple[Change, ...] = (_flip, _overwrite)
CHANGES: tuple[Change, ...] = (*IN_PLACE, *IN_PLACE, _insert, _remove, _repeat, _cut, _splice)


def fuzz(local: Sandbox, numbers: range) -> tuple[Counter[str], list[str]]:
    """How many files came to each end in one job, and what must not have been."""
    folder = f"fuzz-{numbers.start}/"
    s3 = local.client("s3")
    for number in numbers:
        s3.put_object(Bucket=local.bucket, Key=f"{folder}{number}", Body=fuzzed(number))
    job = local.run_job(folder)
    if job["jobStatus"] != "COMPLETED":
        return Counter(), [f"the job of {numbers} ended {job['jobStatus']}: {job['message']}"]
    found = reasons(*local.lines(job))
    tally: Counter[str] = Counter()
    for (_, reason), count in found.items():
        tally[ATTRIBUTE.sub("attribute", reason)] += count
    wrong = [f"{key} has not one line" for key in untold((f"{folder}{each}" for each in numbers), found)]
    wrong += [f"{key}: {reason}" for key, reason in found if reason.startswith(SERVER_ERROR)]
    return tally, wrong


@contextmanager
def answering(local: Sandbox) -> Iterator[list[float]]:
    """The seconds that the service took to answer, asked all the while."""
    taken: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        imaging = local.client("medical-imaging")
        while not ended.wait(0.5):
            begin = time.perf_counter()
            imaging.get_datastore(datastoreId=local.datastore_id)
            taken.append(time.perf_counter() - begin)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        ended.set()
        asking.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    arguments = parser.parse_args()
    last = arguments.first + arguments.files
    tally: Counter[str] = Counter()
    wrong: list[str] = []
    origin = provenance("emulator")
    begin = time.monotonic()
    with sandbox() as local, answering(local) as taken:
        for start in range(arguments.first, last, FILES_OF_A_JOB):
            ends, broken = fuzz(local, range(start, min(start + FILES_OF_A_JOB, last)))
            tally += ends
            wrong += broken
        log = (local.state / LOG).read_text()
        wrong += [line for line in log.splitlines() if "an object took" in line]
    if max(taken) > SECONDS_TO_ANSWER:
        wrong.append(f"the service took {max(taken):.0f} seconds to answer")
    found = {
        "files": arguments.files,
        "first": arguments.first,
        "seconds": round(time.monotonic() - begin),
        "slowest_answer_seconds": round(max(taken), 2),
        "ends": dict(tally.most_common()),
        "wrong": wrong,
    }
    Console(width=140).print(table(found))
    if arguments.files >= FILES:
        keep("fuzz", {**origin, **found})
    sys.exit("\n".join(wrong) if wrong else 0)


def table(found: Mapping[str, Any]) -> Table:
    """Reasons, the commonest first."""
    shown = Table(
        "what became of it",
        "files",
        title=f"{found['files']} fuzzed files in {found['seconds']} s, "
        f"slowest answer {found['slowest_answer_seconds']} s",
    )
    for reason, count in found["ends"].items():
        shown.add_row(reason, str(count))
    return shown


if __name__ == "__main__":
    main()
