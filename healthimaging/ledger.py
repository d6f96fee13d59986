"""The table that knows the fate of every uploaded file."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from healthimaging.acknowledge import acknowledge
from healthimaging.grants import LISTED_INDEX


def ledger_table(
    scope: Construct, construct_id: str, *, key: kms.IKey, removal_policy: RemovalPolicy
) -> dynamodb.Table:
    """The import ledger: a row a file, a folder and a job; `listed` finds those in one state by time."""
    text = dynamodb.AttributeType.STRING
    table = dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name="pk", type=text),
        sort_key=dynamodb.Attribute(name="sk", type=text),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=removal_policy == RemovalPolicy.RETAIN,
        removal_policy=removal_policy,
    )
    table.add_global_secondary_index(
        index_name=LISTED_INDEX,
        partition_key=dynamodb.Attribute(name="listed", type=text),
        sort_key=dynamodb.Attribute(name="at", type=text),
        projection_type=dynamodb.ProjectionType.ALL,
    )
    acknowledge(
        table,
        "Point-in-time recovery restores the last 35 days to the second, and the table holds no images: "
        "the input bucket and the jobs' manifests say the same.",
        "DynamoDBInBackupPlan",
    )
    return table
