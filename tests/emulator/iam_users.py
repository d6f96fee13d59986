"""Clients of new users that have no rights but those that a test gives them."""

import json
import uuid
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from dicomweb_requests import DicomWeb
from local_aws import REGION, LocalAws, Store


class User:
    """A user with the statements of one policy, and tags."""

    def __init__(self, aws: LocalAws, *statements: dict[str, Any], **tags: str) -> None:
        self._aws = aws
        iam, name = aws.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.keys: tuple[str, str] = (key["AccessKeyId"], key["SecretAccessKey"])

    @property
    def imaging(self) -> Any:
        return self.client("medical-imaging")

    def client(self, service: str) -> Any:
        access_key, secret_key = self.keys
        return boto3.client(
            service,
            endpoint_url=self._aws.endpoint,
            verify=self._aws.verify,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        )

    def dicomweb(self, store: Store) -> DicomWeb:
        return DicomWeb(store, *self.keys)


def answer(call: Any, **parameters: Any) -> str:
    """AWS's error code, or "allowed"."""
    try:
        call(**parameters)
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return "allowed"
