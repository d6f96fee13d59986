"""`ahi destroy` knows every stack, and deletes none while another uses what it exports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.find_remains import AFTER_THE_DATA, BEFORE_THE_DATA
from config.deployment import load_deployment

ORDER = (*BEFORE_THE_DATA, *AFTER_THE_DATA)
IMPORTED = re.compile(r'"Fn::ImportValue": "ahi-clinic-([a-z]+):')


@pytest.fixture(scope="module")
def everything(make_templates: Any) -> Any:
    """A deployment with every stack there is."""
    clinic = load_deployment(str(Path(__file__).parents[1] / "local" / "two_stores.yaml"))
    return make_templates(clinic.model_copy(update={"stacks": ("network", "watch", "audit")}))


def test_every_stack_of_a_deployment_is_taken_down(everything: Any) -> None:
    assert {name.lower() for name in everything.by_stack} == set(ORDER)


def test_a_stack_goes_after_those_that_use_what_it_exports(everything: Any) -> None:
    uses = {
        (name.lower(), used)
        for name, template in everything.by_stack.items()
        for used in IMPORTED.findall(json.dumps(template))
    }
    assert {("people", "import"), ("import", "network"), ("audit", "access"), ("access", "data")} <= uses
    for user, used in uses:
        assert ORDER.index(user) < ORDER.index(used), f"{user} uses {used}"


def test_the_trails_outlast_the_data() -> None:
    assert AFTER_THE_DATA[0] == "audit"


def test_deleting_a_stack_calls_no_function(two_stores: Any) -> None:
    """Their environments are under a key that is scheduled for deletion by then."""
    custom = [
        (name, resource)
        for template in two_stores.by_stack.values()
        for name, resource in template["Resources"].items()
        if resource["Type"].startswith("Custom::")
    ]
    assert custom
    for name, resource in custom:
        assert resource["DeletionPolicy"] == "Retain", name
