"""Give each file of an ended job its fate, from what HealthImaging wrote about the job."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lambdas import clients
from lambdas.adapters.imaging import Imaging, ImportJob
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.finishing import OVER, Finisher
from lambdas.halving import Halver
from lambdas.importing.files import FINISHED, Job, JobState, Version, split_key
from lambdas.importing.manifests import (
    FAILURE,
    MANIFEST,
    REASON_CHARACTERS,
    SUCCESS,
    WARNING,
    Outcome,
    read_outcomes,
    read_summary,
)
from lambdas.importing.settling import Ended, Settlement, fail_undecided, settle_in_place, settle_staged
from lambdas.importing.sources import AfterImport
from lambdas.messages import Response, each_message
from lambdas.settings import read_import_settings, setting
from lambdas.tagging import Tagger
from lambdas.telemetry import JOBS_STARTED, logger, measure, observed

# A manifest may come later than the event; one that is not there by then never comes. Whether a job that
# FAILED writes one, AWS does not say. What it imported would be in there; each level of halving waits for it.
MANIFEST_WITHIN = {JobState.COMPLETED: timedelta(hours=1), JobState.FAILED: timedelta(minutes=2)}
SOONEST_LOOK = timedelta(seconds=15)
NO_MANIFEST = (
    "HealthImaging wrote no result for this file's job: look whether it was imported before trying again"
)
VANISHED = "HealthImaging no longer knows the job"


class ResultLateError(Exception):
    """What a job's event tells of is not all there yet; the event is to come again, after `wait`."""

    def __init__(self, reason: str, wait: timedelta = SOONEST_LOOK) -> None:
        super().__init__(reason)
        self.wait = max(wait, SOONEST_LOOK)


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """The function's parts."""

    ledger: Ledger
    storage: Storage
    imaging: Imaging
    finisher: Finisher
    halver: Halver
    results: Queue
    now: Callable[[], datetime]
    measure: Callable[[str, float], None]

    def event(self, event: dict[str, Any]) -> None:
        """Record the job of an "Import Job Completed" or "Import Job Failed" event."""
        detail = event["detail"]
        job = self.ledger.job(detail.get("jobName", ""))
        if job is None or job.state in OVER or job.job_id not in (None, detail["jobId"]):
            logger.info("not a job to record", extra={"job_id": detail["jobId"]})
            return
        try:
            adopted = self._adopted(job, detail["jobId"])
            self._record(adopted, self.imaging.get(job.datastore_id, detail["jobId"]))
        except ResultLateError as late:
            # Waiting is the queue's: a message that is failed comes again after half an hour, five times.
            logger.info("results late", extra={"job": job.name, "reason": str(late)})
            self.results.send(event, late.wait.total_seconds())

    def _adopted(self, job: Job, job_id: str) -> Job:
        """The job as STARTED: its event may come before start has noted its id, or instead."""
        if job.state is JobState.STARTED:
            return job
        now = self.now()
        adopted = replace(
            job, state=JobState.STARTED, job_id=job_id, at=now, started_at=job.started_at or now
        )
        if not self.ledger.advance(job, adopted):
            raise ResultLateError("the job's row has just changed")
        self.measure(JOBS_STARTED, 1)
        return adopted

    def _record(self, job: Job, import_job: ImportJob | None) -> None:
        if import_job is None:
            import_job = ImportJob(job_id=str(job.job_id), status="FAILED", output_uri="", message=VANISHED)
        if import_job.status not in FINISHED:
            raise ResultLateError("HealthImaging still has the job under way")
        now = self.now()
        outcomes, failure = self._results(job, import_job, now)
        ended = Ended(
            job=job,
            started_at=import_job.submitted_at or job.started_at or job.created_at,
            ended_at=import_job.ended_at or now,
            failure=failure,
            is_undecided=import_job.status == JobState.FAILED and bool(import_job.output_uri),
        )
        settlement = self.finisher.still_its_own(job, self._settlement(job, ended, outcomes, now))
        halves: dict[str, list[str]] = {}
        if settlement.undecided:
            halves = self.halver.split(job, settlement.undecided, self.now())
            if not halves:
                settlement = fail_undecided(ended, settlement, now)
        state, message = JobState(import_job.status), import_job.message or failure
        self.finisher.finish(job, settlement, state, message, now, halves)
        self.halver.stage(halves)

    def _results(
        self, job: Job, import_job: ImportJob, now: datetime
    ) -> tuple[dict[str, Outcome], str | None]:
        """The outcome of each key, and why the files without one failed, if they did."""
        state = JobState(import_job.status)
        outcomes, is_told = self._outcomes(import_job.output_uri)
        since = now - (import_job.ended_at or job.at)
        if import_job.output_uri and not is_told and since < MANIFEST_WITHIN[state]:
            # Each wait is as long as all before it.
            raise ResultLateError("the job's results are not all there", wait=since)
        if state is JobState.FAILED:
            return outcomes, (import_job.message or "the job failed")[:REASON_CHARACTERS]
        return outcomes, None if is_told else NO_MANIFEST

    def _outcomes(self, output_uri: str) -> tuple[dict[str, Outcome], bool]:
        """What is written so far, and whether that is all."""
        bucket, _, prefix = output_uri.removeprefix("s3://").partition("/")
        manifest = self.storage.document(bucket, prefix + MANIFEST) if output_uri else None
        if manifest is None:
            return {}, False
        outcomes = read_outcomes(
            successes=self.storage.lines(bucket, prefix + SUCCESS),
            failures=self.storage.lines(bucket, prefix + FAILURE),
            warnings=self.storage.lines(bucket, prefix + WARNING),
        )
        return outcomes, read_summary(manifest).is_told_by(outcomes)

    def _settlement(self, job: Job, ended: Ended, outcomes: dict[str, Outcome], now: datetime) -> Settlement:
        members = self.ledger.members(job)
        if not job.in_place:
            by_key = {key.removeprefix(job.path): outcome for key, outcome in outcomes.items()}
            return settle_staged(ended, members, by_key, now)
        versions = self._versions(job, outcomes)
        folders = {split_key(key)[0] for key in outcomes}
        rows = [row for folder in folders for row in self.ledger.files(job.bucket, folder)]
        return settle_in_place(ended, members, rows, versions, outcomes, now)

    def _versions(self, job: Job, outcomes: dict[str, Outcome]) -> list[Version]:
        listed = self.storage.versions(job.bucket, job.path)
        return [version for version in listed if version.key in outcomes]


