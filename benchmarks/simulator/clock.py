"""Virtual time: whatever runs is a greenlet, and the clock moves only when all of them wait."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

from greenlet import getcurrent, greenlet

START = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


class Clock:
    """`seconds` since 1970. What falls on the same moment happens in the order it was asked for."""

    def __init__(self) -> None:
        self.seconds = START
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._hub = getcurrent()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Have `do` called later; it must not wait itself: see `begin`."""
        heapq.heappush(self._due, (self.seconds + max(0.0, seconds), next(self._numbers), do))

    def begin(self, run: Callable[[], None]) -> None:
        """Begin what may wait."""
        self.after(0, greenlet(run, self._hub).switch)

    def wait(self, seconds: float) -> None:
        """Let others run for so long. Only what was begun may wait."""
        self.after(seconds, getcurrent().switch)
        self._hub.switch()

    def run(self, *, until: Callable[[], object]) -> None:
        while not until():
            if not self._due:
                raise RuntimeError("nothing is left to happen, and what was waited for has not come")
            self.seconds, _, do = heapq.heappop(self._due)
            do()
