"""`ahi destroy` knows every stack, and deletes none while another uses what it exports."""

import json
import re
from typing import Any

from cli.find_remains import AFTER_THE_DATA, BEFORE_THE_DATA

ORDER = (*BEFORE_THE_DATA, *AFTER_THE_DATA)
IMPORTED = re.compile(r'"Fn::ImportValue": "ahi-production-([a-z]+):')


def test_every_stack_of_a_deployment_is_taken_down(two_stores: Any) -> None:
    assert {name.lower() for name in two_stores.by_stack} <= set(ORDER)


def test_a_stack_goes_after_those_that_use_what_it_exports(two_stores: Any) -> None:
    uses = {
        (name.lower(), used)
        for name, template in two_stores.by_stack.items()
        for used in IMPORTED.findall(json.dumps(template))
    }
    assert {("import", "network"), ("audit", "access"), ("access", "data")} <= uses
    for user, used in uses:
        assert ORDER.index(user) < ORDER.index(used), f"{user} uses {used}"


def test_the_trails_outlast_the_data(two_stores: Any) -> None:
    assert "audit" in AFTER_THE_DATA
    assert "Audit" in two_stores.by_stack


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
