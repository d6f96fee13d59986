"""Functions called again and again by EventBridge Scheduler."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from healthimaging.acknowledge import acknowledge_inline_policy


def invoke_every(scope: Construct, construct_id: str, function: lambda_.Function, every: Duration) -> None:
    """Call `function` with an empty event each time `every` has passed.

    A call that was missed, or failed, is not repeated: the next one does its work. The Scheduler does not
    wait for the function, so it is Lambda that would call again: twice within minutes, or late for hours.
    """
    function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        description="Lets a schedule call its function",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        ),
    )
    call = iam.Grant.add_to_principal(
        grantee=role, actions=["lambda:InvokeFunction"], resource_arns=[function.function_arn]
    )
    acknowledge_inline_policy(role)
    minutes = int(every.to_minutes())
    schedule = scheduler.CfnSchedule(
        scope,
        construct_id,
        schedule_expression=f"rate({minutes} minute{'' if minutes == 1 else 's'})",
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function_arn,
            role_arn=role.role_arn,
            input="{}",
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=0),
        ),
    )
    call.apply_before(schedule)
