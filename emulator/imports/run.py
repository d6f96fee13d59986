"""One import job from SUBMITTED to COMPLETED or FAILED.

Nothing of a job is visible before its last transaction, and the ids it makes follow from
its own id. So a job cut off anywhere is simply run again.
"""

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from emulator import events
from emulator.aws import Aws, JobS3, RoleRefused, S3Refused, Scope
from emulator.imports import placing
from emulator.imports.frame_files import discard
from emulator.imports.jobs import bucket_and_prefix, mappings
from emulator.imports.manifests import manifest_files
from emulator.imports.outcomes import (
    CUSTOMER_ERROR,
    SERVER_ERROR,
    Denied,
    Imported,
    Judged,
    Outcome,
    Refused,
    Source,
)
from emulator.imports.quotas import QuotaExceeded, within_quotas
from emulator.storage import Row, Storage, now
from emulator.workers import WorkerLost

JOBS_AT_A_TIME = 4
# Worth a line in the log.
LONG_SECONDS = 10

log = logging.getLogger(__name__)


class ObjectWorkers(Protocol):
    """What `emulator.workers.Workers` is to a job."""

    def run(self, task: tuple[Source, str], /) -> Outcome: ...

    def close(self) -> None: ...


class JobFailed(Exception):  # noqa: N818 - what happened
    """The job ends FAILED. The text is its message, and names no object."""


