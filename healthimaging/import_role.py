"""The role that HealthImaging assumes to run the import jobs of one data store."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.acknowledge import acknowledge_inline_policy, acknowledge_objects
from healthimaging.datastore import DatastoreBase
from healthimaging.grants import grant_bucket, grant_key_through_s3, grant_objects

SERVICE = "medical-imaging.amazonaws.com"


class ImportRole(iam.Role):
    """Lets the import jobs of `datastore` read `inputs` and write their results under `output_prefix`.

    Nobody but HealthImaging, acting for that one data store in this account, can assume it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        datastore: DatastoreBase,
        inputs: Sequence[s3.IBucket],
        output: s3.IBucket,
        output_prefix: str,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
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
        for bucket in (*inputs, output):
            grant_bucket(bucket, self, "s3:ListBucket")
        for bucket in inputs:
            grant_objects(bucket, self, "s3:GetObject")
            acknowledge_objects(self, "An import job may read any object that people upload.", bucket)
        grant_objects(output, self, "s3:PutObject", prefix=output_prefix)
        acknowledge_objects(self, "Each job writes under a name of its own.", output, output_prefix)
        acknowledge_inline_policy(self)
        keys = dict.fromkeys(bucket.encryption_key for bucket in (*inputs, output) if bucket.encryption_key)
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
