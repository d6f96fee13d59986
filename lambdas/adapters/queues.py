"""SQS queues of JSON messages."""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

LONGEST_DELAY_SECONDS = 900
BATCH = 10


class NotSentError(Exception):
    """SQS took a part of a batch only; those that were sent stay sent."""


class Queue:
    """The queue at `url`, through a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, Any], delay_seconds: float = 0) -> None:
        """A delay is rounded up to a second and cut at SQS's fifteen minutes."""
        delay = min(max(math.ceil(delay_seconds), 0), LONGEST_DELAY_SECONDS)
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(message), DelaySeconds=delay)

    def send_all(self, messages: Iterable[Mapping[str, Any]]) -> int:
        """Send any number, ten in a call; how many. What SQS does not take raises NotSentError."""
        rest, sent = iter(messages), 0
        while batch := list(islice(rest, BATCH)):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps(message)}
                for number, message in enumerate(batch)
            ]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            if refused := answer.get("Failed"):
                code = refused[0]["Code"]
                raise NotSentError(f"SQS took {len(batch) - len(refused)} of {len(batch)} messages: {code}")
            sent += len(batch)
        return sent
