"""What HealthImaging does in the account: assuming roles, telling of events and metrics, seeing keys."""

import json
import time
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import cloudwatch, eventbridge, iam, kms, s3, sts

from emulator.aws import Credentials, Datum, RoleRefused, Scope
from emulator.ministack.names import NAMESPACE, PRINCIPAL, SERVICE

SESSION_SECONDS = 3600


def request_scope() -> Scope:
    """The account and Region of the request at hand."""
    return Scope(responses.get_account_id(), responses.get_region())


def publish(scope: Scope, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
    """Put an event of source `aws.medical-imaging` on the account's default bus."""
    entry = {
        "Source": f"aws.{SERVICE}",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
        "EventBusName": "default",
    }
    with responses.request_scope(*scope):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def put_metrics(scope: Scope, data: list[Datum]) -> None:
    """Put values of metrics into the account's CloudWatch, under the namespace of HealthImaging."""
    entries = [
        {
            "MetricName": each.name,
            "Unit": each.unit,
            "Dimensions": [{"Name": name, "Value": value} for name, value in each.dimensions.items()],
            "Values": [each.value],
            "Counts": [each.times],
        }
        for each in data
    ]
    with responses.request_scope(*scope):
        cloudwatch._put_metric_data({}, {"Namespace": NAMESPACE, "MetricData": entries}, False, is_json=True)


def bucket_owner(bucket: str) -> str | None:
    """The account that a bucket belongs to, if there is such a bucket."""
    owner: str | None = s3._bucket_owner_account(bucket)
    return owner


def key_is_usable(scope: Scope, key_arn: str) -> bool:
    """Whether `key_arn`, of a key or an alias, names an enabled symmetric key of this account and Region."""
    with responses.request_scope(*scope):
        key = kms._resolve_key(key_arn)
    return bool(key and key["KeyState"] == "Enabled" and key.get("KeySpec") == "SYMMETRIC_DEFAULT")


def assume_role(role_arn: str, *, source_arn: str, scope: Scope, session_name: str) -> Credentials:
    """A session of `role_arn`, assumed as HealthImaging does for the data store `source_arn`.

    The trust policy is judged whether or not MiniStack enforces IAM, so that a role which
    does not admit HealthImaging fails here as it does on AWS. Raises RoleRefused.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or not trusts(role["AssumeRolePolicyDocument"], role_arn, source_arn, scope):
        raise RoleRefused(
            f"HealthImaging cannot assume the role {name}: it must exist, and its trust policy must allow "
            f"sts:AssumeRole to {PRINCIPAL} for this data store and account"
        )
    credentials = Credentials(iam._gen_session_access_key(), iam._gen_secret(), iam._gen_session_token())
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
        "UserId": f"{role['RoleId']}:{session_name}",
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": time.time() + SESSION_SECONDS,
        "AccountId": account,
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(credentials.access_key_id, session)
    return credentials


def trusts(
    trust_policy: str | dict[str, Any],
    role_arn: str,
    source_arn: str,
    scope: Scope,
    *,
    principal: str = PRINCIPAL,
) -> bool:
    """Whether the service `principal` may assume the role when it acts for `source_arn` in `scope`."""
    document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    statements = document.get("Statement", [])
    named = [
        statement
        for statement in (statements if isinstance(statements, list) else [statements])
        if iam_evaluator._service_principal_matches(statement.get("Principal"), principal)
    ]
    # MiniStack lets an account root stand for any service principal.
    caller = f"arn:aws:iam::{scope.account}:root"
    context = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="Service",
        principal_account=scope.account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=scope.region,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": scope.account},
    )
    return bool(iam_evaluator.evaluate_trust_policy({"Statement": named}, caller, context))
