"""HealthImaging's import jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from lambdas.importing.files import Job
from lambdas.importing.routing import Store

# In the order a job goes through them, so that one which moves on while it is looked for is found.
STATUSES = ("SUBMITTED", "IN_PROGRESS", "COMPLETED", "FAILED")

# The most that the service gives.
JOBS_OF_A_PAGE = 50
CLOCK_MARGIN = timedelta(minutes=5)

THROTTLED = "ThrottlingException"
LATER = {THROTTLED, "ServiceQuotaExceededException"}
REFUSED = {"AccessDeniedException", "ResourceNotFoundException", "ValidationException"}


class LaterError(Exception):
    """HealthImaging takes no job now; nothing was started."""

    @property
    def is_throttled(self) -> bool:
        """Whether starts come too fast; else too many jobs run."""
        return str(self) == THROTTLED


class RefusedError(Exception):
    """HealthImaging will not take this job. `reason` is its own message, which may hold a prefix."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class ImportJob:
    """A job as HealthImaging tells of it. `output_uri` is the job's own prefix and ends in "/"."""

    job_id: str
    status: str
    output_uri: str
    submitted_at: datetime | None = None
    ended_at: datetime | None = None
    message: str | None = None


class Imaging:
    """HealthImaging through a boto3 medical-imaging client; `lists`, if it is given, is asked for lists."""

    def __init__(self, client: Any, lists: Any = None) -> None:
        self._client = client
        self._lists = lists or client

    def start(self, job: Job, store: Store, owner: str) -> str:
        """Start a job, return its id. Other errors than LaterError and RefusedError: it may run or not.

        `owner` is the account that the bucket it reads must belong to.
        """
        try:
            answer = self._client.start_dicom_import_job(
                jobName=job.name,
                clientToken=job.name,
                datastoreId=job.datastore_id,
                dataAccessRoleArn=store.role_arn,
                inputS3Uri=job.prefix,
                # A bucket's name may be another's once it is deleted: then HealthImaging refuses the job.
                inputOwnerAccountId=owner,
                outputS3Uri=store.output_uri,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in LATER:
                raise LaterError(code) from None
            if code in REFUSED:
                raise RefusedError(code, error.response["Error"].get("Message", code)) from None
            raise
        return str(answer["jobId"])

    def find(self, datastore_id: str, name: str, since: datetime) -> str | None:
        """The id of the job of that name, submitted `since` then.

        The list has no filter by name or time and keeps 90 days of jobs, so running ones come first.
        """
        for status in STATUSES:
            for summary in self._newest(datastore_id, status, since):
                if summary.get("jobName") == name:
                    return str(summary["jobId"])
        return None

    def _newest(self, datastore_id: str, status: str, since: datetime) -> Iterator[dict[str, Any]]:
        """Jobs of that status: to where they are older, as long as the list proves to be newest first."""
        pages = self._lists.get_paginator("list_dicom_import_jobs").paginate(
            datastoreId=datastore_id, jobStatus=status, PaginationConfig={"PageSize": JOBS_OF_A_PAGE}
        )
        seen: list[datetime] = []
        for page in pages:
            yield from page["jobSummaries"]
            seen = seen[-1:] + [one["submittedAt"] for one in page["jobSummaries"] if "submittedAt" in one]
            is_newest_first = seen == sorted(seen, reverse=True) and seen[:1] > seen[-1:]
            if is_newest_first and seen[-1] < since - CLOCK_MARGIN:
                return

    def get(self, datastore_id: str, job_id: str) -> ImportJob | None:
        """None when HealthImaging knows no such job."""
        try:
            answer = self._client.get_dicom_import_job(datastoreId=datastore_id, jobId=job_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        job = answer["jobProperties"]
        return ImportJob(
            job_id=job["jobId"],
            status=job["jobStatus"],
            output_uri=job["outputS3Uri"],
            submitted_at=job.get("submittedAt"),
            ended_at=job.get("endedAt"),
            message=job.get("message"),
        )
