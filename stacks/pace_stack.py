"""What all deployments of an account and Region share: how fast import jobs may start."""

from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from config.names import PACE_TABLE
from healthimaging.acknowledge import acknowledge


class PaceStack(Stack):
    """One table of one row, with numbers alone. Every deployment that asks for it deploys this same stack.

    It belongs to none of them: it has no deployment's name, tags or key, and stays when one is taken down.
    """

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **kwargs)
        text = dynamodb.AttributeType.STRING
        table = dynamodb.Table(
            self,
            "Table",
            table_name=PACE_TABLE,
            partition_key=dynamodb.Attribute(name="pk", type=text),
            sort_key=dynamodb.Attribute(name="sk", type=text),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            # What is lost is learned again, and a table that stayed alone would keep its name from the stack.
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            table,
            "It holds the rate at which jobs start, which is learned again in minutes; nothing of patients.",
            "DynamoDBInBackupPlan",
            "DynamoDBPITREnabled",
            "AwsSolutions-DDB3",
        )
        CfnOutput(self, "PaceTable", value=table.table_name)
