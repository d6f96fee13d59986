"""SQS batches: each message is done or reported as failed by itself, so that SQS brings it again."""

import json
from collections.abc import Callable
from typing import Any

from lambdas.telemetry import described, logger

Response = dict[str, list[dict[str, str]]]


def each_message(event: dict[str, Any], process: Callable[[dict[str, Any]], None]) -> Response:
    """Give each message's body, read as JSON, to `process`."""
    failed = []
    for record in event["Records"]:
        try:
            process(json.loads(record["body"]))
        except Exception as error:
            logger.warning("message failed", extra={"message_id": record["messageId"], **described(error)})
            failed.append(record["messageId"])
    return failures(failed)


def failures(message_ids: list[str]) -> Response:
    """What tells Lambda which messages of the batch to bring again."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}
