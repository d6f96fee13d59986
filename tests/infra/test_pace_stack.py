"""The pace that all deployments of an account and Region may share."""

from collections.abc import Callable
from typing import Any

import pytest

from config.deployment import Deployment, load_deployment
from config.names import PACE_TABLE

Make = Callable[[Deployment], Any]


@pytest.fixture(scope="module")
def sharing(make_templates: Make) -> Any:
    sandbox = load_deployment("sandbox")
    return make_templates(sandbox.model_copy(update={"stacks": (*sandbox.stacks, "pace")}))


def rights(templates: Any, role: str) -> set[str]:
    """On the table of the pace."""
    found: set[str] = set()
    for statement in templates.statements("Import", role):
        if f"table/{PACE_TABLE}" in str(statement["Resource"]):
            actions = statement["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return found


def test_a_deployment_that_does_not_ask_for_it_has_no_pace_stack(sandbox: Any) -> None:
    assert "Pace" not in sandbox.by_stack


def test_the_stack_is_the_same_whichever_deployment_brings_it(sharing: Any, make_templates: Make) -> None:
    production = load_deployment("production")
    other = make_templates(production.model_copy(update={"stacks": ("pace",), "region": "us-east-1"}))

    assert sharing.by_stack["Pace"] == other.by_stack["Pace"]
    assert "Pace" in sharing.protected


def test_start_alone_may_change_the_pace_and_plan_may_read_it(sharing: Any) -> None:
    steps = ("Register", "Plan", "Stage", "Start", "Record", "Sweep", "Backfill")
    given = {step: rights(sharing, f"Import{step}Role") for step in steps}

    assert {step: found for step, found in given.items() if found} == {
        "Plan": {"dynamodb:GetItem"},
        "Start": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    }


def test_the_functions_are_told_of_the_table(sharing: Any) -> None:
    functions = sharing.resources("Import", "AWS::Lambda::Function").values()
    told = [str(each["Properties"]["Environment"]) for each in functions if "LEDGER" in str(each)]

    assert len(told) == 7
    assert all(f'"pace_table":"{PACE_TABLE}"' in one for one in told)


def test_a_closed_network_leads_to_the_table(make_templates: Make) -> None:
    production = load_deployment("production")
    templates = make_templates(production.model_copy(update={"stacks": ("network", "pace")}))
    endpoints = templates.resources("Network", "AWS::EC2::VPCEndpoint").values()

    (document,) = [
        str(each["Properties"]["PolicyDocument"])
        for each in endpoints
        if "dynamodb" in str(each["Properties"]["ServiceName"])
    ]

    assert f"table/{PACE_TABLE}" in document
