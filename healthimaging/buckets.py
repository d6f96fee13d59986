"""Buckets that hold patients' data: encrypted, private, TLS only, owner enforced, logged."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.acknowledge import acknowledge

NOT_REPLICATED = (
    "HealthImaging takes no input from another Region, and versioned objects already survive a mistake; "
    "a copy in a second Region is a decision about where patients' data may lie, taken by its owner."
)


def access_logs_bucket(
    scope: Construct, construct_id: str, *, days: int, removal_policy: RemovalPolicy
) -> s3.Bucket:
    """The bucket that S3 delivers the other buckets' access logs to."""
    bucket = s3.Bucket(
        scope,
        construct_id,
        # Log delivery cannot write under a customer managed key.
        encryption=s3.BucketEncryption.S3_MANAGED,
        versioned=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="Expire",
                expiration=Duration.days(days),
                noncurrent_version_expiration=Duration.days(1),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            )
        ],
        removal_policy=removal_policy,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
    )
    acknowledge(
        bucket,
        "Log delivery writes under SSE-S3 only, and a log of the log bucket would never end.",
        "S3DefaultEncryptionKMS",
        "S3BucketLoggingEnabled",
        "AwsSolutions-S1",
    )
    acknowledge(bucket, NOT_REPLICATED, "S3BucketReplicationEnabled")
    return bucket


def data_bucket(
    scope: Construct,
    construct_id: str,
    *,
    key: kms.IKey,
    access_logs: s3.IBucket,
    removal_policy: RemovalPolicy,
    incomplete_uploads_days: int,
    old_versions_days: int | None = None,
    objects_days: int | None = None,
) -> s3.Bucket:
    """A bucket for patients' data. It is versioned unless its objects expire after `objects_days`."""
    bucket = s3.Bucket(
        scope,
        construct_id,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        versioned=objects_days is None,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="Expire",
                expiration=None if objects_days is None else Duration.days(objects_days),
                # Of what was deleted and is no longer kept: each look at a prefix would go through them.
                expired_object_delete_marker=True if objects_days is None else None,
                noncurrent_version_expiration=None
                if old_versions_days is None
                else Duration.days(old_versions_days),
                abort_incomplete_multipart_upload_after=Duration.days(incomplete_uploads_days),
            )
        ],
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{construct_id.lower()}/",
        removal_policy=removal_policy,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
    )
    _refuse_other_keys(bucket, key)
    acknowledge(bucket, NOT_REPLICATED, "S3BucketReplicationEnabled")
    if objects_days is not None:
        acknowledge(
            bucket,
            "It holds only short-lived copies of objects that are versioned where they come from.",
            "S3BucketVersioningEnabled",
        )
    return bucket


def _refuse_other_keys(bucket: s3.Bucket, key: kms.IKey) -> None:
    """Deny puts that ask for another encryption or another key than the bucket's own.

    A put that asks for none is encrypted under the bucket's key by default; parts of an upload ask for none.
    """
    for sid, conditions in {
        "RefuseOtherEncryptionAndKeys": {
            "Null": {"s3:x-amz-server-side-encryption": "false"},
            "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key.key_arn},
        },
        "RefuseKeysOfTheSender": {
            "Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"},
        },
    }.items():
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions=conditions,
            )
        )


def announce_uploads(bucket: s3.Bucket) -> None:
    """Send the bucket's events to EventBridge.

    The Bucket's own `event_bridge_enabled` does the same through a Lambda function that may change
    every bucket in the account; the resource's own property needs none.
    """
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )


def write_inventory(
    bucket: s3.Bucket, destination: s3.Bucket, inventory_id: str, frequency: s3.InventoryFrequency
) -> None:
    """Have S3 write lists of all versions in `bucket`, under the destination's own encryption."""
    bucket.add_inventory(
        inventory_id=inventory_id,
        destination=s3.InventoryDestination(bucket=destination),
        format=s3.InventoryFormat.CSV,
        frequency=frequency,
        include_object_versions=s3.InventoryObjectVersion.ALL,
        optional_fields=["Size", "LastModifiedDate", "ETag"],
    )
