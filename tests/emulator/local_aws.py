"""A running local AWS, and one data store on it with a bucket and an import role, as tests use them.

With TEST_ON_AWS=1 the data store is one of the account that the environment's credentials belong to.
"""

import gzip
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from emulator import server
from emulator.certificate import authority

ACCOUNT = "000000000000"
REGION = "us-east-1"
EVERYTHING = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], "Resource": "*"}

ON_AWS = os.environ.get("TEST_ON_AWS") == "1"
# AWS takes its time, and counts requests.
PATIENCE, PAUSE_SECONDS, SECONDS_UNTIL_A_ROLE_WORKS = (60, 2, 15) if ON_AWS else (1, 0.02, 0)

Found = TypeVar("Found")


def wait_for(find: Callable[[], Found | None], seconds: float = 60) -> Found:
    """What `find` returns once it is true."""
    deadline = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"nothing after {seconds} seconds")


@dataclass(frozen=True)
class LocalAws:
    state: Path
    port: int
    pid: int

    @property
    def endpoint(self) -> str:
        return server.endpoint(self.port)

    @property
    def verify(self) -> str:
        """What boto3 and the like call the authority that they trust."""
        return str(authority(self.state))

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            verify=self.verify,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            # The server must judge what it is sent, as it must for other SDKs.
            config=Config(
                parameter_validation=False, inject_host_prefix=False, retries={"total_max_attempts": 1}
            ),
        )


class AwsAccount:
    """An account on AWS, with what a `Store` needs of the local AWS."""

    verify = True

    def client(self, service: str) -> Any:
        # CreateDatastore passes once in twelve seconds.
        retries = {"total_max_attempts": 20, "mode": "adaptive"}
        return boto3.client(
            service, region_name=REGION, config=Config(parameter_validation=False, retries=retries)
        )


