"""Where a patient's name must not stand."""

import json
from collections.abc import Iterator
from pathlib import Path

from cli.deployed import Deployed


def told(found: Deployed, state: Path) -> Iterator[tuple[str, str]]:
    """All that the deployment tells of itself: where, and what."""
    logs = found.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            yield group["logGroupName"], event["message"]
    cloudwatch = found.client("cloudwatch")
    yield "metrics", json.dumps(cloudwatch.list_metrics()["Metrics"])
    yield "alarms", json.dumps(cloudwatch.describe_alarms(), default=str)
    yield "alarms' history", json.dumps(cloudwatch.describe_alarm_history(), default=str)
    sqs = found.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        if "DeadLetters" in url:
            yield url, json.dumps(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10), default=str)
    yield from of_backfills(found)
    yield from of_cloudtrail(found)
    yield from of_stacks(found)
    tags = found.client("resourcegroupstaggingapi").get_resources()
    yield "tags", json.dumps(tags["ResourceTagMappingList"])
    for name in ("emulator.log", "access.ndjson"):
        yield name, (state / name).read_text(errors="replace")


def of_backfills(found: Deployed) -> Iterator[tuple[str, str]]:
    """What each execution was given and gave back, state by state: Step Functions keeps it for 90 days."""
    machines, machine = found.client("stepfunctions"), found.import_output("BackfillMachine")
    for execution in machines.list_executions(stateMachineArn=machine)["executions"]:
        arn = execution["executionArn"]
        yield "executions", json.dumps(machines.describe_execution(executionArn=arn), default=str)
        pages = machines.get_paginator("get_execution_history").paginate(executionArn=arn)
        yield "executions' history", json.dumps(list(pages), default=str)


def of_cloudtrail(found: Deployed) -> Iterator[tuple[str, str]]:
    for page in found.client("cloudtrail").get_paginator("lookup_events").paginate():
        yield "CloudTrail's event history", json.dumps(page["Events"], default=str)


def of_stacks(found: Deployed) -> Iterator[tuple[str, str]]:
    formation = found.client("cloudformation")
    for stack in formation.describe_stacks()["Stacks"]:
        yield "stacks", json.dumps(stack, default=str)
        pages = formation.get_paginator("describe_stack_events").paginate(StackName=stack["StackName"])
        yield "stacks' events", json.dumps(list(pages), default=str)
