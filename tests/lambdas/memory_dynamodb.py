"""A DynamoDB table in memory that evaluates the expressions it is given."""

import copy
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

TOKEN = re.compile(r"\s*([#:]\w+|\w+|<>|<=|>=|[<>=(),])")
PAGE = 7


class MemoryTable:
    """What the ledger uses of a boto3 Table resource. `around` is told before and after each call.

    `writes` counts the write units of 1 KB and less: one a row and one for its place in the index.
    """

    def __init__(self, around: Callable[[str, Callable[[], Any]], Any] | None = None) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes = 0
        self._around = around or (lambda _, call: call())
        self._lock = threading.Lock()

    def get_item(self, Key: dict[str, str], ConsistentRead: bool = False) -> Any:  # noqa: N803
        def call() -> Any:
            item = self.items.get(_key(Key))
            return {"Item": copy.deepcopy(item)} if item else {}

        return self._around("GetItem", call)

    def put_item(self, Item: dict[str, Any], **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            self._check("PutItem", _key(Item), request)
            self._store(_key(Item), {name: _stored(value) for name, value in Item.items()})

        return self._around("PutItem", call)

    def update_item(self, Key: dict[str, str], UpdateExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            self._check("UpdateItem", _key(Key), request)
            item = copy.deepcopy(self.items.get(_key(Key), dict(Key)))
            _apply(UpdateExpression, item, request)
            self._store(_key(Key), item)
            return {"Attributes": copy.deepcopy(item)}

        return self._around("UpdateItem", call)

    def query(self, KeyConditionExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            sort = "at" if "IndexName" in request else "sk"
            assert not ("IndexName" in request and request.get("ConsistentRead"))
            found = [
                item
                for item in self.items.values()
                if ("IndexName" not in request or _is_indexed(item))
                and _holds(KeyConditionExpression, item, request)
            ]
            found.sort(key=lambda item: (item[sort].encode(), item["pk"].encode(), item["sk"].encode()))
            if not request.get("ScanIndexForward", True):
                found.reverse()
            start = request.get("ExclusiveStartKey", 0)
            page = found[start : start + PAGE]
            kept = [item for item in page if _holds(request.get("FilterExpression", ""), item, request)]
            answer: dict[str, Any] = {"Items": copy.deepcopy(kept)}
            if start + PAGE < len(found):
                answer["LastEvaluatedKey"] = start + PAGE
            return answer

        return self._around("Query", call)

    def _check(self, operation: str, key: tuple[str, str], request: dict[str, Any]) -> None:
        if not _holds(request["ConditionExpression"], self.items.get(key, {}), request):
            self.writes += 1
            error = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
            raise ClientError({"Error": error}, operation)

    def _store(self, key: tuple[str, str], item: dict[str, Any]) -> None:
        with self._lock:
            old = self.items.get(key, {})
            self.items[key] = item
            moved = _is_indexed(old) and any(old.get(name) != item.get(name) for name in ("listed", "at"))
            self.writes += 1 + (2 if moved and _is_indexed(item) else _is_indexed(item) or moved)


def _key(item: dict[str, Any]) -> tuple[str, str]:
    assert item["pk"]
    assert item["sk"]
    assert len(item["sk"].encode()) <= 1024
    return item["pk"], item["sk"]


def _is_indexed(item: dict[str, Any]) -> bool:
    return "listed" in item and "at" in item


def _stored(value: Any) -> Any:
    """As boto3 gives it back, and refused where boto3 or DynamoDB refuse it."""
    assert not isinstance(value, float), "boto3 takes no floats"
    assert value is not None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, bytes):
        return Binary(value)
    if isinstance(value, (set, frozenset)):
        assert value, "DynamoDB takes no empty set"
        return set(value)
    if isinstance(value, str):
        return str(value)
    return value


def _apply(expression: str, item: dict[str, Any], request: dict[str, Any]) -> None:
    names, values = request["ExpressionAttributeNames"], request.get("ExpressionAttributeValues", {})
    clauses = re.split(r"\b(SET|ADD|DELETE|REMOVE)\b", expression)[1:]
    for verb, body in zip(clauses[::2], clauses[1::2], strict=True):
        for action in body.split(","):
            parts = action.replace("=", " ").split()
            name = names[parts[0]]
            assert name not in ("pk", "sk")
            value = _stored(values[parts[1]]) if len(parts) > 1 else None
            if verb == "SET":
                item[name] = value
            elif verb == "REMOVE":
                item.pop(name, None)
            elif verb == "DELETE":
                if not (left := item.get(name, set()) - value):
                    item.pop(name, None)
                else:
                    item[name] = left
            elif isinstance(value, set):
                item[name] = item.get(name, set()) | value
            else:
                item[name] = item.get(name, Decimal(0)) + value


def _holds(expression: str, item: dict[str, Any], request: dict[str, Any]) -> bool:
    return not expression or _Condition(expression, item, request).holds()


class _Condition:
    """A condition expression, by recursive descent."""

    def __init__(self, expression: str, item: dict[str, Any], request: dict[str, Any]) -> None:
        self._tokens = TOKEN.findall(expression)
        self._names = request.get("ExpressionAttributeNames", {})
        self._values = request.get("ExpressionAttributeValues", {})
        self._item = item

    def holds(self) -> bool:
        result = self._either()
        assert not self._tokens, self._tokens
        return result

    def _either(self) -> bool:
        result = self._both()
        while self._tokens[:1] == ["OR"]:
            self._tokens.pop(0)
            other = self._both()
            result = result or other
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._tokens[:1] == ["AND"]:
            self._tokens.pop(0)
            other = self._one()
            result = result and other
        return result

    def _one(self) -> bool:
        if self._tokens[0] == "(":
            self._tokens.pop(0)
            result = self._either()
            self._expect(")")
            return result
        if self._tokens[0] in ("attribute_exists", "attribute_not_exists", "contains"):
            return self._function(self._tokens.pop(0))
        left = self._operand()
        operator = self._tokens.pop(0)
        if operator == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return bool(left is not None and low <= left <= high)
        if operator == "IN":
            return left in self._arguments()
        right = self._operand()
        if left is None or right is None:
            return operator == "<>"
        return bool(
            {
                "=": lambda: left == right,
                "<>": lambda: left != right,
                "<": lambda: left < right,
                "<=": lambda: left <= right,
            }[operator]()
        )

    def _function(self, name: str) -> bool:
        arguments = self._arguments()
        if name == "contains":
            return arguments[0] is not None and arguments[1] in arguments[0]
        return (arguments[0] is not None) == (name == "attribute_exists")

    def _arguments(self) -> list[Any]:
        self._expect("(")
        arguments = [self._operand()]
        while self._tokens[0] == ",":
            self._tokens.pop(0)
            arguments.append(self._operand())
        self._expect(")")
        return arguments

    def _operand(self) -> Any:
        token = self._tokens.pop(0)
        if token == "size":
            value = self._arguments()[0]
            return None if value is None else len(value)
        if token.startswith(":"):
            return _stored(self._values[token])
        return self._item.get(self._names[token])

    def _expect(self, token: str) -> None:
        found = self._tokens.pop(0)
        assert found == token, f"{found} where {token} was expected"
