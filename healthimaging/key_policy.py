"""What the policies of a deployment's keys say alike: who changes a key, and through what it is used."""

from collections.abc import Mapping, Sequence

from aws_cdk import DefaultStackSynthesizer, Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

CHANGE = (
    "kms:PutKeyPolicy",
    "kms:UpdateKeyDescription",
    "kms:EnableKeyRotation",
    "kms:CreateAlias",
    "kms:UpdateAlias",
    "kms:DeleteAlias",
    "kms:TagResource",
    "kms:UntagResource",
)
TAKE_AWAY = (
    "kms:EnableKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:RotateKeyOnDemand",
    "kms:RevokeGrant",
    "kms:RetireGrant",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
)
LOOK = (
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
)
USE = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
)


def base_policy(
    scope: Construct, *, administrators: Sequence[str], removal_policy: RemovalPolicy
) -> iam.PolicyDocument:
    """A key policy under which nobody uses the key yet.

    `administrators` are names of roles of this account, with their path. They alone, where their own
    policies say so too, take a key away; CloudFormation changes it, as the app says. Where there are none
    the account's IAM policies decide. KMS refuses a policy that names a role which does not exist, so they
    are named by a condition.
    """
    statements = [_allow("TheAccountLooks", LOOK)]
    if administrators:
        arns = [
            Stack.of(scope).format_arn(service="iam", region="", resource="role", resource_name=name)
            for name in administrators
        ]
        statements.append(_allow_roles("AdministratorsChangeAndDelete", CHANGE + TAKE_AWAY, arns))
        deploys = CHANGE if removal_policy == RemovalPolicy.RETAIN else (*CHANGE, "kms:ScheduleKeyDeletion")
        statements.append(_allow_roles("CloudFormationDeploys", deploys, [_execution_role(scope)]))
    else:
        statements.append(_allow("TheAccountChangesAndDeletes", CHANGE + TAKE_AWAY))
    return iam.PolicyDocument(statements=statements)


def used_through(scope: Construct, *services: str) -> list[iam.PolicyStatement]:
    """Let the account's policies give the use of a key, but only to what calls one of `services`.

    Services that keep what they encrypt, such as DynamoDB and Lambda, make grants for themselves.
    """
    region = Stack.of(scope).region
    via = {"StringEquals": {"kms:ViaService": [f"{name}.{region}.amazonaws.com" for name in services]}}
    return [
        _allow("TheAccountUsesItThroughServices", USE, via),
        _allow(
            "ServicesMakeTheirGrants",
            ("kms:CreateGrant",),
            {**via, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _allow(
    sid: str, actions: Sequence[str], conditions: Mapping[str, Mapping[str, object]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AccountRootPrincipal()],
        actions=list(actions),
        resources=["*"],
        conditions=dict(conditions) if conditions else None,
    )


def _allow_roles(sid: str, actions: Sequence[str], arns: Sequence[str]) -> iam.PolicyStatement:
    return _allow(sid, actions, {"ArnEquals": {"aws:PrincipalArn": list(arns)}})


def _execution_role(scope: Construct) -> str:
    """The role of the CDK's bootstrap that CloudFormation deploys with, which nothing else can assume."""
    synthesizer = Stack.of(scope).synthesizer
    if not isinstance(synthesizer, DefaultStackSynthesizer):
        raise TypeError("key administrators need the CDK's default synthesizer, whose role deploys the keys")
    return Fn.sub(synthesizer.cloud_formation_execution_role_arn)
