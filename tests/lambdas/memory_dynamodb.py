"""A DynamoDB table in memory that evaluates the expressions it is given."""

import re
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

TOKEN = re.compile(r"\s*([#:]\w+|\w+|<>|<=|>=|[<>=(),])")
PAGE = 25


class MemoryTable:
    """The calls of a ClientTable. `around` is told before and after each call.

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
            return {"Item": _copied(item)} if item else {}

        return self._around("GetItem", call)

    def put_item(self, Item: dict[str, Any], **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            self._check("PutItem", _key(Item), request)
            self._store(_key(Item), {name: _stored(value) for name, value in Item.items()})

        return self._around("PutItem", call)

    def update_item(self, Key: dict[str, str], UpdateExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            self._check("UpdateItem", _key(Key), request)
            item = _copied(self.items.get(_key(Key), Key))
            _apply(UpdateExpression, item, request)
            self._store(_key(Key), item)
            return {"Attributes": _copied(item)}

        return self._around("UpdateItem", call)

    def query(self, KeyConditionExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            sort = "at" if "IndexName" in request else "sk"
            assert not ("IndexName" in request and request.get("ConsistentRead"))
            name, value = KeyConditionExpression.split()[0::2][:2]
            hashed, wanted = (
                request["ExpressionAttributeNames"][name],
                request["ExpressionAttributeValues"][value],
            )
            found = [
                item
                for item in self.items.values()
                if item.get(hashed) == wanted
                and ("IndexName" not in request or _is_indexed(item))
                and _holds(KeyConditionExpression, item, request)
            ]
            found.sort(key=lambda item: (item[sort].encode(), item["pk"].encode(), item["sk"].encode()))
            if not request.get("ScanIndexForward", True):
                found.reverse()
            start = request.get("ExclusiveStartKey", 0)
            page = found[start : start + PAGE]
            kept = [item for item in page if _holds(request.get("FilterExpression", ""), item, request)]
            answer: dict[str, Any] = {"Items": [_copied(item) for item in kept]}
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


def _copied(item: dict[str, Any]) -> dict[str, Any]:
    return {name: set(value) if isinstance(value, set) else value for name, value in item.items()}


def _is_indexed(item: dict[str, Any]) -> bool:
    return "listed" in item and "at" in item


def _stored(value: Any) -> Any:
    """As it is given back, and refused where ClientTable or DynamoDB refuse it."""
    assert not isinstance(value, float), "a row holds no floats"
    assert value is not None
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
                item[name] = item.get(name, 0) + value


def _holds(expression: str, item: dict[str, Any], request: dict[str, Any]) -> bool:
    if not expression:
        return True
    names, values = request["ExpressionAttributeNames"], request.get("ExpressionAttributeValues", {})
    return bool(_parsed(expression)(item, names, values))


Operand = Callable[[dict[str, Any], dict[str, str], dict[str, Any]], Any]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@lru_cache
def _parsed(expression: str) -> Operand:
    tokens = TOKEN.findall(expression)
    condition = _either(tokens)
    assert not tokens, tokens
    return condition


def _either(tokens: list[str]) -> Operand:
    parts = [_both(tokens)]
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda *row: any(part(*row) for part in parts)


def _both(tokens: list[str]) -> Operand:
    parts = [_one(tokens)]
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        parts.append(_one(tokens))
    return lambda *row: all(part(*row) for part in parts)


def _one(tokens: list[str]) -> Operand:
    if tokens[0] == "(":
        tokens.pop(0)
        inner = _either(tokens)
        _expect(tokens, ")")
        return inner
    if tokens[0] in ("attribute_exists", "attribute_not_exists", "contains"):
        return _function(tokens.pop(0), _arguments(tokens))
    left, operator = _operand(tokens), tokens.pop(0)
    if operator == "BETWEEN":
        low = _operand(tokens)
        _expect(tokens, "AND")
        high = _operand(tokens)
        return lambda *row: (value := left(*row)) is not None and low(*row) <= value <= high(*row)
    right, compare = _operand(tokens), COMPARISONS[operator]

    def holds(*row: Any) -> bool:
        one, other = left(*row), right(*row)
        if one is None or other is None:
            return operator == "<>"
        return compare(one, other)

    return holds


def _function(name: str, arguments: list[Operand]) -> Operand:
    first = arguments[0]
    if name == "contains":
        return lambda *row: (value := first(*row)) is not None and arguments[1](*row) in value
    return lambda *row: (first(*row) is not None) == (name == "attribute_exists")


def _arguments(tokens: list[str]) -> list[Operand]:
    _expect(tokens, "(")
    arguments = [_operand(tokens)]
    while tokens[0] == ",":
        tokens.pop(0)
        arguments.append(_operand(tokens))
    _expect(tokens, ")")
    return arguments


def _operand(tokens: list[str]) -> Operand:
    token = tokens.pop(0)
    if token == "size":
        (sized,) = _arguments(tokens)
        return lambda *row: None if (value := sized(*row)) is None else len(value)
    if token.startswith(":"):
        return lambda item, names, values: values[token]
    return lambda item, names, values: item.get(names[token])


def _expect(tokens: list[str], token: str) -> None:
    found = tokens.pop(0)
    assert found == token, f"{found} where {token} was expected"
