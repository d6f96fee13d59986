"""Import jobs: started, read and listed. `run` does the work."""

import json
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

from emulator import events, pages
from emulator.aws import Aws, Scope
from emulator.datastores import Datastores
from emulator.errors import (
    AccessDeniedException,
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from emulator.imports.outcomes import MetadataMapping
from emulator.storage import Row, Storage, now

CONCURRENT_JOBS = 100
# Of the Regions, one has another default quota.
CONCURRENT_JOBS_OF_REGION = {"ap-southeast-2": 20}
# After that AWS archives a job: it is no longer listed.
LISTED_SECONDS = 90 * 24 * 3600


class ImportJobs:
    """StartDICOMImportJob, GetDICOMImportJob and ListDICOMImportJobs."""

    def __init__(
        self,
        storage: Storage,
        outbox: events.Outbox,
        aws: Aws,
        datastores: Datastores,
        run: Callable[[str], None],
    ) -> None:
        """`run` is handed the id of each job to work on, and returns at once."""
        self._storage = storage
        self._outbox = outbox
        self._aws = aws
        self._datastores = datastores
        self._run = run

    def start(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """StartDICOMImportJob. The same clientToken with the same parameters answers the same job."""
        datastore = self._datastores.find_active(scope, parameters["datastoreId"])
        role = parameters["dataAccessRoleArn"]
        if role.split(":")[4] != scope.account:
            raise AccessDeniedException("Cross-account pass role is not allowed.")
        if not self._aws.may_pass_role(role):
            raise AccessDeniedException(f"the caller is not authorized to perform: iam:PassRole on {role}")
        request = json.dumps(parameters, sort_keys=True)
        # In one transaction, so that a request which is sent twice at once makes one job.
        with self._storage.writing() as connection:
            query = "SELECT * FROM jobs WHERE datastore_id = ? AND client_token = ?"
            # The data store may be on its way out by now, and no job would hold that up any more.
            datastore = self._datastores.find_active(scope, datastore["id"])
            known = self._storage.row(query, datastore["id"], parameters["clientToken"])
            job = known or self._insert(connection, datastore, parameters, request)
        if job["request"] != request:
            raise ConflictException("clientToken was used before with other parameters: send a new one")
        if not known:
            self._outbox.flush()
            self._run(job["id"])
        return {
            "datastoreId": datastore["id"],
            "jobId": job["id"],
            "jobStatus": job["status"],
            "submittedAt": job["submitted_at"],
        }

    def get(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        datastore = self._datastores.find(scope, parameters["datastoreId"])
        job = self._storage.row(
            "SELECT * FROM jobs WHERE id = ? AND datastore_id = ?", parameters["jobId"], datastore["id"]
        )
        if job is None:
            raise ResourceNotFoundException(f"import job {parameters['jobId']} does not exist")
        uris = {"inputS3Uri": job["input_uri"], "outputS3Uri": job["output_uri"]}
        configuration = json.loads(job["request"]).get("importConfiguration")
        optional = {"importConfiguration": configuration} if configuration else {}
        return {"jobProperties": {**_summary(job), **uris, **optional}}

    def list(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        datastore = self._datastores.find(scope, parameters["datastoreId"])
        size = parameters.get("maxResults", pages.PAGE_SIZE)
        after = pages.position(parameters.get("nextToken")) or (float("inf"), "")
        status = parameters.get("jobStatus")
        rows = self._storage.rows(
            "SELECT * FROM jobs WHERE datastore_id = ? AND (? IS NULL OR status = ?)"
            " AND submitted_at > ? AND (submitted_at, id) < (?, ?)"
            " ORDER BY submitted_at DESC, id DESC LIMIT ?",
            datastore["id"],
            status,
            status,
            now() - LISTED_SECONDS,
            *after,
            size + 1,
        )
        page, token = pages.cut(rows, size, "submitted_at")
        return {"jobSummaries": [_summary(row) for row in page], **({"nextToken": token} if token else {})}

    def resume(self) -> None:
        """Run again what was submitted or running when the process ended, oldest first."""
        waiting = "SELECT id FROM jobs WHERE status IN ('SUBMITTED', 'IN_PROGRESS') ORDER BY submitted_at"
        for row in self._storage.rows(waiting):
            self._run(row["id"])

    def _insert(
        self, connection: sqlite3.Connection, datastore: Row, parameters: dict[str, Any], request: str
    ) -> Row:
        job_id = secrets.token_hex(16)
        output = f"{as_folder(parameters['outputS3Uri'])}{datastore['id']}-DicomImport-{job_id}/"
        values = (
            job_id,
            datastore["id"],
            parameters.get("jobName", job_id),
            "SUBMITTED",
            parameters["dataAccessRoleArn"],
            as_folder(parameters["inputS3Uri"]),
            output,
            parameters["clientToken"],
            request,
            None,
            now(),
            None,
        )
        self._refuse_when_full(datastore)
        connection.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
        job: Row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        events.job_changed(connection, datastore, job, "SUBMITTED", "Import Job Submitted")
        return job

    def _refuse_when_full(self, datastore: Row) -> None:
        counted = self._storage.row(
            "SELECT count(*) AS running FROM jobs"
            " WHERE datastore_id = ? AND status IN ('SUBMITTED', 'IN_PROGRESS')",
            datastore["id"],
        )
        most = CONCURRENT_JOBS_OF_REGION.get(datastore["region"], CONCURRENT_JOBS)
        if counted and counted["running"] >= most:
            raise ServiceQuotaExceededException(
                f"the data store runs {counted['running']} import jobs: at most {most} may"
            )


def as_folder(uri: str) -> str:
    """The URI ending in a slash: HealthImaging treats `s3://bucket/a/b` as the folder `a/b/`.

    So `a/b` never takes in `a/bc/`, and a bare bucket is the whole bucket.

    >>> as_folder("s3://bucket/a/b")
    's3://bucket/a/b/'
    >>> as_folder("s3://bucket")
    's3://bucket/'
    """
    return uri if uri.endswith("/") else uri + "/"


def bucket_and_prefix(uri: str) -> tuple[str, str]:
    """The bucket and key prefix of an S3 URI.

    >>> bucket_and_prefix("s3://bucket/a/b/")
    ('bucket', 'a/b/')
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix


def mappings(job: Row) -> tuple[MetadataMapping, ...]:
    """The metadata files of `importConfiguration`, whose paths are relative to the input."""
    configuration = json.loads(job["request"]).get("importConfiguration", {})
    given = configuration.get("dicomJsonMetadataImportConfiguration", {}).get("dicomMetadataMappings", [])
    _, prefix = bucket_and_prefix(job["input_uri"])
    return tuple(
        MetadataMapping(
            each["studyInstanceUID"], each.get("seriesInstanceUID"), prefix + each["metadataFilePath"]
        )
        for each in given
    )


def _summary(job: Row) -> dict[str, Any]:
    required = {
        "jobId": job["id"],
        "jobName": job["name"],
        "jobStatus": job["status"],
        "datastoreId": job["datastore_id"],
        "dataAccessRoleArn": job["role_arn"],
        "submittedAt": job["submitted_at"],
    }
    optional = {"endedAt": job["ended_at"], "message": job["message"]}
    return {**required, **{name: value for name, value in optional.items() if value is not None}}
