"""Rights with exactly the actions named; the CDK's own grants on buckets and tables add more."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

LISTED_INDEX = "listed"


def grant_bucket(bucket: s3.IBucket, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
    """Allow actions on the bucket itself, such as s3:ListBucketVersions."""
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=list(actions), resource_arns=[bucket.bucket_arn]
    )


def grant_listing(bucket: s3.IBucket, grantee: iam.IGrantable, prefixes: Sequence[str]) -> iam.Grant:
    """Allow the keys under `prefixes` to be listed, and no others; a request without a prefix is denied."""
    everything = "" in prefixes
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["s3:ListBucket"],
        resource_arns=[bucket.bucket_arn],
        conditions=None
        if everything
        else {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
    )


def grant_objects(bucket: s3.IBucket, grantee: iam.IGrantable, *actions: str, prefix: str = "") -> iam.Grant:
    """Allow actions on the objects whose key begins with `prefix`."""
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=list(actions), resource_arns=[bucket.arn_for_objects(f"{prefix}*")]
    )


def grant_rows(
    table: dynamodb.ITable, grantee: iam.IGrantable, *actions: str, index: bool = False
) -> iam.Grant:
    """Allow DynamoDB actions on the ledger, and Query, all that an index has, on its index if `index`."""
    if index:
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:Query"],
            resource_arns=[f"{table.table_arn}/index/{LISTED_INDEX}"],
        )
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=[f"dynamodb:{action}" for action in actions],
        resource_arns=[table.table_arn],
    )


def grant_send(queue: sqs.IQueue, grantee: iam.IGrantable) -> iam.Grant:
    """Allow messages to be sent; the right to the queue's key comes from `grant_key`."""
    return queue.grant(grantee, "sqs:SendMessage")


def grant_receive(queue: sqs.IQueue, grantee: iam.IGrantable) -> iam.Grant:
    """Allow what Lambda does, with the function's role, to hand it the queue's messages."""
    return queue.grant(grantee, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def grant_key(key: kms.IKey, grantee: iam.IGrantable, *services: str) -> iam.Grant:
    """Allow what reading and writing data under `key` takes, but only through `services`, such as "s3"."""
    region = Stack.of(key).region
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resource_arns=[key.key_arn],
        conditions={
            "StringEquals": {"kms:ViaService": [f"{name}.{region}.amazonaws.com" for name in services]}
        },
    )


def grant_key_through_s3(key: kms.IKey, grantee: iam.IGrantable) -> iam.Grant:
    """Allow reading and writing S3 objects under `key`, and nothing else under it."""
    return grant_key(key, grantee, "s3")
