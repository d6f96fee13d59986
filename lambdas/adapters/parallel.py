"""Calls that wait for AWS, several at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(workers: int, do: Callable[[T], R], what: Iterable[T]) -> list[R]:
    """What `do` answers for each, in order; threads are made only where there is something to share."""
    what = list(what)
    if workers == 1 or len(what) < 2:
        return [do(one) for one in what]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(do, what))
