"""What the planner will make of what waits: which jobs read files where they lie, which read copies."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from lambdas.importing.files import File, Folder, FolderState, Status
from lambdas.importing.limits import Limits
from lambdas.importing.packing import Drain, fill, to_pack
from lambdas.importing.planner import DELETED
from lambdas.importing.timing import Timing
from lambdas.importing.units import Unit, Waiting, lies_above, parts, share, units


@dataclass(frozen=True, kw_only=True)
class Lying:
    """What lies right in one folder: files to import, due at some time, and objects that are none of them."""

    files: int = 0
    bytes: int = 0
    others: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Jobs that read files where they lie, jobs that read copies, and how many files are copied for them."""

    in_place: int = 0
    staged: int = 0
    copies: int = 0

    def __add__(self, other: "Choice") -> "Choice":
        return Choice(
            in_place=self.in_place + other.in_place,
            staged=self.staged + other.staged,
            copies=self.copies + other.copies,
        )

    @property
    def jobs(self) -> int:
        return self.in_place + self.staged


def choose(
    folders: Mapping[str, Lying],
    drain: Drain,
    limits: Limits,
    now: datetime,
    *,
    within: str = "",
    is_urgent: bool = False,
    urgent: Sequence[str] = (),
) -> Choice:
    """The choice for folders of one data store, by path, when the planner's rules are gone through at once.

    They are all that lies under the prefix `within`; what lies elsewhere is not known, so no job reads there,
    nor above a prefix that is `urgent`.
    """
    waiting = [_waiting(path, one, now) for path, one in folders.items() if one.files]
    found = units(waiting, limits, urgent)
    packed = [] if is_urgent else to_pack(found, drain, limits, now)
    shared = {unit.prefix for unit in packed}
    alone = [unit for unit in found if unit.prefix not in shared]

    is_clean = _cleanness(folders, within, urgent)
    taken = [one for unit in alone for one in _taken(unit, is_clean, limits)]
    to_copy = [unit.folders[0] for unit, in_place in taken if not in_place]
    groups: list[Sequence[Waiting]] = [[one] for one in to_copy]
    if len(alone) > drain.room:
        groups = [*fill(to_copy, limits)]
    groups += fill([one for unit in packed for one in unit.folders], limits)
    return Choice(
        in_place=len(taken) - len(to_copy),
        staged=sum(_jobs_of(group, limits) for group in groups),
        copies=sum(one.files for group in groups for one in group),
    )


def _waiting(path: str, lying: Lying, now: datetime) -> Waiting:
    at = lying.due_at or now
    folder = Folder(
        bucket="", path=path, store="", state=FolderState.OPEN, first_at=at, last_at=at, due_at=at
    )
    return Waiting(folder=folder, files=lying.files, bytes=lying.bytes, due_at=at, patient_until=at)


def _cleanness(folders: Mapping[str, Lying], within: str, urgent: Sequence[str]) -> Callable[[str], bool]:
    """Tells of a prefix whether all that lies under it is to be imported, and may be by one job."""
    mixed = sorted(path for path, one in folders.items() if one.others)

    def is_clean(prefix: str) -> bool:
        at = bisect_left(mixed, prefix)
        is_mixed = at < len(mixed) and mixed[at].startswith(prefix)
        return prefix.startswith(within) and not is_mixed and not lies_above(prefix, urgent)

    return is_clean


def _taken(unit: Unit, is_clean: Callable[[str], bool], limits: Limits) -> Iterator[tuple[Unit, bool]]:
    """A unit and whether it is read in place; else its parts, down to folders that are copied."""
    if is_clean(unit.prefix) and share(unit, limits) <= 1:
        yield unit, True
    elif len(unit.folders) == 1:
        yield unit, False
    else:
        for part in parts(unit):
            yield from _taken(part, is_clean, limits)


def _jobs_of(group: Sequence[Waiting], limits: Limits) -> int:
    files, size = sum(one.files for one in group), sum(one.bytes for one in group)
    return max(1, ceil(files / limits.files), ceil(size / limits.bytes))


def lying_in(folder: Folder, rows: Iterable[File], timing: Timing) -> Lying:
    """What lies in a folder by its rows. What a job has in hand already is not chosen for again.

    A file that a job left without a word is copied, so its folder is told as one that holds something else.
    """
    rows = list(rows)
    waiting = [row for row in rows if row.status is Status.WAITING and folder.state is FolderState.OPEN]
    others = {row.key for row in rows if row.reason != DELETED} - {row.key for row in waiting}
    return Lying(
        files=len(waiting),
        bytes=sum(row.size for row in waiting),
        others=len(others) + any(row.attempts for row in waiting),
        due_at=max(timing.due(folder), folder.not_before or folder.first_at),
    )