class Store:
    """An ACTIVE data store, a bucket of its own, and a role that may import from it."""

    def __init__(self, aws: LocalAws | AwsAccount, **parameters: Any) -> None:
        self.imaging = aws.client("medical-imaging")
        self.s3 = aws.client("s3")
        self.iam = aws.client("iam")
        self.verify = aws.verify
        self.bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        parameters.setdefault("clientToken", uuid.uuid4().hex)
        self.id = self.imaging.create_datastore(**parameters)["datastoreId"]
        wait_for(lambda: self.properties()["datastoreStatus"] == "ACTIVE")
        self.arn = self.properties()["datastoreArn"]
        self.account = self.arn.split(":")[4]
        self._roles: list[str] = []
        self.role = self.new_role([EVERYTHING])

    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.imaging.get_datastore(datastoreId=self.id)["datastoreProperties"]
        return found

    def new_role(self, statements: list[dict[str, Any]], source_arn: str | None = None) -> str:
        """The ARN of a role that HealthImaging may assume for `source_arn`, or this data store."""
        condition = {
            "ArnLike": {"aws:SourceArn": source_arn or self.arn},
            "StringEquals": {"aws:SourceAccount": self.account},
        }
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "medical-imaging.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
        name = f"role-{uuid.uuid4().hex[:12]}"
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))["Role"]
        self.iam.put_role_policy(RoleName=name, PolicyName="access", PolicyDocument=_policy(statements))
        arn: str = role["Arn"]
        self._roles.append(name)
        time.sleep(SECONDS_UNTIL_A_ROLE_WORKS)
        return arn

    def upload(self, files: Mapping[str, bytes]) -> None:
        for key, content in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def start(self, **parameters: Any) -> str:
        """Start importing `in/`, unless told otherwise, and answer the job's id."""
        defaults = {
            "datastoreId": self.id,
            "dataAccessRoleArn": self.role,
            "inputS3Uri": f"s3://{self.bucket}/in/",
            "outputS3Uri": f"s3://{self.bucket}/out/",
            "clientToken": uuid.uuid4().hex,
        }
        job_id: str = self.imaging.start_dicom_import_job(**{**defaults, **parameters})["jobId"]
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.imaging.get_dicom_import_job(datastoreId=self.id, jobId=job_id)
        found: dict[str, Any] = answer["jobProperties"]
        return found

    def run(self, **parameters: Any) -> dict[str, Any]:
        """Run a job to its end, and answer its properties."""
        job_id = self.start(**parameters)
        wait_for(lambda: self.job(job_id)["jobStatus"] in ("COMPLETED", "FAILED"), seconds=60)
        return self.job(job_id)

    def import_files(self, files: Mapping[str, bytes], folder: str = "in/") -> dict[str, Any]:
        """Upload the files into `folder`, import it, and answer the finished job."""
        self.upload({folder + name: content for name, content in files.items()})
        return self.run(inputS3Uri=f"s3://{self.bucket}/{folder}")

    def output(self, job: Mapping[str, Any], path: str) -> bytes:
        prefix = job["outputS3Uri"].removeprefix(f"s3://{self.bucket}/")
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=prefix + path)["Body"].read()
        return body

    def summary(self, job: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output(job, "job-output-manifest.json"))["jobSummary"]
        return found

    def lines(self, job: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output(job, path).splitlines()]

    def all_lines(self, job: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """Those of success.ndjson, failure.ndjson and warning.ndjson, as far as these are written."""
        return [self._lines_if_any(job, kind) for kind in ("success", "failure", "warning")]

    def _lines_if_any(self, job: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
        try:
            return self.lines(job, f"{kind.upper()}/{kind}.ndjson")
        except self.s3.exceptions.NoSuchKey:
            return []

    def search(self, *filters: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:
        criteria = {"searchCriteria": {"filters": list(filters)}} if filters else {}
        answer = self.imaging.search_image_sets(datastoreId=self.id, **criteria, **parameters)
        found: list[dict[str, Any]] = answer["imageSetsMetadataSummaries"]
        return found

    def metadata(self, image_set_id: str, **version: str) -> dict[str, Any]:
        answer = self.imaging.get_image_set_metadata(datastoreId=self.id, imageSetId=image_set_id, **version)
        document: dict[str, Any] = json.loads(gzip.decompress(answer["imageSetMetadataBlob"].read()))
        return document

    def frame(self, image_set_id: str, frame_id: str) -> bytes:
        answer = self.imaging.get_image_frame(
            datastoreId=self.id,
            imageSetId=image_set_id,
            imageFrameInformation={"imageFrameId": frame_id},
        )
        data: bytes = answer["imageFrameBlob"].read()
        return data

    def delete(self) -> None:
        """Delete the data store and everything that was made for it."""
        if self.properties()["datastoreStatus"] == "ACTIVE":
            wait_for(self._no_job_runs)
            wait_for(self._is_emptied)
            self.imaging.delete_datastore(datastoreId=self.id)
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for each in page.get("Contents", []):
                self.s3.delete_object(Bucket=self.bucket, Key=each["Key"])
        self.s3.delete_bucket(Bucket=self.bucket)
        for name in self._roles:
            self.iam.delete_role_policy(RoleName=name, PolicyName="access")
            self.iam.delete_role(RoleName=name)

    def _no_job_runs(self) -> bool:
        jobs = self.imaging.list_dicom_import_jobs(datastoreId=self.id)["jobSummaries"]
        return all(job["jobStatus"] in ("COMPLETED", "FAILED") for job in jobs)

    def _is_emptied(self) -> bool:
        found = self.search()
        for each in found:
            # One that is locked is looked at again, and one that is on its way out may be gone.
            errors = self.imaging.exceptions
            with suppress(errors.ConflictException, errors.ResourceNotFoundException):
                self.imaging.delete_image_set(datastoreId=self.id, imageSetId=each["imageSetId"])
        return not found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def only_series(document: Mapping[str, Any]) -> dict[str, Any]:
    """The one series of an image set's metadata."""
    (series,) = document["Study"]["Series"].values()
    found: dict[str, Any] = series
    return found


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
