"""Why a rule of cdk-nag is not followed, said on the construct that does not follow it."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Acknowledgment, Reference, Stack, Token, Tokenization, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

# Their rules have the same names.
CONTROL_PACKS = ("HIPAA.Security", "NIST.800.53.R5")


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Record that `construct` breaks `rules`, all for one `reason` that a reviewer can check.

    A rule without the name of its pack is that of the HIPAA and of the NIST pack.
    """
    Validations.of(construct).acknowledge(
        *[Acknowledgment(id=name, reason=reason) for rule in rules for name in _names(rule)]
    )


def _names(rule: str) -> list[str]:
    return [rule] if "-" in rule else [f"{pack}-{rule}" for pack in CONTROL_PACKS]


def acknowledge_inline_policy(role: iam.Role | iam.Policy) -> None:
    """Record why a role made here keeps its rights to itself, or those of a policy apart."""
    acknowledge(
        role,
        "These rights are this one role's and go with it; a managed policy could be attached elsewhere.",
        "IAMNoInlinePolicy",
    )


def acknowledge_wildcard(role: iam.Role | iam.Policy, reason: str, arn: str) -> None:
    """Record why `role`, or a policy of its own, has rights on `arn`, which ends in a wildcard."""
    acknowledge(role, reason, f"AwsSolutions-IAM5[Resource::{_flat(Stack.of(role).resolve(arn))}]")


def acknowledge_objects(role: iam.Role, reason: str, bucket: s3.IBucket, prefix: str = "") -> None:
    """Record why `role` has rights on all objects of `bucket` under `prefix`."""
    arn, owner = bucket.bucket_arn, Stack.of(bucket)
    if owner is not Stack.of(role):
        # The finding names the export that CloudFormation imports the ARN by.
        arn = owner.export_value(arn)
    acknowledge_wildcard(role, reason, f"{arn}/{prefix}*")


def acknowledge_statements(
    policy: iam.ManagedPolicy, reason: str, statements: Sequence[iam.PolicyStatement]
) -> None:
    """Record why `policy` has the rights of `statements` on ARNs that end in a wildcard."""
    arns = {arn for statement in statements for arn in statement.resources if arn.endswith("*")}
    flat = sorted(_flat(Stack.of(policy).resolve(_imported(policy, arn))) for arn in arns)
    acknowledge(policy, reason, *(f"AwsSolutions-IAM5[Resource::{arn}]" for arn in flat))


def _imported(construct: IConstruct, arn: str) -> str:
    """The ARN as the stack of `construct` spells it: what another stack holds, it imports."""
    own = Stack.of(construct).node.path
    for token in Tokenization.reverse_string(arn).tokens:
        if isinstance(token, Reference) and Stack.of(token.target).node.path != own:
            arn = arn.replace(Token.as_string(token), Stack.of(token.target).export_value(token))
    return arn


def _flat(value: Any) -> str:
    """An ARN as cdk-nag writes it in its findings."""
    match value:
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return _flat(name)
        case {"Ref": name}:
            return f"<{name}>"
    return str(value)
