"""The functions joined by queues over AWS in memory: tests move the clock and choose the crashes."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.functions import make_functions
from benchmarks.memory_aws.healthimaging import MemoryHealthImaging
from benchmarks.memory_aws.s3 import ACCOUNT, INPUT, MemoryS3
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.quota import Quota
from lambdas.importing.files import File, FolderState, Job, Status, split_key
from lambdas.importing.overwrites import OLDER
from lambdas.importing.planner import DELETED, SUPERSEDED
from lambdas.messages import each_message
from lambdas.redriving import redrive
from lambdas.settings import ImportSettings, read_import_settings

P10 = bytes(128) + b"DICM"
VISIBILITY_SECONDS = 90
PLENTY_OF_MILLISECONDS = 900_000
# The queues that HealthImaging's events go to.
EVENTS_OF_JOBS = ("start", "results")


# The reasons of what is no longer current.
OVERTAKEN = {DELETED, SUPERSEDED}


class CrashError(BaseException):
    """The function's process ends here: nothing of ours may catch it."""


def upload_event(
    key: str, version: str, size: int, at: datetime, *, bucket: str = INPUT, account: str = ACCOUNT
) -> dict[str, Any]:
    """What S3 tells of a new version; its sequencer grows with the version."""
    return {
        "account": account,
        "time": at.replace(microsecond=0).isoformat(),
        "detail": {
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": size,
                "etag": version,
                "version-id": version,
                "sequencer": f"00{int(version[1:]):06X}",
            },
        },
    }


@dataclass(kw_only=True)
class Message:
    queue: str
    body: dict[str, Any]
    at: datetime


