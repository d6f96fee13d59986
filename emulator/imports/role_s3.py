"""S3 as the import role reaches it: over HTTP, with the role's own credentials."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulator.aws import S3Refused
from emulator.imports.outcomes import Source

DENIED = ("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDeniedException", "403")


class RoleS3:
    """See `emulator.aws.JobS3`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=source.endpoint,
            region_name=source.region,
            aws_access_key_id=source.credentials.access_key_id,
            aws_secret_access_key=source.credentials.secret_access_key,
            aws_session_token=source.credentials.session_token,
            config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
        )

    def objects(self, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self._client.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._source.bucket, Prefix=prefix):
                for each in page.get("Contents", []):
                    yield each["Key"], each["Size"]
        except (BotoCoreError, ClientError) as error:
            raise S3Refused(_code(error)) from error

    def get(self, key: str) -> bytes:
        """The object. Raises S3Refused, as the other two do."""
        try:
            answer = self._client.get_object(Bucket=self._source.bucket, Key=key)
            body: bytes = answer["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise S3Refused(_code(error)) from error
        return body

    def put(self, bucket: str, key: str, body: bytes) -> None:
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body)
        except (BotoCoreError, ClientError) as error:
            raise S3Refused(_code(error)) from error


def _code(error: BotoCoreError | ClientError) -> str:
    """S3's code; for what botocore itself raises, its kind, as its text may name the object."""
    if isinstance(error, ClientError):
        code: str = error.response["Error"]["Code"]
        return code
    return type(error).__name__
