"""What goes on after the answer: an update, copy or deletion is begun in a request and finished on a thread.

What is begun stands in the database together with the lock it holds, so the next process
finishes what this one does not.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from emulator.errors import ServiceQuotaExceededException
from emulator.events import Outbox
from emulator.storage import Row, Storage

CONCURRENT = 100
SETTLING_SECONDS = 0.2

# Given the operation, its data store and its request; ends the operation within its own transaction.
Finish = Callable[[Row, Row, dict[str, Any]], None]
# As that, with the message of the version that failed.
Fail = Callable[[Row, Row, dict[str, Any], str], None]

log = logging.getLogger(__name__)


class Operations:
    """The operations under way, one for each image set."""

    def __init__(
        self, storage: Storage, outbox: Outbox, later: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        """`later` is handed what finishes an operation, to call it after the request is answered."""
        self._storage = storage
        self._outbox = outbox
        self._later = later or _after_settling
        self._finishes: dict[str, Finish] = {}
        self._fails: dict[str, Fail] = {}

    def register(self, kind: str, finish: Finish, fail: Fail | None = None) -> None:
        """Say how operations of that kind are finished, and how they end when that is a fault of ours.

        Without `fail` they stay, for the next process to try again.
        """
        self._finishes[kind] = finish
        if fail:
            self._fails[kind] = fail

    def begin(
        self,
        connection: sqlite3.Connection,
        kind: str,
        datastore: Row,
        image_set_id: str,
        request: dict[str, Any],
    ) -> None:
        """Record the operation, within the transaction that locks its image sets."""
        (running,) = connection.execute(
            "SELECT count(*) FROM operations WHERE datastore_id = ? AND kind = ?", (datastore["id"], kind)
        ).fetchone()
        if running >= CONCURRENT:
            raise ServiceQuotaExceededException(
                f"the data store runs {running} {kind} requests: at most {CONCURRENT} may"
            )
        connection.execute(
            "INSERT INTO operations VALUES (?, ?, ?, ?)",
            (image_set_id, datastore["id"], kind, json.dumps(request)),
        )

    def finish_later(self, image_set_id: str) -> None:
        """Publish what was begun, and finish it soon."""
        self._outbox.flush()
        self._later(lambda: self.finish(image_set_id))

    def finish(self, image_set_id: str) -> None:
        """Finish the operation of that image set, unless it is finished already."""
        operation = self._storage.row("SELECT * FROM operations WHERE image_set_id = ?", image_set_id)
        if operation is None:
            return
        datastore = self._storage.row("SELECT * FROM datastores WHERE id = ?", operation["datastore_id"])
        assert datastore is not None
        request = json.loads(operation["request"])
        with _logging(operation):
            try:
                self._finishes[operation["kind"]](operation, datastore, request)
            except Exception as error:
                # An image set that stayed LOCKED could not even be deleted, and imports would wait for it.
                if fail := self._fails.get(operation["kind"]):
                    fail(operation, datastore, request, f"INTERNAL_ERROR: {type(error).__name__}.")
                raise
        self._outbox.flush()

    def resume(self) -> None:
        """Finish what was under way when the process ended."""
        for row in self._storage.rows("SELECT image_set_id FROM operations ORDER BY rowid"):
            self.finish(row["image_set_id"])


@contextmanager
def _logging(operation: Row) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # The text may quote a DICOM value.
        kind, image_set_id = operation["kind"], operation["image_set_id"]
        log.error("%s of %s failed: %s", kind, image_set_id, type(error).__name__)


def _after_settling(finish: Callable[[], None]) -> None:
    timer = threading.Timer(SETTLING_SECONDS, finish)
    timer.daemon = True
    timer.start()


def end(connection: sqlite3.Connection, operation: Row) -> None:
    """Forget the operation, within the transaction that unlocks its image sets."""
    connection.execute("DELETE FROM operations WHERE image_set_id = ?", (operation["image_set_id"],))
