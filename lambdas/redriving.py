"""Let files that have a fate wait again, so that they are imported once more."""

from collections.abc import Callable, Iterable
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File
from lambdas.importing.preflight import is_redrivable
from lambdas.importing.timing import Timing


def redrive(ledger: Ledger, files: Iterable[File], timing: Timing, now: datetime) -> list[File]:
    """Those that wait again now; a file that is not FAILED any more is left alone."""
    return _wake(ledger, [file for file in files if is_redrivable(file)], ledger.redrive, timing, now)


def revive(ledger: Ledger, files: Iterable[File], timing: Timing, now: datetime) -> list[File]:
    """`redrive` for files that are SKIPPED."""
    return _wake(ledger, list(files), ledger.revive, timing, now)


def _wake(
    ledger: Ledger, files: list[File], wake: Callable[[File], bool], timing: Timing, now: datetime
) -> list[File]:
    """Rows first, then the folders: see Ledger.touch. The folders before as well, so that nothing is left
    asleep where this ends in the middle."""
    _touch(ledger, files, timing, now)
    woken = [file for file in files if wake(file)]
    _touch(ledger, woken, timing, now)
    return woken


def _touch(ledger: Ledger, files: Iterable[File], timing: Timing, now: datetime) -> None:
    for bucket, folder, store in sorted({(file.bucket, file.folder, str(file.store)) for file in files}):
        ledger.touch(bucket, folder, store, timing, now)
