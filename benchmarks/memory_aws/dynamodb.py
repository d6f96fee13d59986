"""The ledger's DynamoDB table in memory: expressions are evaluated, order and units are DynamoDB's.

Rows lie by their keys and in the index `listed`, so that a query costs what it finds and not what there is.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from benchmarks.memory_aws.expressions import KeyCondition, changes, condition, key_condition

# Short, so that every test of more than a few rows goes through several pages. DynamoDB's end at 1 MB.
PAGE = 25
PAGE_BYTES = 1024 * 1024
WRITE_UNIT, READ_UNIT = 1024, 4096
SORT_KEY_BYTES = 1024
# After every text that a key begins with.
LAST = "\U0010ffff"

Around = Callable[[str, Callable[[], Any]], Any]
Row = tuple[dict[str, Any], int]
NO_ROW: Row = ({}, 0)
NO_ROWS = SortedDict()


class MemoryTable:
    """The calls of a ClientTable. `around` is told before and after each call.

    `units` are those DynamoDB bills: a write for each 1 KB, also when its condition does not hold, a read
    for each 4 KB, and the index's own. What is read is the row itself and cannot be changed.
    """

    def __init__(self, around: Around | None = None, page: int | None = None) -> None:
        self.units: dict[str, float] = defaultdict(float)
        self._rows: dict[str, SortedDict] = defaultdict(SortedDict)
        self._listed: dict[str, SortedDict] = defaultdict(SortedDict)
        self._around = around or (lambda _, call: call())
        self._page = page
        self._lock = threading.Lock()

    @property
    def writes(self) -> int:
        """Write units of the table and its index."""
        return int(self.units["writes"] + self.units["index writes"])

    @property
    def items(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """All rows by their keys."""
        return {(pk, sk): row[0] for pk, rows in self._rows.items() for sk, row in rows.items()}

    def get_item(self, Key: dict[str, str], ConsistentRead: bool = False) -> Any:  # noqa: N803
        def call() -> Any:
            item, size = self._row(Key["pk"], Key["sk"])
            self.units["reads"] += _reads(size, ConsistentRead)
            return {"Item": MappingProxyType(item)} if item else {}

        return self._around("GetItem", call)

    def put_item(self, Item: dict[str, Any], **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            with self._lock:
                old = self._checked("PutItem", Item, request)
                self._store(old, {name: _stored(value) for name, value in Item.items()})

        return self._around("PutItem", call)

    def update_item(self, Key: dict[str, str], UpdateExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            with self._lock:
                old = self._checked("UpdateItem", Key, request)
                item = dict(old[0] or Key)
                _apply(UpdateExpression, item, request)
                self._store(old, item)
                return {"Attributes": MappingProxyType(item)}

        return self._around("UpdateItem", call)

    def query(self, KeyConditionExpression: str, **request: Any) -> Any:  # noqa: N803
        def call() -> Any:
            with self._lock:
                return self._query(key_condition(KeyConditionExpression, _names(request)), request)

        return self._around("Query", call)

    def _query(self, wanted: KeyCondition, request: dict[str, Any]) -> dict[str, Any]:
        is_index, is_consistent = "IndexName" in request, bool(request.get("ConsistentRead"))
        assert not (is_index and is_consistent), "an index is not read consistently"
        assert wanted.hashed == ("listed" if is_index else "pk")
        assert wanted.sorted_by in (None, "at" if is_index else "sk")
        values = request["ExpressionAttributeValues"]
        rows = (self._listed if is_index else self._rows).get(values[wanted.wanted], NO_ROWS)
        keys = _keys(rows, wanted, request, is_index)
        page, last = _page(rows, keys, self._page or PAGE)

        unit = "index reads" if is_index else "reads"
        self.units[unit] += _reads(sum(size for _, size in page), is_consistent)
        items = [item for item, _ in page]
        if kept := request.get("FilterExpression"):
            holds = condition(kept, _names(request))
            items = [item for item in items if holds(item, values)]
        answer: dict[str, Any] = {"Items": [MappingProxyType(item) for item in items]}
        return answer | ({"LastEvaluatedKey": last} if last is not None else {})

    def _row(self, pk: str, sk: str) -> Row:
        rows = self._rows.get(pk)
        return NO_ROW if rows is None else rows.get(sk, NO_ROW)

    def _checked(self, operation: str, key: Mapping[str, Any], request: dict[str, Any]) -> Row:
        """The row as it stands, if the condition holds for it."""
        pk, sk = key["pk"], key["sk"]
        assert pk
        assert 0 < len(sk.encode()) <= SORT_KEY_BYTES
        row = self._row(pk, sk)
        holds = condition(request["ConditionExpression"], _names(request))
        if not holds(row[0], request.get("ExpressionAttributeValues", {})):
            self.units["writes"] += _writes(row[1])
            error = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
            raise ClientError({"Error": error}, operation)
        return row

    def _store(self, standing: Row, item: dict[str, Any]) -> None:
        old, old_size = standing
        row = (item, size := _item_size(item))
        self._rows[item["pk"]][item["sk"]] = row
        self.units["writes"] += max(_writes(size), _writes(old_size))

        was, now = _place(old), _place(item)
        if was and was != now:
            del self._listed[was[0]][was[1]]
            self.units["index writes"] += _writes(old_size)
        if now:
            self._listed[now[0]][now[1]] = row
            if item != old:
                self.units["index writes"] += max(_writes(size), _writes(old_size) if was == now else 1)


def _names(request: dict[str, Any]) -> dict[str, str]:
    return request.get("ExpressionAttributeNames", {})


def _place(item: dict[str, Any]) -> tuple[str, tuple[str, str, str]] | None:
    """Where the row stands in the index: rows of the same `at` in the order of their keys."""
    if "listed" not in item or "at" not in item:
        return None
    return item["listed"], (item["at"], item["pk"], item["sk"])


def _keys(rows: SortedDict, wanted: KeyCondition, request: dict[str, Any], is_index: bool) -> Iterator[Any]:
    """The keys that the condition allows, in the order that is asked for, after those already answered."""
    values = request["ExpressionAttributeValues"]
    low, high = (values[name] if name else None for name in (wanted.low, wanted.high))
    if wanted.prefix:
        low, high = values[wanted.prefix], values[wanted.prefix] + LAST
    with_low = with_high = wanted.inclusive
    if is_index:
        low = None if low is None else (low,) if with_low else (low, LAST)
        high = None if high is None else (high, LAST) if with_high else (high,)
    is_forward = request.get("ScanIndexForward", True)
    if start := request.get("ExclusiveStartKey"):
        after = (start["at"], start["pk"], start["sk"]) if is_index else start["sk"]
        low, with_low, high, with_high = (
            (after, False, high, with_high) if is_forward else (low, with_low, after, False)
        )
    keys: Iterator[Any] = rows.irange(low, high, (with_low, with_high), reverse=not is_forward)
    return keys


def _page(rows: SortedDict, keys: Iterator[Any], most: int) -> tuple[list[Row], dict[str, str] | None]:
    """One page, and the key that the next goes on after."""
    page, total = [], 0
    for key in keys:
        if len(page) == most or total >= PAGE_BYTES:
            last = page[-1][0]
            return page, {name: last[name] for name in ("pk", "sk", "listed", "at") if name in last}
        page.append(rows[key])
        total += page[-1][1]
    return page, None


def _apply(expression: str, item: dict[str, Any], request: dict[str, Any]) -> None:
    values = request.get("ExpressionAttributeValues", {})
    for verb, name, given in changes(expression, _names(request)):
        value = _stored(values[given]) if given else None
        if verb == "SET":
            item[name] = value
        elif verb == "REMOVE":
            item.pop(name, None)
        elif verb == "DELETE":
            if left := item.get(name, frozenset()) - value:
                item[name] = left
            else:
                item.pop(name, None)
        elif isinstance(value, frozenset):
            item[name] = item.get(name, frozenset()) | value
        else:
            item[name] = item.get(name, 0) + value


def _stored(value: Any) -> Any:
    """As it is given back, and refused where ClientTable or DynamoDB refuse it."""
    if type(value) in (str, int, bool, bytes):
        return value
    assert not isinstance(value, float), "a row holds no floats"
    assert value is not None
    if isinstance(value, (set, frozenset)):
        assert value, "DynamoDB takes no empty set"
        return frozenset(value)
    return str(value) if isinstance(value, str) else value


def _item_size(item: Mapping[str, Any]) -> int:
    size = 0
    for name, value in item.items():
        size += len(name) + (len(value) if type(value) is str and value.isascii() else _size(value))
    return size


def _size(value: Any) -> int:
    """A value's bytes, as DynamoDB counts them."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return len(str(abs(value))) // 2 + 2
    return len(value) if isinstance(value, bytes) else sum(map(_size, value))


def _writes(size: int) -> int:
    return max(1, math.ceil(size / WRITE_UNIT))


def _reads(size: int, is_consistent: bool) -> float:
    return max(1, math.ceil(size / READ_UNIT)) * (1 if is_consistent else 0.5)
