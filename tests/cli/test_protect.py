"""The stack policy, and the stacks it is set on."""

import json
from typing import Any

import pytest

from cli.protect import POLICY, set_stack_policy
from config.deployment import load_deployment
from healthimaging.datastore_lock import REPLACING, STORES


class CloudFormation:
    def __init__(self) -> None:
        self.policies: dict[str, Any] = {}

    def set_stack_policy(self, StackName: str, StackPolicyBody: str) -> None:  # noqa: N803
        self.policies[StackName] = json.loads(StackPolicyBody)


@pytest.mark.parametrize(
    ("name", "stacks"),
    [
        ("sandbox", ["ahi-sandbox-data"]),
        ("production", ["ahi-production-data", "ahi-production-audit"]),
    ],
)
def test_the_policy_is_set_on_every_stack_that_holds_data(name: str, stacks: list[str]) -> None:
    cloudformation = CloudFormation()
    assert set_stack_policy(load_deployment(name), cloudformation) == stacks
    assert list(cloudformation.policies) == stacks


def test_the_policy_denies_replacement_and_deletion_of_all_that_the_lock_knows() -> None:
    allow, deny = json.loads(POLICY.read_text())["Statement"]
    assert allow == {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    assert deny["Effect"] == "Deny"
    assert set(deny["Action"]) == {"Update:Replace", "Update:Delete"}
    assert set(deny["Condition"]["StringEquals"]["ResourceType"]) == {*STORES, *REPLACING}
