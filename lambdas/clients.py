"""The boto3 clients of a function, made once and only those it uses."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from lambdas.adapters.queues import Queue
from lambdas.settings import setting

WORKERS = 16
CONFIG = Config(max_pool_connections=WORKERS, retries={"mode": "standard", "total_max_attempts": 4})
# Whether a start is tried again is the start function's decision: each try costs a turn.
ONCE = Config(retries={"total_max_attempts": 1})


def table() -> Any:
    return boto3.resource("dynamodb", config=CONFIG).Table(setting(os.environ, "LEDGER_TABLE"))


def queues(*names: str) -> list[Queue]:
    """A queue for each environment variable that holds a queue's URL."""
    client = boto3.client("sqs", config=CONFIG)
    return [Queue(client, setting(os.environ, name)) for name in names]


def s3() -> Any:
    return boto3.client("s3", config=CONFIG)


def healthimaging(config: Config = CONFIG) -> Any:
    return boto3.client("medical-imaging", config=config)


def now() -> datetime:
    return datetime.now(UTC)
