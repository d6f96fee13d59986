"""Which folders are imported together where they lie, and whose turn it is.

A unit is what one job in place could hold: the folders under one prefix, as high up as the limits let it be.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from lambdas.importing.files import Folder
from lambdas.importing.limits import Limits


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A folder in which files wait: how many, how large, and when it was or will be due.

    What a folder that is not due holds is not counted. Until `patient_until` the event of an object that
    lies there is waited for.
    """

    folder: Folder
    files: int
    bytes: int
    due_at: datetime
    patient_until: datetime
    is_urgent: bool = False

    @property
    def path(self) -> str:
        return self.folder.path


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Folders of one data store, in the order of their paths; all the objects waiting under `prefix`."""

    prefix: str
    folders: tuple[Waiting, ...]

    @property
    def files(self) -> int:
        return sum(one.files for one in self.folders)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.folders)

    @property
    def due_at(self) -> datetime:
        return min(one.due_at for one in self.folders)

    @property
    def is_urgent(self) -> bool:
        return any(one.is_urgent for one in self.folders)

    def is_due(self, now: datetime) -> bool:
        return all(one.due_at <= now for one in self.folders)


def units(waiting: Iterable[Waiting], limits: Limits, urgent: Sequence[str] = ()) -> list[Unit]:
    """The fewest units that hold all folders: each as high up as one job's limits let it be.

    A folder that alone exceeds a limit is a unit of its own. None is joined above one of the prefixes that
    are `urgent`.
    """
    ordered = sorted(waiting, key=lambda one: one.path)
    return list(_highest(ordered, limits, urgent)) if ordered else []


def lies_above(prefix: str, urgent: Iterable[str]) -> bool:
    """Whether a job that reads the prefix keeps what comes under an urgent one waiting."""
    return any(one != prefix and one.startswith(prefix) for one in urgent)


def parts(unit: Unit) -> list[Unit]:
    """The units one level down, of a unit that cannot be read as a whole; none below a single folder."""
    return [_unit(list(folders)) for _, folders in _by_child(unit.prefix, unit.folders)]


def _highest(ordered: Sequence[Waiting], limits: Limits, urgent: Sequence[str]) -> Iterator[Unit]:
    stack = [ordered]
    while stack:
        folders = stack.pop()
        unit = _unit(folders)
        if len(folders) == 1 or (share(unit, limits) <= 1 and not lies_above(unit.prefix, urgent)):
            yield unit
        else:
            stack += [list(part) for _, part in _by_child(unit.prefix, folders)][::-1]


def _unit(folders: Sequence[Waiting]) -> Unit:
    return Unit(prefix=_common(folders[0].path, folders[-1].path), folders=tuple(folders))


def _common(first: str, last: str) -> str:
    """The deepest folder that both are or lie in; of sorted paths the outermost two tell for all."""
    same = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        same += 1
    return first if first == last else first[: first.rfind("/", 0, same) + 1]


def _by_child(prefix: str, folders: Sequence[Waiting]) -> Iterator[tuple[tuple[str, ...], Iterator[Waiting]]]:
    return groupby(folders, key=lambda one: one.path[len(prefix) :].partition("/")[:2])


def share(unit: Unit | Waiting, limits: Limits) -> float:
    """How much of a job it takes: the largest of its shares of the limits."""
    folders = len(unit.folders) if isinstance(unit, Unit) else 1
    return max(unit.files / limits.files, unit.bytes / limits.bytes, folders / limits.folders)


def in_turn(found: Iterable[Unit]) -> list[Unit]:
    """The order in which units are imported: urgent ones, then each top folder's first, then the second.

    So no folder's backlog keeps another's waiting, and within one what was due first is first.
    """
    seen: dict[str, int] = {}
    ranked = []
    for unit in sorted(found, key=lambda one: (one.due_at, one.prefix)):
        top = unit.prefix.partition("/")[0]
        seen[top] = seen.get(top, 0) + 1
        ranked.append((not unit.is_urgent, seen[top], unit.due_at, unit.prefix, unit))
    return [unit for *_, unit in sorted(ranked, key=lambda one: one[:-1])]
