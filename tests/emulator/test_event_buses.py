"""An event that a rule hands to the bus of another account arrives there, if both accounts say so."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from local_aws import ACCOUNT, REGION, LocalAws, wait_for

SENDER = "444455556666"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:SourceAccount": SENDER}},
}
ADMITS = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{SENDER}:root"},
    "Action": "events:PutEvents",
    "Condition": {
        "ForAllValues:StringEquals": {"events:source": "aws.s3"},
        "StringEquals": {"events:detail-type": "Object Created"},
        "Null": {"events:source": "false"},
    },
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Buses:
    """A bucket whose uploads a rule hands to the bus of another account, which has a rule and a queue."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.name = aws, f"bus-{uuid.uuid4().hex[:8]}"
        self.bus_arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{self.name}"
        self.s3 = aws.client("s3", SENDER)

    def receive(self, *statements: dict[str, Any], region: str = REGION) -> None:
        """The bus as CloudFormation makes it, with these statements."""
        policies = {
            f"Policy{number}": {
                "Type": "AWS::Events::EventBusPolicy",
                "Properties": {
                    "EventBusName": {"Ref": "Bus"},
                    "StatementId": f"S{number}",
                    "Statement": {**statement, "Resource": self.bus_arn},
                },
            }
            for number, statement in enumerate(statements)
        }
        bus = {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": self.name}}}
        cloudformation = self.aws.client("cloudformation")
        cloudformation.create_stack(
            StackName=self.name, TemplateBody=json.dumps({"Resources": {**bus, **policies}})
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=self.name, WaiterConfig={"Delay": 1}
        )
        self.sqs = self.aws.client("sqs")
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        events = self.aws.client("events")
        pattern = json.dumps({"source": ["aws.s3"], "account": [SENDER]})
        events.put_rule(Name="in", EventBusName=self.name, EventPattern=pattern)
        target = {"Id": "Queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"}
        events.put_targets(Rule="in", EventBusName=self.name, Targets=[target])

    def send(self, *rights: str, trust: dict[str, Any] = TRUST) -> None:
        iam, events = self.aws.client("iam", SENDER), self.aws.client("events", SENDER)
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        statement = {
            "Effect": "Allow",
            "Action": list(rights) or ["events:PutRule"],
            "Resource": self.bus_arn,
        }
        iam.put_role_policy(RoleName=self.name, PolicyName="put", PolicyDocument=document(statement))
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [self.name]}}})
        events.put_rule(Name=self.name, EventPattern=pattern)
        targets = [{"Id": "Bus", "Arn": self.bus_arn, "RoleArn": role}]
        events.put_targets(Rule=self.name, Targets=targets)

    def upload(self) -> str:
        return str(self.s3.put_object(Bucket=self.name, Key="a/1", Body=b"x")["VersionId"])

    def received(self) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def buses(aws: LocalAws) -> Buses:
    return Buses(aws)


def test_an_upload_is_told_in_the_other_account_as_what_it_is(buses: Buses) -> None:
    buses.receive(ADMITS)
    buses.send("events:PutEvents")
    version = buses.upload()

    (event,) = wait_for(buses.received, seconds=10)

    assert (event["account"], event["source"], event["detail-type"]) == (SENDER, "aws.s3", "Object Created")
    assert event["detail"]["bucket"] == {"name": buses.name}
    assert event["detail"]["object"]["version-id"] == version


OTHERS = {**ADMITS, "Principal": {"AWS": "arn:aws:iam::777788889999:root"}}
OTHER_SOURCE = {**ADMITS, "Condition": {"StringEquals": {"events:source": "aws.medical-imaging"}}}


@pytest.mark.parametrize(
    "refuse",
    [
        lambda buses: (buses.receive(), buses.send("events:PutEvents")),
        lambda buses: (buses.receive(OTHERS), buses.send("events:PutEvents")),
        lambda buses: (buses.receive(OTHER_SOURCE), buses.send("events:PutEvents")),
        lambda buses: (buses.receive(ADMITS), buses.send()),
        lambda buses: (
            buses.receive(ADMITS),
            buses.send("events:PutEvents", trust={**TRUST, "Principal": {"Service": "sns.amazonaws.com"}}),
        ),
    ],
    ids=["no policy", "another account", "another source", "no right", "another service"],
)
def test_without_a_word_of_either_account_nothing_is_told(
    buses: Buses, refuse: Callable[[Buses], Any]
) -> None:
    refuse(buses)
    buses.upload()

    with pytest.raises(TimeoutError):
        wait_for(buses.received, seconds=1)
