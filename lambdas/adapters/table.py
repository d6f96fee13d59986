"""DynamoDB's calls as the ledger makes them: every write has a condition, names are written `#name`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lambdas.adapters.rows import Item, Key


class Table:
    """A ClientTable; True or an item from a write means that its condition held."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, key: Mapping[str, str]) -> Item | None:
        item: Item | None = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return item

    def put(self, item: Item, condition: str, values: Item | None = None) -> bool:
        try:
            self._table.put_item(Item=item, **_condition(condition, values or {}))
        except ClientError as error:
            return _refused(error)
        return True

    def update(self, key: Key, change: str, condition: str, values: Item) -> Item | None:
        """The item as it is now, or None when the condition did not hold."""
        try:
            answer = self._table.update_item(
                Key=key,
                UpdateExpression=change,
                ReturnValues="ALL_NEW",
                **_condition(condition, values, change),
            )
        except ClientError as error:
            _refused(error)
            return None
        item: Item = answer["Attributes"]
        return item

    def query(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """All pages. Reads are consistent but for those of an index, which cannot be."""
        request = {
            "KeyConditionExpression": condition,
            "ConsistentRead": "IndexName" not in options,
            **_values(values),
            **options,
        }
        texts = (condition, options.get("FilterExpression", ""), options.get("ProjectionExpression", ""))
        if names := _names(*texts):
            request["ExpressionAttributeNames"] = names
        while True:
            page = self._table.query(**request)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def sets(changes: Item) -> tuple[str, Item]:
    """SET of each attribute to its value: the expression and its values."""
    text = ", ".join(f"#{name} = :{name}" for name in changes)
    return f"SET {text}", {f":{name}": value for name, value in changes.items()}


def _refused(error: ClientError) -> bool:
    """False when the condition did not hold; any other error is raised again."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return False
    raise error


def _condition(condition: str, values: Item, change: str = "") -> dict[str, Any]:
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": _names(condition, change),
        **_values(values),
    }


def _values(values: Item) -> dict[str, Any]:
    return {"ExpressionAttributeValues": values} if values else {}


def _names(*texts: str) -> dict[str, str]:
    return {name: name[1:] for text in texts for name in re.findall(r"#\w+", text)}
