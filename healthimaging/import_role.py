"""The role that HealthImaging assumes to run the import jobs of one data store."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.acknowledge import acknowledge_inline_policy, acknowledge_objects
from healthimaging.datastore import DatastoreBase
from healthimaging.grants import grant_key_through_s3, grant_listing, grant_objects
from healthimaging.partners import PartnerBucket

SERVICE = "medical-imaging.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class JobFolder:
    """A part of a bucket: the keys that begin with `prefix`, all of them when it is empty.

    `list_prefix` is given where the bucket may be listed further than its objects may be used.
    """

    bucket: s3.IBucket
    prefix: str = ""
    list_prefix: str | None = None

    @property
    def listed(self) -> str:
        return self.prefix if self.list_prefix is None else self.list_prefix


class ImportRole(iam.Role):
    """Lets the import jobs of `datastore` read `inputs` and `partners`, and write results under `output`.

    Nobody but HealthImaging, acting for that one data store in this account, can assume it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        datastore: DatastoreBase,
        inputs: Sequence[JobFolder],
        output: JobFolder,
        partners: Sequence[PartnerBucket] = (),
        role_name: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            role_name=role_name,
            description="Assumed by HealthImaging to read DICOM files and write the results of import jobs",
            assumed_by=iam.ServicePrincipal(
                SERVICE,
                conditions={
                    "ArnLike": {"aws:SourceArn": datastore.datastore_arn},
                    "StringEquals": {"aws:SourceAccount": Stack.of(scope).account},
                },
            ),
        )
        # The guide's import role lists the output bucket too ("Create an IAM role for import").
        for folder in (*inputs, output):
            grant_listing(folder.bucket, self, [folder.listed])
        for folder in inputs:
            grant_objects(folder.bucket, self, "s3:GetObject", prefix=folder.prefix)
            acknowledge_objects(
                self, "An import job may read any object that people upload.", folder.bucket, folder.prefix
            )
        for partner in partners:
            partner.grant_listing(self, "s3:ListBucket")
            partner.grant_reading(self, "s3:GetObject")
        grant_objects(output.bucket, self, "s3:PutObject", prefix=output.prefix)
        acknowledge_objects(self, "Each job writes under a name of its own.", output.bucket, output.prefix)
        acknowledge_inline_policy(self)
        buckets = [folder.bucket for folder in (*inputs, output)]
        keys = dict.fromkeys(bucket.encryption_key for bucket in buckets if bucket.encryption_key)
        for key in keys:
            grant_key_through_s3(key, self)

    def grant_pass_to_healthimaging(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow `grantee` to start import jobs that run as this role, and to pass it to nobody else."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:PassRole"],
            resource_arns=[self.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": SERVICE}},
        )
