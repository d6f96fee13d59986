"""What each test asks of the service, as seen where boto3 and DICOMweb leave the test.

`covered.json` keeps it, and docs/reference/emulator.md is made of that. `make covered` keeps it anew; for a
few tests, `RECORD_COVERED=1 python -m pytest` and their names do.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3

from emulator.dicomweb.routes import action_of

FILE = Path(__file__).parent / "covered.json"
RECORDING = os.environ.get("RECORD_COVERED") == "1"
# A row of the table names no more tests than these.
TESTS = 2

Kept = dict[str, list[str]]

_seen: dict[str, set[str]] = defaultdict(set)


def saw(item: str) -> None:
    """Count the item for the test that runs, unless only its fixtures do."""
    if not RECORDING:
        return
    test, _, phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
    if phase == "(call)":
        _seen[function(test)].add(item)


def watch_boto3() -> None:
    """See what every client asks that is made from now on."""
    if not RECORDING:
        return
    boto3.setup_default_session()
    events = boto3.DEFAULT_SESSION.events
    events.register("before-parameter-build.medical-imaging", _keep_parameters)
    events.register("after-call.medical-imaging", _saw_answer)


def saw_dicomweb(method: str, path: str, status: int) -> None:
    """`path` is what follows the data store."""
    resource, _, query = path.partition("?")
    action = action_of(method, "/datastore/0" + resource)
    if action is None:
        return
    if status >= 300:
        saw(f"dicomweb {action} {status}")
        return
    saw(f"dicomweb {action}")
    for name in parse_qs(query, keep_blank_values=True):
        saw(f"dicomweb {action} ?{name}")


def _keep_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = params


def _saw_answer(
    http_response: Any, parsed: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any
) -> None:
    if http_response.status_code >= 300:
        saw(f"error {model.name} {parsed['Error']['Code']}")
        return
    saw(f"operation {model.name}")
    for name in parameters(model.input_shape, context["asked"]):
        saw(f"parameter {model.name} {name}")


def parameters(shape: Any, given: Any = None) -> Iterator[str]:
    """The names below an input shape, dotted; only those that are in `given`, if it is given."""
    if shape is None or shape.type_name == "map":
        return
    if shape.type_name == "list":
        for each in [None] if given is None else given:
            yield from parameters(shape.member, each)
        return
    if shape.type_name != "structure":
        return
    for name, member in shape.members.items():
        if given is not None and name not in given:
            continue
        yield name
        below = None if given is None else given[name]
        yield from (f"{name}.{each}" for each in parameters(member, below))


def kept() -> Kept:
    """The tests of each item."""
    found: Kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def keep(passed: Iterable[str]) -> None:
    """Put what these tests asked in place of what was kept of them."""
    ran = set(map(function, passed))
    found = {
        item: [test for test in tests if test not in ran and exists(test)] for item, tests in kept().items()
    }
    for item in {item for test in ran for item in _seen[test]}:
        found[item] = found.get(item, []) + _asking(item, ran)
    text = json.dumps({item: tests[:TESTS] for item, tests in sorted(found.items()) if tests}, indent=1)
    FILE.write_text(text + "\n", encoding="utf-8")


def _asking(item: str, ran: set[str]) -> list[str]:
    """Those that ask for it: first of the module in which most do, and there the ones that ask least else."""
    asking = [test for test in ran if item in _seen[test]]
    of_module = Counter(map(module, asking))
    return sorted(asking, key=lambda test: (-of_module[module(test)], len(_seen[test]), test))


def module(test: str) -> str:
    """The file of the test."""
    return test.partition("::")[0]


def function(test: str) -> str:
    """The test's id without its parameters."""
    return test.partition("[")[0]


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = FILE.parents[2] / file
    return path.exists() and f"def {name}(" in path.read_text(encoding="utf-8")
