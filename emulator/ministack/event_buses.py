"""Events that a rule hands to a bus of another account or Region, which MiniStack drops."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge, iam

from emulator.aws import Scope
from emulator.ministack.account import trusts

PRINCIPAL = "events.amazonaws.com"
POLICY_TYPE = "AWS::Events::EventBusPolicy"


def handing_over(invoke: Callable[..., None]) -> Callable[..., None]:
    """As AWS does: with the target's role, if its own policies and those of the bus let it put the event."""

    @functools.wraps(invoke)
    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> None:
        arn = target.get("Arn", "")
        here = Scope(responses.get_account_id(), responses.get_region())
        if ":event-bus/" not in arn or _scope_of(arn) == here:
            invoke(target, event, rule, view)
        elif _may_put(target["RoleArn"], arn, event, rule["Arn"], here):
            with responses.request_scope(*_scope_of(arn)):
                eventbridge._dispatch_event({**event, "EventBusName": _name_of(arn)})

    return invoke_target


def _may_put(role_arn: str, bus_arn: str, event: Mapping[str, Any], rule_arn: str, here: Scope) -> bool:
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(here.account, None, name)
    document = role["AssumeRolePolicyDocument"] if role else "{}"
    if not trusts(document, role_arn, rule_arn, here, principal=PRINCIPAL):
        return False
    there = _scope_of(bus_arn)
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{here.account}:assumed-role/{name}/events",
        principal_type="AssumedRole",
        principal_account=here.account,
        action="events:PutEvents",
        resource_arn=bus_arn,
        region=there.region,
        service_context={"events:source": event["Source"], "events:detail-type": event["DetailType"]},
    )
    policies = iam_evaluator._gather_role_policies(name, here.account)
    own = iam_evaluator.evaluate(request, policies)
    of_bus = eventbridge._event_bus_policies.get_scoped(*there, _name_of(bus_arn))
    verdict = iam_evaluator.combine_resource_policy(own, request, of_bus, there.account)
    return bool(verdict.decision == "Allow")


def _scope_of(arn: str) -> Scope:
    region, account = arn.split(":")[3:5]
    return Scope(account, region)


def _name_of(bus_arn: str) -> str:
    return bus_arn.partition("/")[2]


def create_policy(_logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    bus, sid = props["EventBusName"], props["StatementId"]
    _delete(bus, sid)
    policy = eventbridge._event_bus_policies.setdefault(bus, {"Version": "2012-10-17", "Statement": []})
    policy["Statement"].append({"Sid": sid, **props["Statement"]})
    return f"{bus}|{sid}", {}


def update_policy(
    _physical_id: str, _old: dict[str, Any], new: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    return create_policy("", new, stack)


def delete_policy(physical_id: str, _props: dict[str, Any]) -> None:
    _delete(*physical_id.split("|"))


def _delete(bus: str, sid: str) -> None:
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": sid})


POLICY_PROVISIONER = {"create": create_policy, "update": update_policy, "delete": delete_policy}
