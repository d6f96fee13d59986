"""Buckets of other accounts: what a role here may do with one, beside what the partner's policy says."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from healthimaging.acknowledge import acknowledge_wildcard

# The steps of the import that read a partner's objects, and those that list their versions.
READERS = ("register", "stage")
LISTERS = ("plan", "stage", "start", "record", "sweep")


@dataclass(frozen=True, kw_only=True)
class PartnerBucket:
    """A bucket that another account owns: keys under `prefix` are read, no other, and nothing is written."""

    id: str
    bucket: str
    account: str
    region: str
    store: str
    prefix: str = ""
    key_arn: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def objects_arn(self) -> str:
        return f"{self.arn}/{self.prefix}*"

    @property
    def settings(self) -> Mapping[str, str]:
        """What the functions are told of it."""
        names = ("id", "bucket", "account", "region", "store", "prefix")
        return {name: str(getattr(self, name)) for name in names}

    def grant_listing(self, role: iam.Role, action: str) -> None:
        """Allow the keys under the prefix to be listed, by `s3:ListBucket` or `s3:ListBucketVersions`."""
        keys = {"StringLike": {"s3:prefix": [f"{self.prefix}*"]}} if self.prefix else {}
        self._grant(role, action, self.arn, keys)

    def grant_reading(self, role: iam.Role, action: str) -> None:
        """Allow the objects under the prefix to be read, and decrypted through S3 alone."""
        self._grant(role, action, self.objects_arn, {})
        acknowledge_wildcard(role, "It reads whatever the partner puts there.", self.objects_arn)
        if self.key_arn:
            iam.Grant.add_to_principal(
                grantee=role,
                actions=["kms:Decrypt"],
                resource_arns=[self.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"s3.{self.region}.amazonaws.com"}},
            )

    def _grant(
        self, role: iam.Role, action: str, arn: str, conditions: Mapping[str, Mapping[str, object]]
    ) -> None:
        # The name of a bucket that was deleted is free to anybody.
        owner = {"StringEquals": {"aws:ResourceAccount": self.account}}
        iam.Grant.add_to_principal(
            grantee=role, actions=[action], resource_arns=[arn], conditions={**owner, **conditions}
        )
