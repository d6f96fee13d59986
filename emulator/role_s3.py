"""S3 as the import role reaches it: over HTTP, with the role's own credentials."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.outcomes import Source

DENIED = ("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDeniedException", "403")


def client(source: Source) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=source.endpoint,
        region_name=source.region,
        aws_access_key_id=source.credentials.access_key_id,
        aws_secret_access_key=source.credentials.secret_access_key,
        aws_session_token=source.credentials.session_token,
        config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
    )


def is_denied(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in DENIED


def objects(s3: Any, source: Source, prefix: str) -> Iterator[tuple[str, int]]:
    """Key and size of every object under the prefix, in the order of the keys."""
    owner = {"ExpectedBucketOwner": source.owner} if source.owner else {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=prefix, **owner):
        for each in page.get("Contents", []):
            yield each["Key"], each["Size"]
