"""Whatever a request holds that the service model allows, no answer is a fault of ours."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_import_run import SCOPE, World
from test_operations import Process

from emulator.model import operations
from emulator.routes import Answer, answer
from emulator.service import Service

ZEROS = "0" * 32
REQUESTS = 1500


class Target:
    """A service with one data store that holds one image set."""

    def __init__(self, folder: Path) -> None:
        before = Process(folder, World())
        self.datastore_id = before.new_store()
        self.image_set_id = before.imported(self.datastore_id)
        self.service = Service(folder, World(), "https://127.0.0.1:1", throttle=0)

    def send(self, operation: Any, parameters: dict[str, Any]) -> Answer:
        path, query, body = operation.http["requestUri"], {}, {}
        for name, member in operation.input_shape.members.items():
            if name not in parameters:
                continue
            location, key = member.serialization.get("location"), member.serialization.get("name", name)
            if location == "uri":
                path = path.replace(f"{{{key}}}", parameters[name])
            elif location == "querystring":
                value = parameters[name]
                query[key] = value if isinstance(value, list) else [_text(value)]
            elif operation.input_shape.serialization.get("payload") == name:
                body = parameters[name]
            else:
                body[name] = parameters[name]
        given = self.service.operations
        return answer(given, SCOPE, operation.http["method"], path, query, json.dumps(body).encode())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def values(shape: Any, name: str, known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """JSON that the model allows for the shape. `known` are names of members that must name what is there."""
    if name in known:
        return known[name]
    if shape.type_name == "structure":
        return _members(shape, known)
    if shape.type_name == "list":
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 3)
        return st.lists(values(shape.member, "", known), min_size=least, max_size=min(most, least + 3))
    if shape.type_name == "map":
        pairs = [values(each, "", known) for each in (shape.key, shape.value)]
        return st.dictionaries(*pairs, min_size=shape.metadata.get("min", 0), max_size=3)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name in ("integer", "long"):
        return st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", 2**31))
    if shape.type_name == "timestamp":
        return st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.datetimes().map(str))
    if shape.type_name == "blob":
        return st.one_of(st.binary(max_size=60), TREES).map(lambda each: base64.b64encode(each).decode())
    return _strings(shape)


def _members(shape: Any, known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    found = {name: values(each, name, known) for name, each in shape.members.items()}
    if shape.metadata.get("union"):
        return st.one_of([st.fixed_dictionaries({name: each}) for name, each in found.items()])
    required = {name: found.pop(name) for name in shape.required_members}
    return st.fixed_dictionaries(required, optional=found)


def _strings(shape: Any) -> st.SearchStrategy[str]:
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 300)
    if pattern := shape.metadata.get("pattern"):
        found = st.from_regex(re.compile(pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]")), fullmatch=True)
        return found.filter(lambda each: least <= len(each) <= most)
    return st.text(min_size=least, max_size=min(most, least + 20))


LEVELS = st.sampled_from(
    ["DICOM", "Patient", "Study", "Series", "Instances", "1", "SchemaVersion", "PatientID"]
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(LEVELS, inner, max_size=3)),
    max_leaves=8,
)
TREES = JSON_VALUES.map(lambda each: json.dumps(each).encode())
TOKENS = st.one_of(JSON_VALUES, st.lists(JSON_VALUES, min_size=2, max_size=2)).map(
    lambda each: base64.urlsafe_b64encode(json.dumps(each).encode()).decode()
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    found = Target(tmp_path_factory.mktemp("service"))
    yield found
    found.service.stop()


def _known(target: Target) -> dict[str, st.SearchStrategy[Any]]:
    arn = f"arn:aws:medical-imaging:{SCOPE.region}:{SCOPE.account}:datastore/{target.datastore_id}"
    image_sets = st.sampled_from([target.image_set_id, target.image_set_id, ZEROS])
    return {
        "datastoreId": st.just(target.datastore_id),
        "imageSetId": image_sets,
        "sourceImageSetId": image_sets,
        "resourceArn": st.sampled_from([arn, f"{arn}/imageset/{target.image_set_id}", f"{arn[:-1]}_"]),
        "nextToken": TOKENS,
        "latestVersion": st.sampled_from(["1", "2", "9" * 30]),
        "latestVersionId": st.sampled_from(["1", "2", "9" * 30]),
        "versionId": st.sampled_from(["1", "2", "9" * 30]),
    }


@settings(max_examples=REQUESTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_request_is_a_fault_of_ours(target: Target, data: st.DataObject) -> None:
    # DeleteDatastore and DeleteImageSet would leave nothing to ask for.
    chosen = [each for each in operations() if not each.name.startswith("Delete")]
    operation = data.draw(st.sampled_from(chosen))
    parameters = data.draw(_members(operation.input_shape, _known(target)))

    answered = target.send(operation, parameters)

    assert answered.status != 500, (operation.name, answered.body)
