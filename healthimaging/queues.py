"""A queue of work for one function, and where its poison messages go."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

MAX_RECEIVE_COUNT = 5


class WorkQueue(Construct):
    """An encrypted queue whose messages go to `dead_letters` after five failures."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey, function_timeout: Duration
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=Duration.days(14),
            enforce_ssl=True,
        )
        self.queue = sqs.Queue(
            self,
            "Resource",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=Duration.days(14),
            # AWS asks for six times the function's timeout, or a slow batch is delivered twice.
            visibility_timeout=Duration.seconds(6 * function_timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVE_COUNT
            ),
            enforce_ssl=True,
        )
        self._rules: list[str] = []
        self._sends: list[iam.PolicyStatement] = []

    def receive_events(
        self,
        construct_id: str,
        *,
        description: str,
        pattern: Mapping[str, Any],
        bus: events.CfnEventBus | None = None,
    ) -> None:
        """Send the events of `bus`, else the default one, that match `pattern` here, or to the dead letters
        if that fails.

        The CDK's own target would open the key to EventBridge with no condition, from another stack;
        the key already admits EventBridge for this account.
        """
        rule = events.CfnRule(
            self,
            construct_id,
            description=description,
            event_bus_name=bus.ref if bus else None,
            event_pattern=dict(pattern),
            targets=[
                events.CfnRule.TargetProperty(
                    id="Queue",
                    arn=self.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self.dead_letters.queue_arn
                    ),
                )
            ],
        )
        self._admit(rule.attr_arn)

    def _admit(self, rule_arn: str) -> None:
        """One statement holds all rules: SQS takes 20 in a policy, and each partner's bucket has a rule."""
        if not self._rules:
            self._sends = [self._event_bridge_sends(queue) for queue in (self.queue, self.dead_letters)]
        self._rules.append(rule_arn)
        for statement in self._sends:
            statement.add_condition("ArnEquals", {"aws:SourceArn": list(self._rules)})

    def _event_bridge_sends(self, queue: sqs.Queue) -> iam.PolicyStatement:
        statement = iam.PolicyStatement(
            sid="EventBridgeSends",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
        )
        queue.add_to_resource_policy(statement)
        return statement
