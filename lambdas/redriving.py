"""Let failed files wait again, so that they are imported once more."""

from collections.abc import Iterable
from datetime import datetime

from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File
from lambdas.importing.preflight import is_redrivable
from lambdas.importing.timing import Timing


def redrive(ledger: Ledger, files: Iterable[File], timing: Timing, now: datetime) -> list[File]:
    """Those that wait again now; a file that is not FAILED any more is left alone.

    Rows first, then the folders: the sweep wakes a folder that was not told.
    """
    redriven = [file for file in files if is_redrivable(file) and ledger.redrive(file)]
    for bucket, folder, store in sorted({(file.bucket, file.folder, str(file.store)) for file in redriven}):
        ledger.touch(bucket, folder, store, timing, now)
    return redriven
