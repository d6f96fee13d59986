"""Put one row in the ledger for each object version that S3 tells of, and have its folder planned."""

import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas import clients
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.parallel import each
from lambdas.adapters.queues import Queue
from lambdas.adapters.rows import to_time
from lambdas.adapters.storage import Storage
from lambdas.importing.files import File, Status, failed, skipped, split_key
from lambdas.importing.preflight import SKIPPED_RULES, refusal
from lambdas.importing.routing import COMPLETE_MARKER, NO_VERSION, skip_rule
from lambdas.messages import Response, failures
from lambdas.settings import ImportSettings, read_import_settings, setting
from lambdas.telemetry import (
    FILES_FAILED,
    FILES_REGISTERED,
    FILES_SKIPPED,
    described,
    logger,
    measure,
    observed,
)

# The last files' events may come after that of the marker which was written after them.
EVENTS_TOGETHER_SECONDS = 2

FolderName = tuple[str, str]


class OtherAccountError(ValueError):
    """An event comes from another account than the one that its bucket must belong to."""


@dataclass(frozen=True, kw_only=True)
class Register:
    """The function's parts."""

    ledger: Ledger
    storage: Storage
    plans: Queue
    settings: ImportSettings
    now: Callable[[], datetime]
    measure: Callable[[str, float], None]
    workers: int

    def batch(self, event: dict[str, Any]) -> Response:
        """Register a batch of uploads, a folder at a time: what fails is brought again."""
        failed: list[str] = []
        uploads: dict[FolderName, list[tuple[str, File]]] = defaultdict(list)
        for record in event["Records"]:
            try:
                file = self._file(json.loads(record["body"]))
            except (KeyError, TypeError, ValueError) as error:
                logger.warning(
                    "no upload event", extra={"message_id": record["messageId"], **described(error)}
                )
                failed.append(record["messageId"])
            else:
                uploads[file.bucket, file.folder].append((record["messageId"], file))

        for folder in uploads.values():
            try:
                self._register([file for _, file in folder])
            except Exception as error:
                logger.warning("folder failed", extra={"messages": len(folder), **described(error)})
                failed += [message_id for message_id, _ in folder]
        return failures(failed)

    def _file(self, event: dict[str, Any]) -> File:
        detail = event["detail"]
        bucket, described_object = detail["bucket"]["name"], detail["object"]
        if event["account"] != self.settings.owner(bucket):
            raise OtherAccountError
        key, size = described_object["key"], int(described_object["size"])
        folder, name = split_key(key)
        store = self.settings.store_of(bucket, key)
        file = File(
            bucket=bucket,
            folder=folder,
            name=name,
            version=described_object.get("version-id") or "null",
            size=size,
            etag=described_object.get("etag", ""),
            sequencer=described_object.get("sequencer", ""),
            uploaded_at=to_time(event["time"]),
            store=store.id if store else None,
        )
        rule = skip_rule(key, size, store, self.settings.bytes_per_file)
        if name == self.settings.complete_marker:
            rule = COMPLETE_MARKER
        if rule:
            return skipped(file, rule, self.now())
        return failed(file, NO_VERSION, self.now()) if file.version == "null" else file

    def _register(self, files: list[File]) -> None:
        """Rows first, born with their fate if they have one; then the folder: see Ledger.touch."""
        unique = {(file.name, file.version): file for file in files}.values()
        files = each(self.workers, self._looked_at, unique)
        new = self.ledger.register(files)
        # What stands there already goes by its row: this delivery's look may have ended otherwise.
        waiting = [
            file
            for file in files
            if (file.status is Status.WAITING if file in new else self._still_waits(file))
        ]
        self.measure(FILES_REGISTERED, len(new))
        self.measure(FILES_SKIPPED, sum(file.status is Status.SKIPPED for file in new))
        self.measure(FILES_FAILED, sum(file.status is Status.FAILED for file in new))
        if waiting:
            self._touch(waiting[0])
        elif new:
            self.ledger.note(new[0].bucket, new[0].folder, self.now())
        # Not only for what is new: a delivery before this one may have ended before the sign was sent.
        if any(file.reason == COMPLETE_MARKER for file in files):
            sign = {"bucket": files[0].bucket, "folder": files[0].folder, "complete": True}
            self.plans.send(sign, EVENTS_TOGETHER_SECONDS)

    def _looked_at(self, file: File) -> File:
        """The file with its fate, when its first bytes say that no job need read it."""
        look = self.storage.look(file) if file.status is Status.WAITING else None
        rule = refusal(look) if look else None
        if rule is None:
            return file
        return (skipped if rule in SKIPPED_RULES else failed)(file, rule, self.now())

    def _still_waits(self, file: File) -> bool:
        """A row that stood there already, from a delivery which may have ended before its folder was told."""
        standing = self.ledger.file(file)
        return standing is not None and standing.status is Status.WAITING

    def _touch(self, file: File) -> None:
        now, timing = self.now(), self.settings.timing
        if self.ledger.touch(file.bucket, file.folder, str(file.store), timing, now):
            wait = (timing.due_at(now, now) - now).total_seconds()
            self.plans.send({"bucket": file.bucket, "folder": file.folder}, wait)


def from_environment() -> Register:
    table = clients.table()
    (plans,) = clients.queues("PLAN_QUEUE_URL")
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    return Register(
        ledger=Ledger(table, clients.WORKERS),
        storage=clients.storage(settings),
        plans=plans,
        settings=settings,
        now=clients.now,
        measure=measure,
        workers=clients.WORKERS,
    )


register = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response:
    return register.batch(event)
