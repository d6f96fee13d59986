"""HTTP in and out, by botocore's model of the service: nothing here knows a single operation."""

import base64
import functools
import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from emulator import strict_json
from emulator.aws import Scope
from emulator.errors import (
    NotImplementedException,
    ServiceError,
    UnknownOperationException,
    ValidationException,
)
from emulator.model import operations, service_model
from emulator.validation import validate

log = logging.getLogger(__name__)

Operation = Callable[[Scope, dict[str, Any]], dict[str, Any]]
Query = Mapping[str, list[str]]


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    operation: Any


def answer(
    implemented: Mapping[str, Operation], scope: Scope, method: str, path: str, query: Query, body: bytes
) -> Answer:
    """Route, validate, run and serialise one request. `path` is decoded, and not decoded again."""

    def run() -> Answer:
        found = match(method, path)
        if found is None:
            raise UnknownOperationException("no operation of this service has this method and path")
        operation, labels = found
        parameters = _parameters(operation.input_shape, labels, query, body)
        if operation.name not in implemented:
            raise NotImplementedException(f"this HealthImaging does not implement {operation.name}")
        validate(operation.input_shape, parameters)
        return _serialised(operation, implemented[operation.name](scope, parameters))

    return guarded(method, path, run)


def guarded(method: str, path: str, run: Callable[[], Answer]) -> Answer:
    """What `run` answers, or its refusal or failure in the service's shape."""
    try:
        return run()
    except ServiceError as error:
        return _refused(error)
    except Exception as error:
        # The text and the traceback may quote a DICOM value.
        log.error("%s %s failed: %s", method, path.split("/")[1], type(error).__name__)
        return _error("InternalServerException", 500, f"internal error - {type(error).__name__}")


@functools.cache
def _routes() -> tuple[_Route, ...]:
    # Most literal first: a last label may hold slashes, so `/datastore/{id}` matches longer paths too.
    by_length = sorted(operations(), key=lambda each: -len(re.sub(r"{\w+}", "", each.http["requestUri"])))
    return tuple(_Route(each.http["method"], _pattern(each.http["requestUri"]), each) for each in by_length)


def _pattern(uri: str) -> re.Pattern[str]:
    # A decoded ARN as last label holds slashes; no other value does, and their patterns refuse them.
    last = re.sub(r"{(\w+)}$", r"(?P<\1>.+)", uri)
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", last))


def match(method: str, path: str) -> tuple[Any, dict[str, str]] | None:
    """The operation of a decoded path, and the labels in it.

    IAM judges by what this says too, so whoever decodes the path once more runs what nobody judged.
    """
    for route in _routes():
        if route.method == method and (found := route.path.fullmatch(path)):
            return route.operation, found.groupdict()
    return None


def _parameters(shape: Any, labels: Mapping[str, str], query: Query, body: bytes) -> dict[str, Any]:
    parameters = _body_members(shape, body)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri":
            parameters[name] = labels[key]
        elif location == "querystring" and key in query:
            parameters[name] = _from_query(member, query[key])
    return parameters


def _body_members(shape: Any, body: bytes) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    if payload:
        return {payload: _from_json(shape.members[payload], _json_object(body))} if body else {}
    given = _json_object(body) if body else {}
    in_body = {
        name: member for name, member in shape.members.items() if "location" not in member.serialization
    }
    return {name: _from_json(in_body[name], value) for name, value in given.items() if name in in_body}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = strict_json.loads(body)
    except ValueError as error:
        raise ValidationException("the request body is not JSON") from error
    if not isinstance(given, dict):
        raise ValidationException("the request body is not a JSON object")
    return given


def _from_query(shape: Any, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name == "integer":
        try:
            return int(values[0])
        except ValueError as error:
            raise ValidationException(f"'{values[0]}' is not an integer") from error
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(values[0], values[0])
    return values[0]


def _from_json(shape: Any, value: Any) -> Any:
    """The value without unknown members, with timestamps as numbers and blobs as bytes."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {name: each for name, each in value.items() if name in shape.members and each is not None}
        return {name: _from_json(shape.members[name], each) for name, each in known.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_from_json(shape.member, each) for each in value]
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        # One that is not ASCII is no binascii.Error.
        except ValueError as error:
            raise ValidationException("a blob is not base64") from error
    if shape.type_name == "timestamp" and isinstance(value, str | int | float):
        return value if isinstance(value, bool) else _seconds(value)
    return value


def _seconds(value: str | float) -> float:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)
    except (ValueError, OverflowError) as error:
        raise ValidationException(f"'{value}' is not a time") from error


def _serialised(operation: Any, result: dict[str, Any]) -> Answer:
    shape = operation.output_shape
    headers = {"Content-Type": "application/json"}
    if shape is None:
        return Answer(operation.http["responseCode"], headers, b"{}")
    in_body = dict(result)
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header" and name in result:
            headers[member.serialization["name"]] = in_body.pop(name)
    payload = shape.serialization.get("payload")
    body = result[payload] if payload else json.dumps(in_body).encode()
    return Answer(operation.http["responseCode"], headers, body)


def _refused(error: ServiceError) -> Answer:
    modelled = {each.name: each for each in service_model().error_shapes}
    shape = modelled.get(error.code)
    status = shape.metadata["error"]["httpStatusCode"] if shape else error.status
    return _error(error.code, status, error.message)


def _error(code: str, status: int, message: str) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return Answer(status, headers, json.dumps({"message": message}).encode())
