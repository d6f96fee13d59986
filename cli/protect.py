"""`ahi protect`: stacks that refuse an update which would replace or delete what holds data."""

from typing import Any

from cli import deployed, options, output, repository
from config.deployment import Deployment

POLICY = repository.ROOT / "config" / "stack-policy.json"


def protect(
    deployment: options.Deployment = "sandbox", aws: options.Aws = False, json: options.Json = False
) -> None:
    """Set the stack policy, as `ahi up` does. The CDK CLI sets none: run it once after `cdk deploy`.

    No later update can then replace or delete a data store, a key, a bucket or the ledger.
    """
    found = deployed.find(deployment, aws=aws)
    stacks = set_stack_policy(found.deployment, found.client("cloudformation"))
    if json:
        output.write_json({"protected": stacks})
        return
    output.facts().print("\n".join(f"protected  {stack}" for stack in stacks), soft_wrap=True)


def set_stack_policy(deployment: Deployment, cloudformation: Any) -> list[str]:
    """Set `config/stack-policy.json` on the stacks that hold data; returns their names."""
    stateful = ["data", *(name for name in deployment.stacks if name == "audit")]
    stacks = [f"ahi-{deployment.name}-{name}" for name in stateful]
    policy = POLICY.read_text(encoding="utf-8")
    for stack in stacks:
        cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=policy)
    return stacks
