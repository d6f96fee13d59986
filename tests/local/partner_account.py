"""Another account on the same local AWS: a partner's bucket and key, and what the partner applies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

OWN = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::{account}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


@dataclass(frozen=True, kw_only=True)
class PartnerAccount:
    """The account root of a partner, with one bucket."""

    endpoint: str
    ca: Path
    account: str
    bucket: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            verify=str(self.ca),
            region_name="us-east-1",
            aws_access_key_id=self.account,
            aws_secret_access_key="partner",
            config=Config(s3={"addressing_style": "path"}),
        )

    def make_key(self) -> str:
        return str(self.client("kms").create_key(Policy=self._key_policy())["KeyMetadata"]["Arn"])

    def make_bucket(self, key_arn: str | None = None) -> None:
        """A bucket that keeps versions and tells EventBridge."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=self.bucket)
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        if key_arn:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
            s3.put_bucket_encryption(
                Bucket=self.bucket,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
                },
            )

    def put(self, files: Mapping[str, bytes]) -> None:
        for key, body in files.items():
            self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def apply(self, policies: Mapping[str, Any], key_arn: str | None = None) -> None:
        """Add the printed statements to the policies of the bucket and the key."""
        self.client("s3").put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policies["bucket_policy"]))
        if key_arn:
            more = policies["key_policy"]["Statement"]
            self.client("kms").put_key_policy(
                KeyId=key_arn, PolicyName="default", Policy=self._key_policy(*more)
            )

    def deploy(self, template: Mapping[str, Any]) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName="tells", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="tells")

    def _key_policy(self, *more: Mapping[str, Any]) -> str:
        own = json.loads(json.dumps(OWN).replace("{account}", self.account))
        return json.dumps({"Version": "2012-10-17", "Statement": [own, *more]})
