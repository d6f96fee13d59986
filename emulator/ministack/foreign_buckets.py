"""Buckets of another account: who asks, and whose the bucket is.

MiniStack judges such a request as the caller's whole account, and knows no expected owner.
"""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import iam, s3

EXPECTED, EXPECTED_OF_SOURCE = "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"


def judging_the_caller(allows: Callable[..., bool]) -> Callable[..., bool]:
    """The owner's policy may name a role, and then admits no other principal of its account."""

    @functools.wraps(allows)
    def foreign_bucket_allows(
        owner: str,
        bucket: str,
        key: str,
        method: str,
        query: dict[str, Any],
        caller: str,
        headers: dict[str, str] | None = None,
    ) -> bool:
        principal = iam_evaluator.caller_arn()
        if not caller or principal.endswith(":root"):
            return allows(owner, bucket, key, method, query, caller, headers)
        path = f"/{bucket}/{key}" if key else f"/{bucket}"
        action = f"s3:{iam_actions._s3_action(method, path, query)}"
        with responses.request_scope(owner, responses.get_region()):
            context = iam_actions.s3_service_context(action, query, path, headers or {})
        request = iam_evaluator.EvalContext(
            principal_arn=principal,
            principal_type="AssumedRole" if ":assumed-role/" in principal else "User",
            principal_account=caller,
            action=action,
            resource_arn=f"arn:aws:s3:::{path[1:]}",
            region=responses.get_region(),
            service_context={name.lower(): value for name, value in context.items()},
        )
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        return bool(iam_evaluator.evaluate_resource_policy(policy, request).decision == "Allow")

    return foreign_bucket_allows


def refusing_other_owners(apply: Callable[..., Any]) -> Callable[..., Any]:
    """A request may say whose bucket it means, and whose it copies from."""

    @functools.wraps(apply)
    def apply_bucket_scope(
        method: str, bucket: str, key: str, headers: dict[str, str], *rest: Any, **named: Any
    ) -> Any:
        source = unquote(headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[0]
        for name, header in ((bucket, EXPECTED), (source, EXPECTED_OF_SOURCE)):
            owner = s3._bucket_owner_account(name)
            if owner and headers.get(header, owner) != owner:
                return s3._error("AccessDenied", "Access Denied", 403, f"/{name}")
        return apply(method, bucket, key, headers, *rest, **named)

    return apply_bucket_scope


def with_keys_of_accounts(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """aws:PrincipalArn is a role's, not its session's; a bucket's account stands not in its ARN."""

    @functools.wraps(resolve)
    def resolve_condition_key(key: str, context: Any) -> Any:
        name = key.lower()
        if name == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            return _role_of(context.principal_arn)
        if name in ("aws:resourceaccount", "s3:resourceaccount") and context.resource_arn.startswith(
            "arn:aws:s3:::"
        ):
            bucket = context.resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
            return s3._bucket_owner_account(bucket) or resolve(key, context)
        return resolve(key, context)

    return resolve_condition_key


def _role_of(session_arn: str) -> str:
    account, name = session_arn.split(":")[4], session_arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{name}"
