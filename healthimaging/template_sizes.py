"""What AWS bounds by size, told at synth: a deployment would tell it late, and roll back."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# The longest names that CloudFormation gives: a queue's URL, a log group's ARN.
LONGEST_REFERENCE = 130
# A Region's name.
LONGEST_PSEUDO_PARAMETER = 14
# By what the reference is called in the template: a data store's id, and a role's ARN.
LONGEST_BY_NAME = {"DatastoreId": 32, "ImportRole": 95}


class TemplateSizeError(Exception):
    """Something in the templates is larger than AWS takes."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The most that `measure` may be for a resource's property, and what to do when it is more."""

    property: str
    measure: Callable[[Any], int]
    most: int
    of: str
    remedy: str


def _variables(environment: Any) -> int:
    return sum(len(name) + len(value.encode()) for name, value in environment["Variables"].items())


def _text(node: Any) -> int:
    return len(json.dumps(node, separators=(",", ":")))


def _statements(policy: Any) -> int:
    return len(policy["Statement"])


SPLIT = "Give fewer data_stores, partners, urgent_prefixes or overwrites: another deployment takes the others"
# The guides of Lambda, IAM, SQS and EventBridge, each under "Quotas".
BOUNDS: Mapping[str, tuple[Bound, ...]] = {
    "AWS::Lambda::Function": (
        Bound(property="Environment", measure=_variables, most=4096, of="bytes", remedy=SPLIT),
    ),
    "AWS::IAM::ManagedPolicy": (
        Bound(
            property="PolicyDocument",
            measure=_text,
            most=6144,
            of="characters",
            remedy="Make two teams of it, each with some of its data_stores",
        ),
    ),
    "AWS::SQS::QueuePolicy": (
        Bound(property="PolicyDocument", measure=_statements, most=20, of="statements", remedy=SPLIT),
        Bound(property="PolicyDocument", measure=_text, most=8192, of="characters", remedy=SPLIT),
    ),
    "AWS::Events::Rule": (
        Bound(property="EventPattern", measure=_text, most=2048, of="characters", remedy=SPLIT),
    ),
}


def check_sizes(templates: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise TemplateSizeError where a resource of `templates`, by stack name, is larger than AWS takes.

    What CloudFormation puts in is counted at its longest, so a little less than AWS takes may be refused.
    """
    problems = [problem for stack, template in templates.items() for problem in _too_large(stack, template)]
    if problems:
        raise TemplateSizeError("\n".join(problems))


def _too_large(stack: str, template: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in template["Resources"].items():
        for bound in BOUNDS.get(resource["Type"], ()):
            given = resource.get("Properties", {}).get(bound.property)
            size = bound.measure(at_longest(given)) if given else 0
            if size > bound.most:
                what = f"{stack}: the {bound.property} of {name} would take up to {size} {bound.of}"
                yield f"{what}, and AWS takes {bound.most}. {bound.remedy}"


def at_longest(node: Any) -> Any:
    """`node` of a template with texts as long as what CloudFormation puts in their places at most."""
    match node:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(map(at_longest, parts))
        case {"Ref": str(name)} if name.startswith("AWS::"):
            return "x" * LONGEST_PSEUDO_PARAMETER
        case {"Ref": name} | {"Fn::ImportValue": name} | {"Fn::GetAtt": name}:
            found = (length for part, length in LONGEST_BY_NAME.items() if part in str(name))
            return "x" * next(found, LONGEST_REFERENCE)
        case dict():
            return {key: at_longest(value) for key, value in node.items()}
        case list():
            return [at_longest(each) for each in node]
    return node
