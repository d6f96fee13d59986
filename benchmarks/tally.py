"""`python -m benchmarks.tally`: every P10 file of pydicom and pydicom-data through one import job.

Prints how many of each transfer syntax are imported, and why the others are not. No other package that
the project installs brings P10 files. Prints one table and writes `results/tally.json`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from rich.console import Console
from rich.table import Table

from benchmarks import samples
from benchmarks.outcomes import reasons, untold
from benchmarks.provenance import keep, provenance
from benchmarks.sandbox import Sandbox, sandbox

Ends = dict[Path, str]


def ends(local: Sandbox, files: list[Path]) -> Ends:
    """What became of each file in one job."""
    s3 = local.client("s3")
    keys = {f"in/{number}": path for number, path in enumerate(files)}
    for key, path in keys.items():
        s3.put_object(Bucket=local.bucket, Key=key, Body=path.read_bytes())
    found = reasons(*local.lines(local.run_job("in/")))
    if missing := untold(keys, found):
        raise SystemExit(f"{len(missing)} files have not one line")
    return {keys[key]: reason for key, reason in found}


def counted(found: Ends) -> dict[str, dict[str, int]]:
    """How many files, by transfer syntax and by what became of them."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, reason in found.items():
        counts[syntax_of(path)][reason] += 1
    return {syntax: dict(sorted(counts[syntax].items())) for syntax in sorted(counts)}


def table(counts: Mapping[str, Mapping[str, int]]) -> Table:
    """A row for each transfer syntax and reason."""
    files = sum(sum(of_syntax.values()) for of_syntax in counts.values())
    shown = Table("transfer syntax", "what became of it", "files", title=f"{files} P10 files")
    for syntax, of_syntax in counts.items():
        for reason, count in of_syntax.items():
            shown.add_row(syntax, reason, str(count))
    return shown


def syntax_of(path: Path) -> str:
    """The name of a file's transfer syntax."""
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
    except (InvalidDicomError, OSError):
        return "unreadable"
    uid = meta.get("TransferSyntaxUID")
    return str(uid.name) if uid else "none"


def main() -> None:
    origin = provenance("emulator")
    with sandbox() as local:
        counts = counted(ends(local, samples.p10_files()))
    Console(width=170).print(table(counts))
    keep("tally", {**origin, "ends": counts})


if __name__ == "__main__":
    main()
