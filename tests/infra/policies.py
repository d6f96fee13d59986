"""Policies of templates judged by the evaluator that the local AWS enforces IAM with."""

from typing import Any

from ministack.core import iam_evaluator

ACCOUNT = "111122223333"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}


def resolved(value: Any) -> Any:
    """`value` with its references spelt out: pseudo parameters by what they are, others by their names."""
    match value:
        case {"Fn::Join": [delimiter, parts]}:
            return delimiter.join(resolved(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return f"<{name}>"
        case {"Fn::Sub": text}:
            for name, word in PSEUDO.items():
                text = text.replace(f"${{{name}}}", word)
            return text
        case {"Ref": name}:
            return PSEUDO.get(name, f"<{name}>")
        case dict():
            return {key: resolved(each) for key, each in value.items()}
        case list():
            return [resolved(each) for each in value]
    return value


def role(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def decision(
    policy: Any, action: str, *, caller: str, resource: str = "*", service: str | None = None, **keys: str
) -> str:
    """Allow, Deny or ImplicitDeny by a resource's `policy`; `keys` are condition keys, __ for a colon."""
    request = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="Service" if service else "AssumedRole",
        principal_account=caller.split(":")[4],
        action=action,
        resource_arn=resource,
        region="us-east-1",
        source_ip="10.0.0.1",
        secure_transport=True,
        service_context={name.replace("__", ":").lower(): value for name, value in keys.items()},
    )
    found: str = iam_evaluator.evaluate_resource_policy(resolved(policy), request, service=service).decision
    return found