class ImportRuns:
    """Runs submitted jobs, a few at a time, on threads of its own."""

    def __init__(
        self,
        storage: Storage,
        outbox: events.Outbox,
        aws: Aws,
        workers: ObjectWorkers,
        open_s3: Callable[[Source], JobS3],
        endpoint: str,
    ) -> None:
        self._storage = storage
        self._outbox = outbox
        self._aws = aws
        self._workers = workers
        self._open_s3 = open_s3
        self._endpoint = endpoint
        self._submitted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stopping = threading.Event()

    def start(self) -> None:
        for number in range(JOBS_AT_A_TIME):
            threading.Thread(target=self._work, name=f"import-{number}", daemon=True).start()

    def submit(self, job_id: str) -> None:
        self._submitted.put(job_id)

    def stop(self) -> None:
        """Leave every job as it is, for the next start to run again."""
        self._stopping.set()
        self._workers.close()

    def _work(self) -> None:
        while not self._stopping.is_set():
            job_id = self._submitted.get()
            try:
                self.run(job_id)
            except Exception as error:
                # The text may quote an object key.
                log.error("import job %s could not be ended: %s", job_id, type(error).__name__)

    def run(self, job_id: str) -> None:
        """Run the job to its end, unless it has ended already."""
        job = self._row("SELECT * FROM jobs WHERE id = ?", job_id)
        datastore = self._row("SELECT * FROM datastores WHERE id = ?", job["datastore_id"])
        if job["status"] not in ("SUBMITTED", "IN_PROGRESS"):
            return
        if job["status"] == "SUBMITTED":
            self._move(job, datastore, "IN_PROGRESS", "Import Job In Progress")
        try:
            self._import(job, datastore)
        except Exception as error:
            if self._stopping.is_set():
                return
            self._move(job, datastore, "FAILED", "Import Job Failed", _message(error))

    def _import(self, job: Row, datastore: Row) -> None:
        source = self._source(job, datastore)
        s3 = self._open_s3(source)
        _, prefix = bucket_and_prefix(job["input_uri"])
        try:
            keys = within_quotas(s3.objects(prefix), prefix)
        except S3Refused as error:
            raise JobFailed(f"the input cannot be listed with the role: {error}") from error
        mapped = {each.key for each in source.mappings}
        keys = [key for key in keys if key not in mapped]
        if not keys:
            raise JobFailed("there is no object under inputS3Uri")
        try:
            refused = self._place(job, datastore, self._outcomes(source, keys), s3)
        except Exception:
            if not self._stopping.is_set():
                discard(self._storage.frames, job["id"], keys)
            raise
        discard(self._storage.frames, job["id"], refused)
        self._outbox.flush()
        log.info("import job %s COMPLETED: %d files", job["id"], len(keys))

    def _source(self, job: Row, datastore: Row) -> Source:
        scope = Scope(datastore["account"], datastore["region"])
        bucket, _ = bucket_and_prefix(job["input_uri"])
        self._require_owner(job, bucket, scope.account)
        credentials = self._aws.assume_role(
            job["role_arn"],
            source_arn=events.datastore_arn(datastore),
            scope=scope,
            session_name=f"healthimaging-{job['id']}",
        )
        return Source(
            endpoint=self._endpoint,
            region=scope.region,
            credentials=credentials,
            bucket=bucket,
            job_id=job["id"],
            frames=str(self._storage.frames),
            lossless_format=datastore["lossless_format"],
            mappings=mappings(job),
        )

    def _require_owner(self, job: Row, bucket: str, own_account: str) -> None:
        told, owner = json.loads(job["request"]).get("inputOwnerAccountId"), self._aws.bucket_owner(bucket)
        if told and owner != told:
            raise JobFailed("the input bucket does not belong to the account inputOwnerAccountId")
        if not told and owner not in (None, own_account):
            raise JobFailed("the input bucket belongs to another account: name it as inputOwnerAccountId")

    def _outcomes(self, source: Source, keys: list[str]) -> list[Judged]:
        """What became of each object, in the order of the keys."""
        outcomes: list[Judged] = []
        feeders = ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            for outcome in feeders.map(lambda key: self._outcome(source, key), keys):
                if isinstance(outcome, Denied):
                    raise JobFailed(outcome.message)
                outcomes.append(outcome)
        finally:
            feeders.shutdown(cancel_futures=True)
        return outcomes

    def _outcome(self, source: Source, key: str) -> Outcome:
        if self._stopping.is_set():
            raise JobFailed("the service is stopping")
        begin = time.monotonic()
        try:
            return self._workers.run((source, key))
        except RuntimeError as error:
            return Refused(key=key, exception_type=SERVER_ERROR, message=str(error))
        except WorkerLost:
            return self._outcome_without_decoder(source, key)
        finally:
            if (seconds := time.monotonic() - begin) > LONG_SECONDS:
                log.warning("import job %s: an object took %.0f seconds", source.job_id, seconds)

    def _outcome_without_decoder(self, source: Source, key: str) -> Outcome:
        """Of an object that took its process down: decoders do that, and the rest of a file does not."""
        try:
            return self._workers.run((replace(source, transcode=False), key))
        except (WorkerLost, RuntimeError) as error:
            return Refused(key=key, exception_type=SERVER_ERROR, message=str(error))

    def _place(self, job: Row, datastore: Row, outcomes: list[Judged], s3: JobS3) -> list[str]:
        """Place what is imported, and answer the keys of what is refused."""
        imported = [each for each in outcomes if isinstance(each, Imported)]
        with (
            placing.planned(self._storage, datastore, job["id"], imported) as placements,
            placing.documents(self._storage, datastore, placements) as (written, too_large),
        ):
            outcomes = [_refused(each.key, too_large) or each for each in outcomes]
            self._write_manifests(job, outcomes, [each.placement for each in written], s3)
            with self._storage.writing() as connection:
                for each in written:
                    placing.store(connection, datastore, each)
                self._end(connection, job, datastore, "COMPLETED", "Import Job Completed")
        return [each.key for each in outcomes if isinstance(each, Refused)]

    def _write_manifests(
        self, job: Row, outcomes: list[Judged], placements: list[placing.Placement], s3: JobS3
    ) -> None:
        bucket, prefix = bucket_and_prefix(job["output_uri"])
        files = manifest_files(dict(job), outcomes, placing.placed(placements))
        try:
            for path, content in files.items():
                s3.put(bucket, prefix + path, content)
        except S3Refused as error:
            raise JobFailed(f"the output cannot be written with the role: {error}") from error

    def _move(
        self, job: Row, datastore: Row, status: str, detail_type: str, message: str | None = None
    ) -> None:
        with self._storage.writing() as connection:
            self._end(connection, job, datastore, status, detail_type, message)
        self._outbox.flush()

    def _end(
        self,
        connection: Any,
        job: Row,
        datastore: Row,
        status: str,
        detail_type: str,
        message: str | None = None,
    ) -> None:
        ended_at = now() if status in ("COMPLETED", "FAILED") else None
        connection.execute(
            "UPDATE jobs SET status = ?, ended_at = ?, message = ? WHERE id = ?",
            (status, ended_at, message, job["id"]),
        )
        events.job_changed(connection, datastore, job, status, detail_type)

    def _row(self, query: str, identity: str) -> Row:
        row = self._storage.row(query, identity)
        assert row is not None
        return row


def _refused(key: str, reasons: Mapping[str, str]) -> Refused | None:
    if key not in reasons:
        return None
    return Refused(key=key, exception_type=CUSTOMER_ERROR, message=reasons[key])


def _message(error: Exception) -> str:
    if isinstance(error, JobFailed | RoleRefused | QuotaExceeded):
        return str(error)
    log.error("import failed: %s", type(error).__name__)
    return f"internal error - {type(error).__name__}"
