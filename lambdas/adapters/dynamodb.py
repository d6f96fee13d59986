"""A DynamoDB table through a low-level client, which starts faster than boto3's Table resource."""

from collections.abc import Mapping
from typing import Any

# What a request and an answer hold as an item, or as a map of values.
GIVEN = {"Key", "Item", "ExpressionAttributeValues"}
ANSWERED = {"Item", "Attributes"}

FROM_TYPED: Mapping[str, Any] = {"S": str, "N": int, "BOOL": bool, "B": bytes, "SS": set}


class ClientTable:
    """The calls of a boto3 Table resource that the ledger makes, with the same requests and answers.

    Numbers are whole. The key that a query goes on from is handed back as it was answered.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def get_item(self, **request: Any) -> dict[str, Any]:
        return _plain_answer(self._client.get_item(**self._typed_request(request)))

    def put_item(self, **request: Any) -> dict[str, Any]:
        return _plain_answer(self._client.put_item(**self._typed_request(request)))

    def update_item(self, **request: Any) -> dict[str, Any]:
        return _plain_answer(self._client.update_item(**self._typed_request(request)))

    def query(self, **request: Any) -> dict[str, Any]:
        answer = self._client.query(**self._typed_request(request))
        return {**answer, "Items": [_plain(item) for item in answer["Items"]]}

    def _typed_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        typed = {name: _typed(value) if name in GIVEN else value for name, value in request.items()}
        return {"TableName": self._name, **typed}


def _plain_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) if name in ANSWERED else value for name, value in answer.items()}


def _plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: FROM_TYPED[kind](value) for name, typed in item.items() for kind, value in typed.items()}


def _typed(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: _typed_value(value) for name, value in item.items()}


def _typed_value(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case set() | frozenset():
            return {"SS": sorted(value)}
    raise TypeError(
        f"a {type(value).__name__} in a row of the ledger: str, bool, int, bytes or a set of str go there"
    )
