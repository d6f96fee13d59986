"""DynamoDB's expressions, read once and kept as functions of an item and the request's values.

Names are written `#name`, as the ledger writes all of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

TOKEN = re.compile(r"\s*([#:]\w+|\w+|<>|<=|>=|[<>=(),])")
VERB = re.compile(r"\b(SET|ADD|DELETE|REMOVE)\b")

Item = Mapping[str, Any]
Values = Mapping[str, Any]
Operand = Callable[[Item, Values], Any]
Condition = Callable[[Item, Values], bool]
Change = tuple[str, str, str]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True, kw_only=True)
class KeyCondition:
    """`hashed` equals the value named `wanted`; `low` and `high` name the sort key's bounds."""

    hashed: str
    wanted: str
    sorted_by: str | None = None
    low: str | None = None
    high: str | None = None
    prefix: str | None = None
    inclusive: bool = True


def condition(expression: str, names: Mapping[str, str]) -> Condition:
    """A ConditionExpression or FilterExpression."""
    return _condition(expression, tuple(names.items()))


def changes(expression: str, names: Mapping[str, str]) -> tuple[Change, ...]:
    """An UpdateExpression, as verb, attribute, and the value's name or ""."""
    return _changes(expression, tuple(names.items()))


def key_condition(expression: str, names: Mapping[str, str]) -> KeyCondition:
    return _key_condition(expression, tuple(names.items()))


@cache
def _condition(expression: str, names: tuple[tuple[str, str], ...]) -> Condition:
    tokens = _tokens(expression, names)
    read = _either(tokens)
    assert not tokens, tokens
    return read


@cache
def _changes(expression: str, names: tuple[tuple[str, str], ...]) -> tuple[Change, ...]:
    named, found = dict(names), []
    clauses = VERB.split(expression)[1:]
    for verb, body in zip(clauses[::2], clauses[1::2], strict=True):
        for action in body.split(","):
            name, *value = action.replace("=", " ").split()
            assert named[name] not in ("pk", "sk")
            found.append((verb, named[name], value[0] if value else ""))
    return tuple(found)


@cache
def _key_condition(expression: str, names: tuple[tuple[str, str], ...]) -> KeyCondition:
    (hashed, equals, wanted), *rest = [part.split() for part in expression.split(" AND ", 1)]
    assert equals == "="
    named = dict(names)
    key: dict[str, Any] = {"hashed": named[hashed], "wanted": wanted}
    match _tokens(" ".join(rest[0]), names) if rest else []:
        case []:
            return KeyCondition(**key)
        case [name, "BETWEEN", low, "AND", high]:
            bounds = {"low": low, "high": high}
        case ["begins_with", "(", name, ",", prefix, ")"]:
            bounds = {"prefix": prefix}
        case [name, "=", value]:
            bounds = {"low": value, "high": value}
        case [name, "<" | "<=" as operator, value]:
            bounds = {"high": value, "inclusive": operator == "<="}
        case [name, ">" | ">=" as operator, value]:
            bounds = {"low": value, "inclusive": operator == ">="}
        case other:
            raise AssertionError(f"no condition on a sort key: {other}")
    return KeyCondition(**key, sorted_by=name[1:], **bounds)


def _tokens(expression: str, names: tuple[tuple[str, str], ...]) -> list[str]:
    """The words, with each `#name` as "#" and the attribute's own name."""
    named = dict(names)
    return ["#" + named[word] if word[0] == "#" else word for word in TOKEN.findall(expression)]


def _either(tokens: list[str]) -> Condition:
    parts = [_both(tokens)]
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else lambda item, values: any(part(item, values) for part in parts)


def _both(tokens: list[str]) -> Condition:
    parts = [_one(tokens)]
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        parts.append(_one(tokens))
    return parts[0] if len(parts) == 1 else lambda item, values: all(part(item, values) for part in parts)


def _one(tokens: list[str]) -> Condition:
    if tokens[0] == "(":
        tokens.pop(0)
        inner = _either(tokens)
        _expect(tokens, ")")
        return inner
    if tokens[0] in ("attribute_exists", "attribute_not_exists", "contains", "begins_with"):
        return _function(tokens.pop(0), _arguments(tokens))
    left, operator = _operand(tokens), tokens.pop(0)
    if operator == "BETWEEN":
        low = _operand(tokens)
        _expect(tokens, "AND")
        return _between(left, low, _operand(tokens))
    return _compared(left, operator, _operand(tokens))


def _between(operand: Operand, low: Operand, high: Operand) -> Condition:
    def holds(item: Item, values: Values) -> bool:
        value = operand(item, values)
        return value is not None and low(item, values) <= value <= high(item, values)

    return holds


def _compared(left: Operand, operator: str, right: Operand) -> Condition:
    compare = COMPARISONS[operator]

    def holds(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        return operator == "<>" if one is None or other is None else compare(one, other)

    return holds


def _function(name: str, arguments: list[Operand]) -> Condition:
    first = arguments[0]
    if name == "attribute_exists":
        return lambda item, values: first(item, values) is not None
    if name == "attribute_not_exists":
        return lambda item, values: first(item, values) is None
    second = arguments[1]
    if name == "begins_with":
        return lambda item, values: (first(item, values) or "").startswith(second(item, values))
    return lambda item, values: second(item, values) in (first(item, values) or ())


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
    if token == "size":  # noqa: S105
        (sized,) = _arguments(tokens)
        return lambda item, values: None if (value := sized(item, values)) is None else len(value)
    if token[0] == ":":
        return lambda item, values: values[token]
    assert token[0] == "#", f"{token} is not written as a #name"
    name = token[1:]
    return lambda item, values: item.get(name)


def _expect(tokens: list[str], token: str) -> None:
    found = tokens.pop(0)
    assert found == token, f"{found} where {token} was expected"