def from_environment() -> Recorder:
    table = clients.table()
    plans, stages, results = clients.queues("PLAN_QUEUE_URL", "STAGE_QUEUE_URL", "RESULTS_QUEUE_URL")
    ledger = Ledger(table, clients.WORKERS)
    settings = read_import_settings(setting(os.environ, "IMPORT_SETTINGS"))
    timing, storage = settings.timing, clients.storage(settings)
    tagger = Tagger(
        ledger=ledger,
        storage=storage,
        is_ours=lambda bucket: settings.partner(bucket) is None,
        measure=measure,
        workers=clients.WORKERS,
    )
    return Recorder(
        ledger=ledger,
        storage=storage,
        imaging=Imaging(clients.healthimaging()),
        finisher=Finisher(
            ledger=ledger,
            quota=Quota(table),
            plans=plans,
            timing=timing,
            measure=measure,
            tag=tagger.tag if settings.sources.after_import is AfterImport.TAG else None,
        ),
        halver=Halver(
            ledger=ledger,
            stages=stages,
            deployment=settings.deployment,
            staging_bucket=setting(os.environ, "STAGING_BUCKET"),
        ),
        results=results,
        now=clients.now,
        measure=measure,
    )


recorder = clients.started(from_environment())


@observed
def handle(event: dict[str, Any], context: Any) -> Response:
    return each_message(event, recorder.event)
