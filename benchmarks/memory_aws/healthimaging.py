"""Import jobs in memory: they read S3 when they run, and write the manifests HealthImaging writes."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.memory_aws.s3 import MemoryS3, Source, Stored

BAD = b"bad"
# Fails the job that reads it, as a whole.
POISON = b"poison"
# Meets an error of the service the first time it is read, or each time.
FLAKY, BROKEN = b"flaky", b"broken"
# Imported into an image set that is not primary; imported with a warning.
NOT_PRIMARY, WARNED = b"not primary", b"warned"


@dataclass(kw_only=True)
class Job:
    job_id: str
    name: str
    request: dict[str, str]
    submitted_at: datetime
    status: str = "SUBMITTED"
    ended_at: datetime | None = None
    message: str | None = None
    results: dict[str, bytes] = field(default_factory=dict)


class MemoryHealthImaging:
    """What the import uses of a boto3 medical-imaging client.

    `imported` counts how often each object version was imported; `refusals` are raised, one a start.
    `most_running` jobs were under way at a time in one data store. `late_results` are, for the next jobs that
    end, how many seconds later each writes its results, or None for never: then what it read is `untold`.
    """

    def __init__(
        self,
        s3: MemoryS3,
        now: Callable[[], datetime],
        around: Callable[[str, Callable[[], Any]], Any] | None = None,
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self.imported: Counter[Source] = Counter()
        self.read: dict[str, set[Source]] = {}
        self._flaky_reads: Counter[Source] = Counter()
        self.refusals: list[str] = []
        self.refused: Counter[str] = Counter()
        self.late_results: list[float | None] = []
        self.untold: set[Source] = set()
        self._unwritten: list[tuple[datetime, Job]] = []
        self.starts: list[datetime] = []
        self.most_running = 0
        self.concurrent_jobs = 100
        self._tokens: dict[str, str] = {}
        self._running: dict[str, Job] = {}
        self._s3 = s3
        self._now = now
        self._around = around or (lambda _, call: call())

    def start_dicom_import_job(self, **request: str) -> Any:
        return self._around("StartDICOMImportJob", lambda: self._start(request))

    def _start(self, request: dict[str, str]) -> dict[str, str]:
        if self.refusals:
            raise self._refused(self.refusals.pop(0))
        if request["clientToken"] in self._tokens:
            return {"jobId": self._tokens[request["clientToken"]]}
        datastore_id = request["datastoreId"]
        running = sum(job.request["datastoreId"] == datastore_id for job in self._running.values())
        if running >= self.concurrent_jobs:
            raise self._refused("ServiceQuotaExceededException")
        job_id = f"{len(self._tokens) + 1:032x}"
        self.jobs[job_id] = self._running[job_id] = Job(
            job_id=job_id, name=request["jobName"], request=request, submitted_at=self._now()
        )
        self._tokens[request["clientToken"]] = job_id
        self.starts.append(self._now())
        self.most_running = max(self.most_running, running + 1)
        return {"jobId": job_id}

    def _refused(self, code: str) -> ClientError:
        self.refused[code] += 1
        return _error(code, "StartDICOMImportJob")

    def get_dicom_import_job(self, datastoreId: str, jobId: str) -> Any:  # noqa: N803
        def call() -> Any:
            job = self.jobs.get(jobId)
            if job is None:
                raise _error("ResourceNotFoundException", "GetDICOMImportJob")
            properties = {
                "jobId": job.job_id,
                "jobName": job.name,
                "jobStatus": job.status,
                "submittedAt": job.submitted_at,
                "outputS3Uri": self._output(job),
            }
            if job.ended_at:
                properties["endedAt"] = job.ended_at
            if job.message:
                properties["message"] = job.message
            return {"jobProperties": properties}

        return self._around("GetDICOMImportJob", call)

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_dicom_import_jobs"
        return self

    def paginate(self, datastoreId: str, jobStatus: str, **_: Any) -> Iterator[Any]:  # noqa: N803
        """Oldest first: AWS promises no order."""

        def call() -> Any:
            return [
                {
                    "jobSummaries": [
                        {"jobId": job.job_id, "jobName": job.name, "submittedAt": job.submitted_at}
                    ]
                }
                for job in self.jobs.values()
                if job.status == jobStatus and job.request["datastoreId"] == datastoreId
            ]

        return iter(self._around("ListDICOMImportJobs", call))

    def running(self) -> list[Job]:
        return [job for job in self._running.values() if job.job_id in self.jobs]

    def run(self, job: Job) -> None:
        """Read what lies under the prefix at this moment, and import it. Call `end` later."""
        bucket, prefix = split_uri(job.request["inputS3Uri"])
        job.status = "IN_PROGRESS"
        successes: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        warned: list[dict[str, Any]] = []
        for key, stored in self._s3.current(bucket, prefix).items():
            self.read.setdefault(job.name, set()).add(stored.source)
            if exception := self._exception(stored):
                failures.append({"inputFile": key, "exception": exception})
                continue
            self.imported[stored.source] += 1
            body = stored.body or b""
            response: dict[str, Any] = {"imageSetId": f"set-{prefix}", "isPrimary": NOT_PRIMARY not in body}
            if WARNED in body:
                response["warnings"] = [{"type": "OTHER"}]
            (warned if WARNED in body else successes).append({"inputFile": key, "importResponse": response})
        summary = {
            "numberOfScannedFiles": len(successes) + len(warned) + len(failures),
            "numberOfImportedFiles": len(successes) + len(warned),
            "numberOfFilesWithCustomerError": len(failures),
            "numberOfFilesWithServerError": 0,
        }
        job.results = {
            "job-output-manifest.json": _lines([{"jobSummary": summary}]),
            "SUCCESS/success.ndjson": _lines(successes),
            "WARNING/warning.ndjson": _lines(warned),
            "FAILURE/failure.ndjson": _lines(failures),
        }

    def is_poisoned(self, job: Job) -> bool:
        bucket, prefix = split_uri(job.request["inputS3Uri"])
        found = self._s3.current(bucket, prefix).values()
        return job.status == "SUBMITTED" and any(POISON in (stored.body or b"") for stored in found)

    def _exception(self, stored: Stored) -> dict[str, str] | None:
        body = stored.body or b""
        if body == b"" or BAD in body:
            return {"exceptionType": "ValidationException", "message": "no DICOM"}
        is_flaky = FLAKY in body
        if is_flaky:
            self._flaky_reads[stored.source] += 1
        if BROKEN in body or (is_flaky and self._flaky_reads[stored.source] == 1):
            return {"exceptionType": "InternalServerException", "message": "try again"}
        return None

    def end(self, job: Job, status: str = "COMPLETED", message: str | None = None) -> dict[str, Any]:
        """End a job; its event."""
        job.status, job.ended_at, job.message = status, self._now(), message
        self._running.pop(job.job_id, None)
        late = self.late_results.pop(0) if self.late_results else 0
        if late is None:
            self.untold |= self.read.get(job.name, set())
        else:
            self._unwritten.append((self._now() + timedelta(seconds=late), job))
            self.write_results()
        return {
            "source": "aws.medical-imaging",
            "detail-type": f"Import Job {status.title()}",
            "detail": {
                "datastoreId": job.request["datastoreId"],
                "jobId": job.job_id,
                "jobName": job.name,
                "jobStatus": status,
            },
        }

    def _output(self, job: Job) -> str:
        return f"{job.request['outputS3Uri']}{job.request['datastoreId']}-DicomImport-{job.job_id}/"

    def write_results(self) -> None:
        """Those whose time has come."""
        due = [one for one in self._unwritten if one[0] <= self._now()]
        for one in due:
            self._unwritten.remove(one)
            bucket, prefix = split_uri(self._output(one[1]))
            for name, body in one[1].results.items():
                if body:
                    self._s3.put(bucket, prefix + name, body)


def _lines(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def split_uri(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code}: no"}}, operation)
