"""A local AWS of a benchmark's own: a data store, a bucket, an import role, and HTTP without an SDK."""

import http.client
import json
import os
import socket
import ssl
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from emulator import server
from emulator.certificate import authority

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROOT = Credentials(ACCOUNT, "local")
# Every look costs the server what it measures.
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    endpoint: str
    state: Path
    pid: int
    datastore_id: str
    bucket: str
    role_arn: str

    def client(self, service: str) -> Any:
        return _client(self.endpoint, service)

    def connection(self) -> "Connection":
        return Connection(self.endpoint, authority(self.state))

    def role_session(self) -> Credentials:
        """The import role's, as the service itself assumes it."""
        given = self.client("sts").assume_role(RoleArn=self.role_arn, RoleSessionName="benchmark")
        keys = given["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def import_folder(self, folder: str) -> tuple[float, dict[str, Any]]:
        """Import it by a job. Answers the seconds from submittedAt to endedAt, and the summary."""
        job = self.run_job(folder)
        if job["jobStatus"] == "FAILED":
            raise SystemExit(f"the import job failed: {job['message']}")
        return (job["endedAt"] - job["submittedAt"]).total_seconds(), self._summary(job)

    def run_job(self, folder: str) -> dict[str, Any]:
        """Run an import job of the folder to its end, and answer its properties."""
        imaging = self.client("medical-imaging")
        job_id = imaging.start_dicom_import_job(
            datastoreId=self.datastore_id,
            dataAccessRoleArn=self.role_arn,
            inputS3Uri=f"s3://{self.bucket}/{folder}",
            outputS3Uri=f"s3://{self.bucket}/out/",
            clientToken=uuid.uuid4().hex,
        )["jobId"]
        while True:
            answer = imaging.get_dicom_import_job(datastoreId=self.datastore_id, jobId=job_id)
            job: dict[str, Any] = answer["jobProperties"]
            if job["jobStatus"] in ("COMPLETED", "FAILED"):
                return job
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def lines(self, job: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """The lines of success.ndjson, failure.ndjson and warning.ndjson of a job."""
        paths = (f"{kind.upper()}/{kind}.ndjson" for kind in ("success", "failure", "warning"))
        return [[json.loads(line) for line in self._output(job, path).splitlines()] for path in paths]

    def _output(self, job: Mapping[str, Any], path: str) -> bytes:
        """A file of a job's output, and nothing where it has none of that name."""
        s3 = self.client("s3")
        key = job["outputS3Uri"].removeprefix(f"s3://{self.bucket}/") + path
        try:
            body: bytes = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return b""
        return body

    def _summary(self, job: Mapping[str, Any]) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self._output(job, "job-output-manifest.json"))["jobSummary"]
        if summary["numberOfImportedFiles"] != summary["numberOfScannedFiles"]:
            raise SystemExit("the import job refused files that are valid")
        return summary


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A server on a free port without throttling, its state in a temporary folder, gone after the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state, port = Path(folder), free_port()
        endpoint = server.endpoint(port)
        pid = server.start(state, port, throttle=0)
        try:
            # boto3 looks for it there, in the processes that a benchmark starts too.
            with patch.dict(os.environ, AWS_CA_BUNDLE=str(authority(state))):
                bucket = f"bucket-{uuid.uuid4().hex[:12]}"
                _client(endpoint, "s3").create_bucket(Bucket=bucket)
                yield Sandbox(
                    endpoint=endpoint,
                    state=state,
                    pid=pid,
                    datastore_id=new_datastore(endpoint),
                    bucket=bucket,
                    role_arn=_new_role(endpoint, bucket),
                )
        finally:
            server.stop(pid)


def new_datastore(endpoint: str) -> str:
    """The id of a new data store, once it is ACTIVE."""
    imaging = _client(endpoint, "medical-imaging")
    identity: str = imaging.create_datastore(clientToken=uuid.uuid4().hex)["datastoreId"]
    while imaging.get_datastore(datastoreId=identity)["datastoreProperties"]["datastoreStatus"] != "ACTIVE":
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return identity


class _Answer(http.client.HTTPResponse):
    """An answer whose head is read line by line.

    The parser of http.client compiles a pattern for the boundary of each multipart answer,
    and what is measured is the service.
    """

    def begin(self) -> None:
        _, status, self.reason = self.fp.readline().decode("latin-1").split(" ", 2)
        self.version, self.status = 11, int(status)
        self.headers = self.msg = http.client.HTTPMessage()
        for line in iter(self.fp.readline, b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name] = value.strip()
        self.will_close = self.headers.get("connection", "").lower() == "close"
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else int(self.headers["content-length"])


class Connection:
    """One kept-alive connection. Requests are signed before the clock starts."""

    def __init__(self, endpoint: str, ca: Path | None) -> None:
        """Over TLS where there is an authority to trust."""
        self._endpoint = endpoint
        host = urlsplit(endpoint).netloc
        self._http = http.client.HTTPConnection(host)
        if ca:
            trusting = ssl.create_default_context(cafile=ca)
            self._http = http.client.HTTPSConnection(host, context=trusting)
        self._http.response_class = _Answer

    def signed(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> AWSPreparedRequest:
        request = AWSRequest(method, self._endpoint + path, data=body, headers=headers or {})
        SigV4Auth(credentials, "medical-imaging", REGION).add_auth(request)
        return request.prepare()

    def send(self, request: AWSPreparedRequest) -> bytes:
        path = request.url.removeprefix(self._endpoint)
        self._http.request(request.method, path, body=request.body, headers=dict(request.headers.items()))
        response = self._http.getresponse()
        body = response.read()
        # 202 is STOW-RS's answer to what is stored with a warning.
        if response.status not in (200, 202):
            raise SystemExit(f"{request.method} was answered with {response.status}: {body[:200]!r}")
        return body

    def timed(self, requests: Sequence[AWSPreparedRequest]) -> list[float]:
        """Seconds of each, one after the other."""
        taken = []
        for request in requests:
            begin = time.perf_counter()
            self.send(request)
            taken.append(time.perf_counter() - begin)
        return taken


def figures(seconds: Sequence[float]) -> dict[str, float]:
    """Calls a second, and the median and 99th percentile in milliseconds."""
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "per_second": round(len(seconds) / sum(seconds), 1),
        "p50_ms": round(percentiles[49] * 1000, 2),
        "p99_ms": round(percentiles[98] * 1000, 2),
    }


def _client(endpoint: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ROOT.access_key,
        aws_secret_access_key=ROOT.secret_key,
        config=boto3.session.Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def _new_role(endpoint: str, bucket: str) -> str:
    """A role for HealthImaging, which the benchmark may assume too."""
    principal = {"Service": "medical-imaging.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    objects = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    access: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
            "Resource": objects,
        },
        {"Effect": "Allow", "Action": "medical-imaging:Get*", "Resource": "*"},
    ]
    iam = _client(endpoint, "iam")
    role = iam.create_role(RoleName="import", AssumeRolePolicyDocument=_policy(trust))["Role"]
    iam.put_role_policy(RoleName="import", PolicyName="access", PolicyDocument=_policy(access))
    arn: str = role["Arn"]
    return arn


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((server.HOST, 0))
        port: int = probe.getsockname()[1]
    return port
