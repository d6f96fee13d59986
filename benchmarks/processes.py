"""CPU time and memory of a process and its children, as Linux counts them under /proc."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
SECONDS_BETWEEN_LOOKS = 0.02


def family(pid: int) -> list[int]:
    """The process and all below it."""
    # A thread's children stand under that thread.
    children = [child for task in _tasks(pid) for child in _children(task)]
    return [pid, *(each for child in children for each in family(int(child)))]


def _tasks(pid: int) -> list[Path]:
    try:
        return sorted((PROC / f"{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(task: Path) -> list[str]:
    """None of a thread that has ended since it was listed."""
    try:
        return (task / "children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(pid: int) -> float:
    """What the process alone has used."""
    fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    try:
        return int((PROC / f"{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Peak:
    """The most that a process and its children held at one time, in bytes."""

    server = 0
    workers = 0
    together = 0

    def look(self, pid: int) -> None:
        own, *others = [resident_bytes(each) for each in family(pid)]
        self.server = max(self.server, own)
        self.workers = max(self.workers, sum(others))
        self.together = max(self.together, own + sum(others))


@contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """The peak while the block runs."""
    peak = Peak()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            peak.look(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
