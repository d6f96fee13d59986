"""The two kinds of KMS key of a deployment: one for each data store, one for everything around them."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from healthimaging.key_policy import USE, base_policy, used_through

HEALTHIMAGING = "medical-imaging.amazonaws.com"
LONGEST_WINDOW = Duration.days(30)
# What keeps data under a deployment's key on behalf of the roles that reach it.
SERVICES = ("s3", "sqs", "dynamodb", "lambda", "sns")


class DatastoreKey(kms.Key):
    """Encrypts one data store. It is always retained: without it the data store cannot be read."""

    def __init__(
        self, scope: Construct, construct_id: str, *, alias: str, administrators: Sequence[str] = ()
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description="Encrypts one HealthImaging data store",
            enable_key_rotation=True,
            pending_window=LONGEST_WINDOW,
            policy=base_policy(scope, administrators=administrators, removal_policy=RemovalPolicy.RETAIN),
            removal_policy=RemovalPolicy.RETAIN,
        )
        self._admit_callers()
        self._admit_healthimaging()

    def _admit_callers(self) -> None:
        """HealthImaging uses the key, and makes its grants, with the rights of whoever calls it.

        KMS does not list HealthImaging among the services of kms:ViaService, and the guide's records of such
        calls show no encryption context, so any service's call for a principal of this account is admitted.
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TheAccountUsesItThroughServices",
                principals=[iam.AccountRootPrincipal()],
                actions=[*USE, "kms:CreateGrant", "kms:RetireGrant"],
                resources=["*"],
                conditions={"Bool": {"aws:ViaAWSService": "true"}},
            )
        )

    def _admit_healthimaging(self) -> None:
        """The service itself names the key and the data store in the encryption context.

        A key's policy cannot name its own id, nor that of a data store made after it: CloudFormation learns
        both later. So any key of this account and Region is admitted, for any data store, unless the
        service says that it acts for another account.
        """
        stack = Stack.of(self)
        any_key = stack.format_arn(service="kms", resource="key", resource_name="*")
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="HealthImagingUsesTheDatastoreKey",
                principals=[iam.ServicePrincipal(HEALTHIMAGING)],
                actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"],
                resources=["*"],
                conditions={
                    "StringLike": {
                        "kms:EncryptionContext:kms-arn": any_key,
                        "kms:EncryptionContext:aws:medical-imaging:datastoreId": "*",
                    },
                    "StringEqualsIfExists": {"aws:SourceAccount": stack.account},
                },
            )
        )


class DeploymentKey(kms.Key):
    """Encrypts a deployment's buckets, queues, table, topic, logs and function environments."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        removal_policy: RemovalPolicy,
        administrators: Sequence[str] = (),
        description: str = "Encrypts the buckets, queues, table, topic and logs around the data stores",
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description=description,
            enable_key_rotation=True,
            pending_window=LONGEST_WINDOW,
            policy=base_policy(scope, administrators=administrators, removal_policy=removal_policy),
            removal_policy=removal_policy,
        )
        for statement in used_through(self, *SERVICES):
            self.add_to_resource_policy(statement)
        self._admit_senders()
        self._admit_logs()

    def admit_inventory(self) -> None:
        """S3 Inventory into an encrypted bucket. The bucket names the key, so the key cannot name it."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="InventoryIsWritten",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )

    def admit_rules_to_topics(self) -> None:
        """EventBridge rules into encrypted topics of this account and Region.

        They name no account and no rule to the key, so a condition on those would keep every message out:
        the topic it is for is what bounds it. (SNS guide, "Key management".)
        """
        stack = Stack.of(self)
        any_topic = stack.format_arn(service="sns", resource="*")
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesPublish",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": any_topic}},
            )
        )

    def _admit_senders(self) -> None:
        """EventBridge rules into encrypted queues, and alarms into encrypted topics."""
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
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": any_group}},
            )
        )
