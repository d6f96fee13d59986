"""The two kinds of KMS key of a deployment: one for each data store, one for everything around them."""

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

LONGEST_WINDOW = Duration.days(30)


class DatastoreKey(kms.Key):
    """Encrypts one data store. It is always retained: without it the data store cannot be read."""

    def __init__(self, scope: Construct, construct_id: str, *, alias: str) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description="Encrypts one HealthImaging data store",
            enable_key_rotation=True,
            pending_window=LONGEST_WINDOW,
            removal_policy=RemovalPolicy.RETAIN,
        )
        # The service names the key it uses in the encryption context. A key's policy cannot name
        # its own id, which CloudFormation learns later, so any key of this account and Region is admitted.
        any_key = Stack.of(self).format_arn(service="kms", resource="key", resource_name="*")
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="HealthImagingUsesTheDatastoreKey",
                principals=[iam.ServicePrincipal("medical-imaging.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"],
                resources=["*"],
                conditions={"StringLike": {"kms:EncryptionContext:kms-arn": any_key}},
            )
        )


class DeploymentKey(kms.Key):
    """Encrypts a deployment's buckets, queues, table, topic, logs and function environments."""

    def __init__(
        self, scope: Construct, construct_id: str, *, alias: str, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description="Encrypts the buckets, queues, table, topic and logs around the data stores",
            enable_key_rotation=True,
            pending_window=LONGEST_WINDOW,
            removal_policy=removal_policy,
        )
        self._admit_senders()
        self._admit_logs()

    def _admit_senders(self) -> None:
        """EventBridge rules into encrypted queues, and alarms into the encrypted topic."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventBridgeAndAlarmsSend",
                principals=[
                    iam.ServicePrincipal("events.amazonaws.com"),
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                ],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )

    def _admit_logs(self) -> None:
        stack = Stack.of(self)
        any_group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchLogsEncrypts",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                ],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": any_group}},
            )
        )
