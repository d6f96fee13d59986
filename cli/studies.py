"""The ledger's folders as studies: how many files of each have which fate, and how long that took."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File, Folder, Status


@dataclass(frozen=True, kw_only=True)
class Study:
    """One folder of the input bucket, or by its URI one of a partner's.

    `seconds` is from the last upload to the last file's fate; None while a file waits.
    """

    folder: str
    uploaded: int
    waiting: int
    imported: int
    failed: int
    skipped: int
    image_sets: int
    seconds: float | None
    reasons: list[str]


def studies(ledger: Ledger, input_bucket: str) -> list[Study]:
    """Every folder of the ledger in which files lie, by name."""
    return [
        study(named(folder.bucket, folder.path, input_bucket), files) for folder, files in contents(ledger)
    ]


def named(bucket: str, path: str, input_bucket: str) -> str:
    """A key or folder to people: its URI where it lies in a partner's bucket."""
    return path if bucket == input_bucket else uri_of(bucket) + path


def uri_of(bucket: str) -> str:
    return f"s3://{bucket}/"


def contents(ledger: Ledger) -> Iterator[tuple[Folder, list[File]]]:
    """Every folder of the ledger in which files lie, by name, with them: a job's prefix has a row as well."""
    for folder in folders(ledger):
        if files := ledger.files(folder.bucket, folder.path):
            yield folder, files


def folders(ledger: Ledger) -> list[Folder]:
    """Every folder by name, once: one that changes state while the ledger is read comes twice."""
    found = {(folder.bucket, folder.path): folder for folder in ledger.folders()}
    return [found[name] for name in sorted(found)]


def study(folder: str, files: Iterable[File]) -> Study:
    """The files of one folder, counted."""
    rows = list(files)
    fates = Counter(row.status for row in rows)
    return Study(
        folder=folder,
        uploaded=len(rows),
        waiting=fates[Status.WAITING],
        imported=fates[Status.IMPORTED],
        failed=fates[Status.FAILED],
        skipped=fates[Status.SKIPPED],
        image_sets=len({row.image_set_id for row in rows if row.image_set_id}),
        seconds=_seconds(rows),
        reasons=sorted({row.reason for row in rows if row.status == Status.FAILED and row.reason}),
    )


def _seconds(rows: list[File]) -> float | None:
    settled: list[datetime] = [row.settled_at for row in rows if row.settled_at is not None]
    if not rows or len(settled) < len(rows):
        return None
    return round((max(settled) - max(row.uploaded_at for row in rows)).total_seconds(), 1)


def totals(found: list[Study]) -> dict[str, Any]:
    """The sums over all studies; `seconds` is the slowest study's."""
    times = [one.seconds for one in found if one.seconds is not None]
    counts = ("uploaded", "waiting", "imported", "failed", "skipped", "image_sets")
    return {
        "studies": len(found),
        **{name: sum(getattr(one, name) for one in found) for name in counts},
        "seconds": max(times, default=None),
    }


def table(found: list[Study]) -> Group:
    """The studies for people, the sums in the last row, and why files failed."""
    sums = totals(found)
    shown = Table(show_footer=True, box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("study", f"{sums['studies']} studies", overflow="fold")
    counts = ["uploaded", "imported", "failed", *(name for name in ("waiting", "skipped") if sums[name])]
    for name in (*counts, "image_sets"):
        shown.add_column(name.replace("_", " "), str(sums[name]), justify="right", no_wrap=True)
    shown.add_column("seconds", _shown(sums["seconds"]), justify="right", no_wrap=True)
    for one in found:
        numbers = (str(getattr(one, name)) for name in (*counts, "image_sets"))
        shown.add_row(one.folder or "/", *numbers, _shown(one.seconds))
    why = [f"{one.folder or '/'} failed: {reason}" for one in found for reason in one.reasons]
    return Group(shown, *why)


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
