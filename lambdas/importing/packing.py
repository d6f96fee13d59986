"""Which units are copied into jobs they share, because starts are short, and how those jobs are filled."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from lambdas.importing.limits import Limits
from lambdas.importing.units import Unit, Waiting, share

# A shared job is full enough when this share of a limit is used.
FULL = 0.9
# No folder is split, so larger ones would leave the jobs they share half empty.
SMALL = 0.5
# The line of planned jobs is as long as two ticks take to start: it must not run dry between them.
TICK_SECONDS = 60
FEWEST_IN_LINE = 2
# Sums of shares are compared to a millionth: they are fractions.
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Drain:
    """How fast jobs start, how many stand in line, and how soon after it is due a folder is to start."""

    per_second: float
    in_line: int
    target: timedelta

    @property
    def room(self) -> int:
        """How many more jobs the line takes."""
        return max(0, max(FEWEST_IN_LINE, ceil(self.per_second * 2 * TICK_SECONDS)) - self.in_line)

    def excess(self, due: Sequence[datetime], now: datetime) -> tuple[int, int]:
        """Of units due at these times, in order: how many starts too many, among how many first ones."""
        worst = (0, 0)
        for number, due_at in enumerate(due, start=1):
            left = (due_at + self.target - now).total_seconds()
            over = number + self.in_line - max(0, int(left * self.per_second))
            worst = max(worst, (min(over, number), number))
        return worst


def to_pack(found: Iterable[Unit], drain: Drain, limits: Limits, now: datetime) -> list[Unit]:
    """The units to copy so that all start within the target: none, or the smallest, as few as do.

    A job that is begun is filled, since a start is as dear when it is half empty.
    """
    ordered = sorted(found, key=lambda one: one.due_at)
    excess, among = drain.excess([one.due_at for one in ordered], now)
    packed: list[Unit] = []
    filled = 0.0
    for unit in sorted(ordered[:among], key=lambda one: (share(one, limits), one.due_at, one.prefix)):
        if len(packed) - ceil(filled) >= excess and -filled % 1 <= 1 - FULL:
            break
        if all(share(one, limits) <= SMALL for one in unit.folders):
            packed.append(unit)
            filled = round(filled + share(unit, limits) / FULL, DIGITS)
    return packed if len(packed) > ceil(filled) else []


def fill(pieces: Iterable[Waiting], limits: Limits) -> Iterator[list[Waiting]]:
    """Folders into jobs, none over a limit, in the order of their paths as far as that fills them.

    No folder is split. Where the next one does not fit and the job is not full, the largest that does fit is
    taken; a job stays emptier only when none does.
    """
    ordered = sorted(pieces, key=lambda one: one.path)
    spare = _Spare(ordered, limits)
    for number, first in enumerate(ordered):
        if first.path not in spare:
            continue
        job = _Job(limits)
        job.add(spare.take(first))
        for at in range(number + 1, len(ordered)):
            if ordered[at].path not in spare:
                continue
            if job.used_with(ordered[at]) > 1:
                break
            job.add(spare.take(ordered[at]))
        while job.used < FULL and (piece := spare.largest(1 - job.used)):
            job.add(spare.take(piece))
        yield job.pieces


class _Job:
    """The folders of a job, and the share of the limit that binds it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files = self._bytes = 0
        self.pieces: list[Waiting] = []

    @property
    def used(self) -> float:
        return self._share(self._files, self._bytes, len(self.pieces))

    def used_with(self, piece: Waiting) -> float:
        return self._share(self._files + piece.files, self._bytes + piece.bytes, len(self.pieces) + 1)

    def add(self, piece: Waiting) -> None:
        self.pieces.append(piece)
        self._files += piece.files
        self._bytes += piece.bytes

    def _share(self, files: int, size: int, folders: int) -> float:
        limits = self._limits
        return max(files / limits.files, size / limits.bytes, folders / limits.folders)


class _Spare:
    """The folders that no job has yet, by path and by size."""

    def __init__(self, pieces: Iterable[Waiting], limits: Limits) -> None:
        self._limits = limits
        self._by_path = {one.path: one for one in pieces}
        self._sizes = sorted(map(self._size, self._by_path.values()))

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def take(self, piece: Waiting) -> Waiting:
        del self._sizes[bisect_left(self._sizes, self._size(piece))]
        return self._by_path.pop(piece.path)

    def largest(self, most: float) -> Waiting | None:
        """The largest whose share is at most so much."""
        at = bisect_right(self._sizes, most, key=lambda one: one[0])
        return self._by_path[self._sizes[at - 1][1]] if at else None

    def _size(self, piece: Waiting) -> tuple[float, str]:
        return share(piece, self._limits), piece.path
