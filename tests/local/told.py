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
    tags = found.client("resourcegroupstaggingapi").get_resources()
    yield "tags", json.dumps(tags["ResourceTagMappingList"])
    for name in ("emulator.log", "access.ndjson"):
        yield name, (state / name).read_text(errors="replace")
