"""What goes on after the answer: an update, copy or deletion is begun in a request and finished on a thread.

What is begun stands in the database together with the lock it holds, so the next process
finishes what this one does not.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from emulator.errors import ServiceQuotaExceededException
from emulator.events import Outbox
from emulator.storage import Row, Storage

CONCURRENT = 100
SETTLING_SECONDS = 0.2

# Given the operation, its data store and its request; ends the operation within its own transaction.
Finish = Callable[[Row, Row, dict[str, Any]], None]

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

    def register(self, kind: str, finish: Finish) -> None:
        """Say how operations of that kind are finished."""
        self._finishes[kind] = finish

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
        try:
            self._finishes[operation["kind"]](operation, datastore, json.loads(operation["request"]))
        except Exception as error:
            # It stays, for the next process to try again. The text may quote a DICOM value.
            log.error("%s of %s failed: %s", operation["kind"], image_set_id, type(error).__name__)
        self._outbox.flush()

    def resume(self) -> None:
        """Finish what was under way when the process ended."""
        for row in self._storage.rows("SELECT image_set_id FROM operations ORDER BY rowid"):
            self.finish(row["image_set_id"])


def _after_settling(finish: Callable[[], None]) -> None:
    timer = threading.Timer(SETTLING_SECONDS, finish)
    timer.daemon = True
    timer.start()


def end(connection: sqlite3.Connection, operation: Row) -> None:
    """Forget the operation, within the transaction that unlocks its image sets."""
    connection.execute("DELETE FROM operations WHERE image_set_id = ?", (operation["image_set_id"],))
