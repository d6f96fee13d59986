"""The backfill of a bucket that was full before: a state machine around one function."""

from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from healthimaging.acknowledge import acknowledge, acknowledge_inline_policy, acknowledge_wildcard
from healthimaging.backfill_states import definition
from healthimaging.functions import FunctionSettings, encrypted_log_group


class Backfill(Construct):
    """Cuts the bucket into slices and tells of each in a child execution of a Distributed Map.

    Inputs, outputs and errors are run ids, slice numbers and counts: a key never leaves the function.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, function: lambda_.Function, settings: FunctionSettings
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = encrypted_log_group(self, "Logs", settings)
        role = self._role(function)
        self.state_machine = sfn.CfnStateMachine(
            self,
            "Resource",
            role_arn=role.role_arn,
            definition=definition(function.function_arn),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=log_group.log_group_arn
                        )
                    )
                ],
                include_execution_data=False,
                level="ALL",
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        # It is created only by a role that may already log.
        self.state_machine.node.add_dependency(role)
        self._grant_map(role)

    def metric_executions(self, outcome: str, **options: Any) -> cloudwatch.Metric:
        """Executions that ended as `outcome`: Succeeded, Failed, TimedOut or Aborted."""
        return cloudwatch.Metric(
            namespace="AWS/States",
            metric_name=f"Executions{outcome}",
            dimensions_map={"StateMachineArn": self.state_machine.attr_arn},
            **{"statistic": "Sum", **options},
        )

    def _role(self, function: lambda_.Function) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            description="Runs the backfill's state machine",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        iam.Grant.add_to_principal(
            grantee=role, actions=["lambda:InvokeFunction"], resource_arns=[function.function_arn]
        )
        iam.Grant.add_to_principal(grantee=role, actions=list(UNBOUND_ACTIONS), resource_arns=["*"])
        acknowledge_inline_policy(role)
        acknowledge(
            role,
            "X-Ray's actions and those of vended log delivery take no resource.",
            "AwsSolutions-IAM5[Resource::*]",
        )
        return role

    def _grant_map(self, role: iam.Role) -> None:
        """A Distributed Map starts child executions of its own state machine. The policy names the state
        machine, which names the role: so it is a policy of its own that the state machine does not wait for.

        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        # As the guide names them, and as a child's own ARN begins.
        children = [self._executions(":*"), self._executions("/*")]
        policy = iam.Policy(self, "MapPolicy", roles=[role])
        policy.add_statements(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[self.state_machine.attr_arn]),
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:StopExecution"], resources=children
            ),
        )
        acknowledge_inline_policy(policy)
        for arn in children:
            acknowledge_wildcard(policy, "Each child execution has a name of its own.", arn)

    def _executions(self, ending: str) -> str:
        return Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=self.state_machine.attr_name + ending,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )


UNBOUND_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)
