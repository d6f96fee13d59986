"""Tells people at once of what should never happen, by a rule, and keeps saying so, by an alarm."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from healthimaging.alarms import RUNBOOK
from healthimaging.nevers import Never, event_pattern, filter_patterns

METRICS_NAMESPACE = "HealthImagingAudit"
SAID = {
    "call": "$.detail.eventName",
    "by": "$.detail.userIdentity.arn",
    "at": "$.detail.eventTime",
    "region": "$.detail.awsRegion",
    "id": "$.detail.eventID",
}


class NeverAlarms(Construct):
    """For each of `nevers` a rule on this Region's events, and an alarm on the records of all Regions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        nevers: Sequence[Never],
        trail_logs: logs.ILogGroup,
        topic: sns.Topic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        rules = [self._rule(never) for never in nevers]
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesPublish",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]},
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                },
            )
        )
        for never in nevers:
            self._alarm(never, trail_logs)

    def _rule(self, never: Never) -> events.CfnRule:
        """The message names the call and who made it, not what it was given."""
        words = f"{never.what}: <call> by <by> at <at> in <region>, event <id>. What to do: {RUNBOOK}#never"
        return events.CfnRule(
            self,
            f"{never.name}Rule",
            description=never.what,
            event_pattern=dict(event_pattern(never)),
            targets=[
                events.CfnRule.TargetProperty(
                    id="Topic",
                    arn=self._topic.topic_arn,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map=SAID, input_template=f'"{words}"'
                    ),
                )
            ],
        )

    def _alarm(self, never: Never, trail_logs: logs.ILogGroup) -> None:
        for number, pattern in enumerate(filter_patterns(never), start=1):
            logs.CfnMetricFilter(
                self,
                f"{never.name}Filter{number}",
                log_group_name=trail_logs.log_group_name,
                filter_pattern=pattern,
                metric_transformations=[
                    logs.CfnMetricFilter.MetricTransformationProperty(
                        metric_namespace=METRICS_NAMESPACE, metric_name=never.name, metric_value="1"
                    )
                ],
            )
        alarm = cloudwatch.Alarm(
            self,
            never.name,
            metric=cloudwatch.Metric(
                namespace=METRICS_NAMESPACE,
                metric_name=never.name,
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{never.what}. What to do: {RUNBOOK}#never",
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
