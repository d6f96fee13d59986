"""The ways from a network without internet to the AWS services that the functions call."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.datastore import DatastoreBase
from healthimaging.grants import LISTED_INDEX
from healthimaging.import_steps import SOURCE_RIGHTS
from healthimaging.partners import PartnerBucket

HEALTHIMAGING = {
    "HealthImaging": ec2.InterfaceVpcEndpointAwsService.HEALTH_IMAGING,
    "HealthImagingRuntime": ec2.InterfaceVpcEndpointAwsService.HEALTH_IMAGING_RUNTIME,
    "HealthImagingDicom": ec2.InterfaceVpcEndpointAwsService.HEALTH_IMAGING_DICOM,
}
BUCKET_ACTIONS = ("s3:ListBucket", "s3:ListBucketVersions")
OBJECT_ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload")
ROW_ACTIONS = tuple(f"dynamodb:{name}" for name in ("GetItem", "Query", "PutItem", "UpdateItem"))


class Endpoints(Construct):
    """Interface endpoints with private DNS, which admit this account to what is named and to nothing else.

    `queues` is a pattern of names: the queues come after the endpoints.

    The functions call HealthImaging and SQS; KMS, logs, metrics and traces are reached for them by the
    services they use, and by Lambda.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_group: ec2.ISecurityGroup,
        datastores: Sequence[DatastoreBase],
        queues: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._placement: dict[str, Any] = {
            "vpc": vpc,
            "subnets": subnets,
            "security_groups": [security_group],
            "open": False,
            "private_dns_enabled": True,
        }
        stores = [
            arn for store in datastores for arn in (store.datastore_arn, f"{store.datastore_arn}/imageset/*")
        ]
        self.interfaces = {
            name: self._interface(name, service, ["medical-imaging:*"], stores)
            for name, service in HEALTHIMAGING.items()
        }
        self.interfaces["Sqs"] = self._interface(
            "Sqs",
            ec2.InterfaceVpcEndpointAwsService.SQS,
            ["sqs:SendMessage"],
            [Stack.of(self).format_arn(service="sqs", resource=queues)],
        )

    def _interface(
        self, name: str, service: ec2.IInterfaceVpcEndpointService, actions: list[str], arns: list[str]
    ) -> ec2.InterfaceVpcEndpoint:
        endpoint = ec2.InterfaceVpcEndpoint(self, name, service=service, **self._placement)
        endpoint.add_to_policy(_own_principals(self, actions, arns))
        return endpoint


def gateway_endpoints(
    scope: Construct,
    *,
    vpc: ec2.IVpc,
    subnets: ec2.SubnetSelection,
    buckets: Sequence[s3.IBucket],
    ledger: dynamodb.ITable,
    after_import: str,
    partners: Sequence[PartnerBucket] = (),
    pace: dynamodb.ITable | None = None,
) -> None:
    """Routes to S3 and DynamoDB: to the deployment's own buckets and ledger, and to read from `partners`.

    `after_import` is what the functions do to a source besides, `pace` a table shared with other deployments.
    """
    to_s3 = ec2.GatewayVpcEndpoint(
        scope, "S3", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[subnets]
    )
    to_s3.add_to_policy(_own_principals(scope, BUCKET_ACTIONS, [bucket.bucket_arn for bucket in buckets]))
    objects = [bucket.arn_for_objects("*") for bucket in buckets]
    actions = [*OBJECT_ACTIONS, *chain.from_iterable(SOURCE_RIGHTS[after_import].values())]
    to_s3.add_to_policy(_own_principals(scope, actions, objects))
    for partner in partners:
        to_s3.add_to_policy(_own_principals(scope, ["s3:ListBucketVersions"], [partner.arn]))
        to_s3.add_to_policy(_own_principals(scope, ["s3:GetObjectVersion"], [partner.objects_arn]))
    to_dynamodb = ec2.GatewayVpcEndpoint(
        scope, "DynamoDb", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.DYNAMODB, subnets=[subnets]
    )
    rows = [ledger.table_arn, f"{ledger.table_arn}/index/{LISTED_INDEX}"]
    to_dynamodb.add_to_policy(_own_principals(scope, ROW_ACTIONS, rows))
    if pace:
        to_dynamodb.add_to_policy(
            _own_principals(scope, ["dynamodb:GetItem", "dynamodb:UpdateItem"], [pace.table_arn])
        )


def _own_principals(scope: Construct, actions: Sequence[str], arns: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(arns),
        conditions={"StringEquals": {"aws:PrincipalAccount": Stack.of(scope).account}},
    )
