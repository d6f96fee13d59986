"""CloudTrail's records of who did what: where they lie, under which key, and what is recorded."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.acknowledge import acknowledge, acknowledge_inline_policy
from healthimaging.buckets import NOT_REPLICATED, access_logs_bucket

CLOUDTRAIL = "cloudtrail.amazonaws.com"
# Which calls are events of which of the two is not documented, so both are recorded.
IMAGE_EVENTS = ("AWS::MedicalImaging::Datastore", "AWS::MedicalImaging::Imageset")
OBJECT_EVENTS = "AWS::S3::Object"


class AuditTrail(Construct):
    """Two trails into one locked bucket: management events, and who read or wrote which image and object.

    The data events name objects and studies, so they lie in the bucket alone; management events also go to
    `log_group`, where alarms look. Nobody, not even the account's root, deletes a record before `days`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        key: kms.Key,
        log_group: logs.LogGroup,
        days: int,
        buckets: Sequence[s3.IBucket],
    ) -> None:
        super().__init__(scope, construct_id)
        self._key, self._log_group = key, log_group
        self.names = {"management": f"{name}-management", "data": f"{name}-data"}
        self.bucket = _locked_bucket(self, key=key, days=days)
        self._admit_cloudtrail()
        logs_role = self._logs_role()
        management = self._trail(
            "Management",
            [_selector("Management events", eventCategory=["Management"])],
            cloud_watch_logs_log_group_arn=log_group.log_group_arn,
            cloud_watch_logs_role_arn=logs_role.role_arn,
        )
        # CloudTrail tries the role before it makes the trail.
        management.node.add_dependency(logs_role)
        data = self._trail("Data", self._data_selectors(buckets))
        acknowledge(
            data,
            "Its events name objects and studies, which can name patients: the locked bucket alone has them.",
            "CloudTrailCloudWatchLogsEnabled",
        )

    def _trail(
        self,
        construct_id: str,
        selectors: list[cloudtrail.CfnTrail.AdvancedEventSelectorProperty],
        **options: Any,
    ) -> cloudtrail.CfnTrail:
        trail = cloudtrail.CfnTrail(
            self,
            construct_id,
            trail_name=self.names[construct_id.lower()],
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self.bucket.bucket_name,
            kms_key_id=self._key.key_arn,
            advanced_event_selectors=selectors,
            **options,
        )
        assert self.bucket.policy is not None
        trail.node.add_dependency(self.bucket.policy)
        return trail

    def _data_selectors(
        self, buckets: Sequence[s3.IBucket]
    ) -> list[cloudtrail.CfnTrail.AdvancedEventSelectorProperty]:
        return [
            *(
                _selector(kind, **{"eventCategory": ["Data"], "resources.type": [kind]})
                for kind in IMAGE_EVENTS
            ),
            cloudtrail.CfnTrail.AdvancedEventSelectorProperty(
                name="Objects of the deployment's buckets",
                field_selectors=[
                    _equals("eventCategory", ["Data"]),
                    _equals("resources.type", [OBJECT_EVENTS]),
                    cloudtrail.CfnTrail.AdvancedFieldSelectorProperty(
                        field="resources.ARN",
                        starts_with=[bucket.arn_for_objects("") for bucket in buckets],
                    ),
                ],
            ),
        ]

    def _trail_arns(self) -> list[str]:
        stack = Stack.of(self)
        return [
            stack.format_arn(service="cloudtrail", resource="trail", resource_name=name)
            for name in self.names.values()
        ]

    def _admit_cloudtrail(self) -> None:
        stack = Stack.of(self)
        any_trail = stack.format_arn(service="cloudtrail", region="*", resource="trail", resource_name="*")
        written = self.bucket.arn_for_objects(f"AWSLogs/{stack.account}/*")
        owned = {"s3:x-amz-acl": "bucket-owner-full-control"}
        context = {"kms:EncryptionContext:aws:cloudtrail:arn": any_trail}
        bucket, key = self.bucket, self._key
        bucket.add_to_resource_policy(self._admits("Looks", "s3:GetBucketAcl", bucket.bucket_arn))
        bucket.add_to_resource_policy(self._admits("Writes", "s3:PutObject", written, StringEquals=owned))
        key.add_to_resource_policy(self._admits("Looks", "kms:DescribeKey", "*"))
        key.add_to_resource_policy(self._admits("Encrypts", "kms:GenerateDataKey*", "*", StringLike=context))
        # Asked for where the bucket has a bucket key. (CloudTrail guide, "Configure AWS KMS key policies".)
        key.add_to_resource_policy(self._admits("Decrypts", "kms:Decrypt", "*"))

    def _admits(self, does: str, action: str, arn: str, **conditions: dict[str, str]) -> iam.PolicyStatement:
        """CloudTrail, for these two trails and no others."""
        return iam.PolicyStatement(
            sid=f"CloudTrail{does}",
            principals=[iam.ServicePrincipal(CLOUDTRAIL)],
            actions=[action],
            resources=[arn],
            conditions={"ArnEquals": {"aws:SourceArn": self._trail_arns()}, **conditions},
        )

    def _logs_role(self) -> iam.Role:
        role = iam.Role(
            self,
            "LogsRole",
            description="Lets CloudTrail write management events to the log group of the alarms",
            assumed_by=iam.ServicePrincipal(
                CLOUDTRAIL, conditions={"ArnEquals": {"aws:SourceArn": self._trail_arns()}}
            ),
        )
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resource_arns=[self._log_group.log_group_arn],
        )
        acknowledge_inline_policy(role)
        return role


def _locked_bucket(scope: Construct, *, key: kms.IKey, days: int) -> s3.Bucket:
    """A bucket whose objects can neither be changed nor deleted for `days`, and are deleted then."""
    bucket = s3.Bucket(
        scope,
        "Records",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        versioned=True,
        object_lock_enabled=True,
        object_lock_default_retention=s3.ObjectLockRetention.compliance(Duration.days(days)),
        lifecycle_rules=[
            s3.LifecycleRule(
                id="Expire",
                expiration=Duration.days(days + 1),
                noncurrent_version_expiration=Duration.days(1),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            )
        ],
        server_access_logs_bucket=access_logs_bucket(
            scope, "AccessLogs", days=days, removal_policy=RemovalPolicy.RETAIN
        ),
        server_access_logs_prefix="records/",
        removal_policy=RemovalPolicy.RETAIN,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
    )
    acknowledge(bucket, NOT_REPLICATED, "S3BucketReplicationEnabled")
    return bucket


def _selector(name: str, **fields: list[str]) -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
    return cloudtrail.CfnTrail.AdvancedEventSelectorProperty(
        name=name, field_selectors=[_equals(field, values) for field, values in fields.items()]
    )


def _equals(field: str, values: list[str]) -> cloudtrail.CfnTrail.AdvancedFieldSelectorProperty:
    return cloudtrail.CfnTrail.AdvancedFieldSelectorProperty(field=field, equal_to=values)
