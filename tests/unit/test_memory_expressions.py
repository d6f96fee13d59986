"""The expressions of DynamoDB that the table in memory evaluates."""

import pytest

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.expressions import condition, key_condition

NAMES = {"#a": "a", "#b": "b", "#pk": "pk"}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("#a = :one", True),
        ("#b = :one", False),
        ("#b <> :one", True),
        ("attribute_not_exists(#b) AND #a < :two", True),
        ("#a > :two OR (#a >= :one AND attribute_exists(#a))", True),
        ("#a BETWEEN :one AND :two AND attribute_exists(#b)", False),
        ("contains(#pk, :x) OR begins_with(#pk, :x)", False),
        ("size(#pk) < :two", False),
    ],
)
def test_conditions_are_read_as_dynamodb_reads_them(expression: str, holds: bool) -> None:
    read = condition(expression, NAMES)

    assert read({"a": 1, "pk": "key"}, {":one": 1, ":two": 2, ":x": "x"}) is holds


def test_a_sort_keys_bounds_are_read() -> None:
    found = key_condition("#pk = :pk AND #a BETWEEN :low AND :high", NAMES)

    assert (found.hashed, found.sorted_by, found.low, found.high) == ("pk", "a", ":low", ":high")


def test_units_are_those_that_dynamodb_bills() -> None:
    table = MemoryTable()

    def put(listed: str, text: str) -> None:
        item = {"pk": "p", "sk": "s", "listed": listed, "at": "1", "text": text}
        table.put_item(
            Item=item, ConditionExpression="attribute_not_exists(#no)", ExpressionAttributeNames={"#no": "no"}
        )

    put("OPEN", "x")
    assert (table.units["writes"], table.units["index writes"]) == (1, 1)
    # A larger row of the same place: three kilobytes in the table and in the index.
    put("OPEN", "x" * 3_000)
    assert (table.units["writes"], table.units["index writes"]) == (1 + 3, 1 + 3)
    # Another place: what was there is deleted, what is new is put.
    put("DONE", "x")
    assert (table.units["writes"], table.units["index writes"]) == (4 + 3, 4 + 3 + 1)
    table.get_item(Key={"pk": "p", "sk": "s"}, ConsistentRead=True)
    assert table.units["reads"] == 1


@pytest.mark.parametrize("forward", [True, False])
def test_pages_go_on_after_the_last_row_though_rows_come_and_go(forward: bool) -> None:
    table, names = MemoryTable(page=2), {"#pk": "pk"}

    def put(sk: str) -> None:
        table.put_item(
            Item={"pk": "p", "sk": sk},
            ConditionExpression="attribute_not_exists(#pk)",
            ExpressionAttributeNames=names,
        )

    for sk in "bdf":
        put(sk)
    request = {
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":pk": "p"},
        "ScanIndexForward": forward,
    }
    first = table.query(**request)
    put("c")
    second = table.query(**request, ExclusiveStartKey=first["LastEvaluatedKey"])

    found = [item["sk"] for item in [*first["Items"], *second["Items"]]]
    assert found == (["b", "d", "f"] if forward else ["f", "d", "c", "b"])
