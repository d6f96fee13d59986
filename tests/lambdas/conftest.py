"""The environment that the functions read when they are imported, and a ledger's table."""

import os
from collections.abc import Iterator
from typing import Any

import ministack_in_process
import pytest

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.environment import SMALL, environment
from lambdas.adapters.dynamodb import ClientTable

os.environ |= environment(SMALL, "ERROR")


@pytest.fixture(params=["ministack", "memory"])
def table(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryTable()
        return
    made = ministack_in_process.resource("dynamodb").create_table(
        TableName=f"ledger-of-{request.node.nodeid.__hash__():x}",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "listed", "at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "listed",
                "KeySchema": [
                    {"AttributeName": "listed", "KeyType": "HASH"},
                    {"AttributeName": "at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    yield ClientTable(ministack_in_process.client("dynamodb"), made.name)
    made.delete()
