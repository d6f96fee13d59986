"""SQS queues of JSON messages."""

import json
import math
from collections.abc import Mapping
from typing import Any

LONGEST_DELAY_SECONDS = 900


class Queue:
    """The queue at `url`, through a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, Any], delay_seconds: float = 0) -> None:
        """A delay is rounded up to a second and cut at SQS's fifteen minutes."""
        delay = min(max(math.ceil(delay_seconds), 0), LONGEST_DELAY_SECONDS)
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps(message), DelaySeconds=delay)
