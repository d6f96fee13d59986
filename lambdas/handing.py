"""Units that a tick hands out over the plan queue, so that jobs are planned side by side.

To read a job's files takes a second or so, and jobs may start faster. A message that is lost, or comes when
its folders are planned already, does no harm: the next tick looks again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lambdas.importing.units import Unit

# Of a message. SQS takes 1 MiB, and a path may have 1 KB, which JSON writes as up to 3.
MOST_UNITS, MOST_FOLDERS = 5, 100


def fits_message(unit: Unit) -> bool:
    return len(unit.folders) <= MOST_FOLDERS


def handed_out(units: Iterable[Unit], *, is_short: bool) -> Iterator[dict[str, Any]]:
    """The messages for units that each fit one; `is_short` says that more wait than start soon."""
    together: list[Unit] = []
    for unit in units:
        folders = sum(len(one.folders) for one in together)
        if together and (len(together) == MOST_UNITS or folders + len(unit.folders) > MOST_FOLDERS):
            yield _message(together, is_short)
            together = []
        together.append(unit)
    if together:
        yield _message(together, is_short)


def _message(units: Sequence[Unit], is_short: bool) -> dict[str, Any]:
    return {
        "bucket": units[0].folders[0].folder.bucket,
        "units": [[one.path for one in unit.folders] for unit in units],
        "short": is_short,
    }
