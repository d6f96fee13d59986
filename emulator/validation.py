"""Parameters against the service model, with AWS's wording of what is wrong."""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

from emulator.errors import ValidationException

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "timestamp": (int, float),
    "blob": (bytes,),
}


def validate(shape: Any, parameters: dict[str, Any]) -> None:
    """Raises ValidationException listing everything that breaks the shape."""
    problems = list(_problems(shape, parameters, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ValidationException(count + "; ".join(problems))


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not _is(shape.type_name, value):
        yield f"Value at '{path}' failed to satisfy constraint: Member must be a {shape.type_name}"
        return
    yield from _CHECKS.get(shape.type_name, _nothing)(shape, value, path)


def _is(type_name: str, value: Any) -> bool:
    # JSON's true is an int to Python.
    return isinstance(value, TYPES[type_name]) and (type_name == "boolean" or not isinstance(value, bool))


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violated("null", _join(path, name), "Member must not be null")
    if shape.metadata.get("union") and len(value) != 1:
        yield f"Value at '{path}' failed to satisfy constraint: Exactly one member must be set"
    for name, member in value.items():
        if name in shape.members and member is not None:
            yield from _problems(shape.members[name], member, _join(path, name))


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _size(shape, value, path, "Member must have length")
    for number, member in enumerate(value, start=1):
        yield from _problems(shape.member, member, _join(path, f"{number}.member"))


def _map(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from _size(shape, value, path, "Member must have length")
    for key, member in value.items():
        yield from _problems(shape.key, key, _join(path, "key"))
        yield from _problems(shape.value, member, _join(path, f"{key}.member"))


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _size(shape, value, path, "Member must have length")
    if shape.enum and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        yield _violated(_shown(shape, value), path, f"Member must satisfy enum value set: [{allowed}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _violated(
            _shown(shape, value), path, f"Member must satisfy regular expression pattern: {pattern}"
        )


def _blob(shape: Any, value: bytes, path: str) -> Iterator[str]:
    yield from _size(shape, value, path, "Member must have length")


def _number(shape: Any, value: int, path: str) -> Iterator[str]:
    bounds = shape.metadata
    if "min" in bounds and value < bounds["min"]:
        yield _violated(value, path, f"Member must have value greater than or equal to {bounds['min']}")
    if "max" in bounds and value > bounds["max"]:
        yield _violated(value, path, f"Member must have value less than or equal to {bounds['max']}")


def _size(shape: Any, value: Any, path: str, what: str) -> Iterator[str]:
    bounds = shape.metadata
    if "min" in bounds and len(value) < bounds["min"]:
        yield _violated(_shown(shape, value), path, f"{what} greater than or equal to {bounds['min']}")
    if "max" in bounds and len(value) > bounds["max"]:
        yield _violated(_shown(shape, value), path, f"{what} less than or equal to {bounds['max']}")


def _nothing(_shape: Any, _value: Any, _path: str) -> Iterator[str]:
    return iter(())


_CHECKS: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "blob": _blob,
    "integer": _number,
    "long": _number,
}


def _shown(shape: Any, value: Any) -> str:
    return "<sensitive>" if shape.metadata.get("sensitive") else str(value)


def _violated(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # The model is written for Java.
    return re.compile(pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]"))