class World:
    """Everything the import touches."""

    def __init__(self, settings: ImportSettings | None = None) -> None:
        self.clock = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.messages: list[Message] = []
        self.uploads: list[Message] = []
        self.metrics: Counter[str] = Counter()
        self.tally: Counter[str] = Counter()
        self.restored: set[str] = set()
        self.purged: set[tuple[str, str]] = set()
        self.purged_unseen: set[str] = set()
        self._also_measure: Callable[[str, float], None] = lambda name, value: None
        self._call: Callable[[str, dict[str, Any]], Any] = self._direct
        self.calls: list[str] = []
        self.crash: tuple[int, str] | None = None
        self.interruption: tuple[int, Callable[[], None]] | None = None
        self._is_inside = False
        self.settings = settings or read_import_settings(os.environ["IMPORT_SETTINGS"])
        self.make_aws()
        self.ledger = Ledger(self.table)
        self._make_functions()

    def make_aws(self) -> None:
        self.table = MemoryTable(self._around)
        self.s3 = MemoryS3(self.now, self._around)
        self.imaging = MemoryHealthImaging(self.s3, self.now, self._around)

    def _make_functions(self) -> None:
        made = make_functions(self, self._measure)
        self.register, self.plan, self.stager = made.register, made.plan, made.stager
        self.starter, self.recorder, self.sweeper = made.starter, made.recorder, made.sweeper

    # What the functions meet

    def now(self) -> datetime:
        return self.clock

    def sleep(self, seconds: float) -> None:
        """Of a function, in the middle of its work."""
        self.pass_time(seconds)

    def _measure(self, name: str, value: float) -> None:
        self.metrics[name] += int(value)
        self._also_measure(name, value)

    def remaining_milliseconds(self) -> int:
        """What is left of a function's time."""
        return PLENTY_OF_MILLISECONDS

    def measure_with(self, measure: Callable[[str, float], None]) -> None:
        """Hand the metrics on, as well as keeping them."""
        self._also_measure = measure

    def call_with(self, call: Callable[[str, dict[str, Any]], Any]) -> None:
        """Hand batches to the functions through `call`, which is given the queue's name."""
        self._call = call

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
        def call() -> None:
            assert 0 <= DelaySeconds <= 900
            at = self.clock + timedelta(seconds=DelaySeconds)
            self.messages.append(Message(queue=QueueUrl, body=json.loads(MessageBody), at=at))

        self._around("SendMessage", call)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        def call() -> dict[str, Any]:
            assert 1 <= len(Entries) <= 10
            bodies = [json.loads(entry["MessageBody"]) for entry in Entries]
            self.messages += [Message(queue=QueueUrl, body=body, at=self.clock) for body in bodies]
            return {}

        return dict(self._around("SendMessageBatch", call))

    def _around(self, operation: str, call: Callable[[], Any]) -> Any:
        if not self._is_inside:
            return call()
        self.calls.append(operation)
        if self.interruption and self.interruption[0] == len(self.calls):
            meanwhile, self.interruption = self.interruption[1], None
            meanwhile()
        number, when = self.crash or (0, "")
        if number == len(self.calls) and when == "before":
            raise CrashError
        result = call()
        if number == len(self.calls) and when == "after":
            raise CrashError
        return result

    # What tests do

    def pass_time(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def upload(
        self,
        key: str,
        body: bytes = b"dicom",
        *,
        times: int = 1,
        encoding: str = "",
        begun_at: datetime | None = None,
    ) -> str:
        """Put a P10 file, or nothing, and send its event so many times; none is a lost event."""
        data = P10 + body if body else b""
        return self.upload_raw(key, data, times=times, encoding=encoding, begun_at=begun_at)

    def upload_raw(
        self,
        key: str,
        body: bytes,
        *,
        times: int = 1,
        encoding: str = "",
        begun_at: datetime | None = None,
    ) -> str:
        """Put these very bytes; in parts, if that was begun earlier."""
        version = self.s3.put(INPUT, key, body, encoding=encoding, begun_at=begun_at)
        event = upload_event(key, version, len(body), self.clock)
        self.uploads.append(Message(queue="uploads", body=event, at=self.clock))
        self.messages += [replace(self.uploads[-1]) for _ in range(times)]
        return version

    def keys(self) -> list[str]:
        """Those of the input bucket, deleted ones too."""
        return list(self.s3.buckets[INPUT])

    def hide_or_restore(self, key: str) -> None:
        """Put a delete marker, or take the newest away, of which no event tells."""
        versions = self.s3.buckets[INPUT][key]
        if len(versions) > 1 and versions[-1].body is None:
            versions.pop()
            self.restored.add(key)
            self.tally["restored"] += 1
        elif versions[-1].body is not None:
            self.s3.put(INPUT, key, None)

    def purge(self, key: str, version: str) -> None:
        """Delete this very version, of which no event tells."""
        folder, _ = split_key(key)
        self.s3.forget(INPUT, key, version)
        self.purged.add((key, version))
        if not any((row.key, row.version) == (key, version) for row in self.ledger.files(INPUT, folder)):
            self.purged_unseen.add(key)

    def ready(self, queue: str | None = None) -> list[Message]:
        return [one for one in self.messages if one.at <= self.clock and queue in (None, one.queue)]

    def deliver(self, *batch: Message) -> None:
        """Hand messages of one queue to its function; those that fail or crash come again later."""
        self.imaging.write_results()
        for message in batch:
            self.messages.remove(message)
        event = {
            "Records": [
                {"messageId": str(number), "body": json.dumps(message.body)}
                for number, message in enumerate(batch)
            ]
        }
        response = self._surviving(lambda: self._call(batch[0].queue, event))
        again = list(batch)
        if response is not None:
            again = [batch[int(failure["itemIdentifier"])] for failure in response["batchItemFailures"]]
        later = self.clock + timedelta(seconds=VISIBILITY_SECONDS)
        self.messages += [replace(message, at=later) for message in again]

    def _direct(self, queue: str, event: dict[str, Any]) -> Any:
        if queue == "uploads":
            return self.register.batch(event)
        process = {
            "plan": self.plan.message,
            "stage": self.stager.message,
            "start": self.starter.message,
            "results": self.recorder.event,
        }
        return each_message(event, process[queue])

    def deliver_ready(self) -> None:
        for message in self.ready():
            if message in self.messages:
                self.deliver(message)

    def tick(self) -> None:
        self._surviving(lambda: self.plan.tick())

    def sweep(self) -> None:
        self._surviving(lambda: self.sweeper.sweep(self.remaining_milliseconds))

    def _surviving(self, run: Callable[[], Any]) -> Any:
        """What a function answers; None when it crashed."""
        was_inside, self._is_inside = self._is_inside, True
        try:
            return run()
        except CrashError:
            self.crash = None
            self.tally["crashes"] += 1
            return None
        finally:
            self._is_inside = was_inside

    def end_job(self, *, lose_event: bool = False, **outcome: Any) -> None:
        """Let the oldest running job read what it reads now, and end."""
        for job in self.imaging.running()[:1]:
            if self.imaging.is_poisoned(job):
                outcome = {"status": "FAILED", "message": "the job failed"} | outcome
            if job.status == "SUBMITTED" and outcome.get("status") != "FAILED":
                self.imaging.run(job)
            event = self.imaging.end(job, **outcome)
            if not lose_event:
                self.messages += [Message(queue=name, body=event, at=self.clock) for name in EVENTS_OF_JOBS]

    def go_on(self, *, until: Callable[[], Any]) -> None:
        """Deliver one message at a time, until something holds."""
        for _ in range(1_000):
            if until():
                return
            if ready := self.ready():
                self.deliver(ready[0])
            else:
                self.pass_time(1)
        raise AssertionError("it never came to that")

    def settle(self, *, sweeping: bool = True, ticking: bool = True, lose_events: bool = False) -> None:
        """Go on until nothing waits or runs, every queue is empty and, if sweeping, a sweep found nothing."""
        swept_in_vain = not sweeping
        for minute in range(240):
            self._pass_a_minute(lose_events)
            if self.is_quiet() and swept_in_vain:
                return
            if ticking:
                self.tick()
            if sweeping and minute > 0 and (self.is_still() or minute % 5 == 0):
                self.sweep()
                swept_in_vain = self.is_quiet() and minute > 1
        raise AssertionError(f"never quiet: {self.messages}, {list(self.ledger.folders())}")

    def _pass_a_minute(self, lose_events: bool) -> None:
        end = self.clock + timedelta(seconds=60)
        while self.clock < end:
            while ready := self.ready():
                same = [one for one in ready if one.queue == ready[0].queue]
                self.deliver(*same[: 1 if same[0].queue in ("stage", "start", "results") else 10])
            self.end_job(lose_event=lose_events)
            running = [self.clock + timedelta(seconds=3)] if self.imaging.running() else []
            self.clock = min([end, *running, *(max(self.clock, message.at) for message in self.messages)])

    def is_still(self) -> bool:
        return not (self.messages or self.imaging.running())

    def is_quiet(self) -> bool:
        return self.is_still() and not any(map(self._has_folders, (FolderState.OPEN, FolderState.IMPORTING)))

    def _has_folders(self, state: FolderState) -> bool:
        return any(True for _ in self.ledger.folders_in(state))

    def redrive(self, *files: File) -> list[File]:
        return redrive(self.ledger, files, self.settings.timing, self.clock)

    def deploy_again(self, *, keep_messages: bool = False) -> None:
        """Replace the functions and, but for an update, the queues; the ledger is as it was."""
        if not keep_messages:
            self.messages.clear()
        self._make_functions()

    # What tests look at

    def files(self) -> list[File]:
        keys = [*(stored.key for stored in self.s3.history(INPUT)), *(key for key, _ in self.purged)]
        folders = {split_key(key)[0] for key in keys}
        return [file for folder in folders for file in self.ledger.files(INPUT, folder)]

    def fates(self) -> dict[str, str]:
        """The status of the newest version of each key."""
        return {file.key: str(file.status) for file in sorted(self.files(), key=lambda one: one.version)}

    def jobs(self) -> list[Job]:
        return list(self.ledger.jobs())

    def check(self) -> None:
        """What must hold when all is quiet.

        Nobody can tell which version of a key a job in place read while the key was written again:
        then the newest may be imported a second time, and an older one without being called imported.
        """
        files = self.files()
        stored = {(one.key, one.version) for one in self.s3.history(INPUT) if one.body is not None}
        rows = [(file.key, file.version) for file in files]
        assert len(rows) == len(set(rows))
        assert stored <= set(rows) <= stored | self.purged
        for file in files:
            self._check_file(file)
        # The rows and the slots; each file's fate, its time, its reason and how often it was imported.
        self.tally["invariants"] += 3 + 5 * len(files)
        for store in self.settings.stores:
            assert not Quota(self.table).slots(store.datastore_id)

    def _check_file(self, file: File) -> None:
        purged = sum(key == file.key for key, _ in self.purged)
        if (file.key, file.version) in self.purged and file.status is Status.WAITING:
            # Its messages were lost, and no listing shows it any more.
            return
        imported = self.imaging.imported[INPUT, file.key, file.version]
        assert file.status is not Status.WAITING
        assert file.settled_at
        assert file.reason or file.status is Status.IMPORTED
        # What came and went without any trace may have been read in its place.
        if file.status is Status.IMPORTED and file.key not in self.purged_unseen:
            assert imported >= 1, file
        # Of a job that wrote no results, nobody can tell what it imported.
        if (INPUT, file.key, file.version) not in self.imaging.untold:
            versions = self.s3.buckets[INPUT].get(file.key, ())
            if len(versions) == 1 and not purged and file.key not in self.restored:
                assert imported == (file.status is Status.IMPORTED), file
            assert imported <= 2 + (file.key in self.restored) + purged
        # Older than what was imported, and is taken away since: it is skipped all the same.
        if file.reason in OVERTAKEN or (file.reason == OLDER and not purged):
            newest = self.s3.current(INPUT).get(file.key)
            assert not newest or newest.version != file.version, file
