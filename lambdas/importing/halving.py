"""A job that failed as a whole is halved, and its halves are, until the file that made it fail is alone."""

from collections.abc import Sequence
from math import ceil, log2

from lambdas.importing.files import File

# One bad file takes a halving a level. When this many are spent, it is not a few files that are bad.
BAD_FILES_FOUND = 8


def halves(files: Sequence[File]) -> list[Sequence[File]]:
    """Both halves, in the same order; of a single file, which was not alone before, there is one."""
    middle = (len(files) + 1) // 2
    return [half for half in (files[:middle], files[middle:]) if half]


def levels(files: int) -> int:
    """How often a job is halved until each half holds one file."""
    return ceil(log2(files)) if files > 1 else 0


def most_halvings(files: int) -> int:
    """Of a job and all that came of it."""
    return BAD_FILES_FOUND * levels(files)
