"""The file that knows MiniStack's insides, with `enforcement` beside it: plug points, and gaps closed there.

`tests/emulator/test_ministack_contract.py` fails when MiniStack moves any of them.
"""

import contextvars
import functools
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import ministack.app as gateway
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import cloudwatch, eventbridge, iam, kms, s3, sts, tagging
from ministack.services.cloudformation import provisioners

from emulator import enforcement
from emulator.access_log import AccessLog
from emulator.aws import Credentials, Datum, RoleRefused, Scope
from emulator.dicomweb.routes import action_of, uids_of

SERVICE = "medical-imaging"
NAMESPACE = "AWS/HealthImaging"
PRINCIPAL = "medical-imaging.amazonaws.com"
DATASTORE_TYPE = "AWS::HealthImaging::Datastore"
TAGGING = ("TagResource", "UntagResource", "ListTagsForResource")
# DICOMweb actions that IAM judges by the study in their path, and those that it judges by the series too.
JUDGED_BY_SERIES = {
    *("GetDICOMInstance", "GetDICOMInstanceFrames", "GetDICOMInstanceMetadata"),
    *("GetDICOMSeriesMetadata", "GetDICOMBulkdata", "SearchDICOMInstances"),
}
JUDGED_BY_STUDY = {*JUDGED_BY_SERIES, "SearchDICOMSeries", "StoreDICOMStudy"}
SESSION_SECONDS = 3600
KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
HEALTH_PATH = "/_ministack/health"

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]
Provisioner = Mapping[str, Callable[..., Any]]
TagsOf = Callable[[str], Mapping[str, str]]

_is_plain: contextvars.ContextVar[bool] = contextvars.ContextVar("is_plain", default=False)
_version_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_id", default=None)
# What IAM's conditions see of the request at hand, beside what MiniStack knows.
_path_keys: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("path_keys", default={})  # noqa: B039
_request_keys: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("request_keys", default={})  # noqa: B039


def request_scope() -> Scope:
    """The account and Region of the request at hand."""
    return Scope(responses.get_account_id(), responses.get_region())


def register(handler: Handler, datastore: Provisioner, tags_of: TagsOf, log: AccessLog) -> None:
    """Plug HealthImaging into MiniStack. Call once, before the gateway serves.

    `tags_of` takes an ARN; `log` is told what IAM decides.
    """
    gateway.SERVICE_HANDLERS[SERVICE] = handler
    router.SERVICE_PATTERNS[SERVICE] = {"host_patterns": [r"medical-imaging\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    iam_actions._BOTOCORE_SERVICE_MAP[SERVICE] = [SERVICE]
    iam_actions.extract_iam_action = _naming_actions(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = _naming_our_arns(iam_actions.extract_resource_arn)
    # Among the members that make an operation one of tags, MiniStack looks for TagKeys and not tagKeys.
    iam_actions._TAG_OPERATIONS[SERVICE] = frozenset({"CreateDatastore", "TagResource", "UntagResource"})
    iam_actions.s3_additional_checks = _with_keys_of_objects(iam_actions.s3_additional_checks)
    iam_evaluator.enforce = _judging_each_resource(enforcement.logging_denials(iam_evaluator.enforce, log))
    iam_evaluator._first_match = enforcement.logging_matches(iam_evaluator._first_match, log)
    iam_evaluator._conditions_met = enforcement.with_policy_variables(iam_evaluator._conditions_met)
    tagging.resource_tags = _knowing_our_tags(tagging.resource_tags, tags_of)
    provisioners._RESOURCE_HANDLERS[DATASTORE_TYPE] = dict(datastore)
    gateway._maybe_record_cloudtrail = _recording_management_events(gateway._maybe_record_cloudtrail)
    s3._fire_s3_event = _keeping_version_id(s3._fire_s3_event)
    eventbridge._dispatch_event = _with_version_id(eventbridge._dispatch_event)
    gateway.pin_request_origin = _pin_request_origin


async def app(scope: Any, receive: Any, send: Any) -> None:
    """MiniStack's ASGI application."""
    said = dict(scope.get("headers", ())).get(b"x-forwarded-proto")
    _is_plain.set(said == b"http")
    await gateway.app(scope, receive, send)


def _pin_request_origin(address: str, _secure: bool) -> None:
    """A loopback endpoint has no TLS, and every bucket policy that demands it would refuse every client.

    So it counts as TLS, unless the request says that it came to a proxy without.
    """
    iam_evaluator.pin_request_origin(address, not _is_plain.get())


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


def assume_role(role_arn: str, *, source_arn: str, scope: Scope, session_name: str) -> Credentials:
    """A session of `role_arn`, assumed as HealthImaging does for the data store `source_arn`.

    The trust policy is judged whether or not MiniStack enforces IAM, so that a role which
    does not admit HealthImaging fails here as it does on AWS. Raises RoleRefused.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or not _trusts(role["AssumeRolePolicyDocument"], role_arn, source_arn, scope):
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


def _trusts(trust_policy: str | dict[str, Any], role_arn: str, source_arn: str, scope: Scope) -> bool:
    document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    statements = document.get("Statement", [])
    named = [
        statement
        for statement in (statements if isinstance(statements, list) else [statements])
        if iam_evaluator._service_principal_matches(statement.get("Principal"), PRINCIPAL)
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


def may_pass_role(role_arn: str) -> bool:
    """Whether the caller of the request at hand may hand `role_arn` to HealthImaging."""
    return _allowed("iam:PassRole", "iam", role_arn, {"iam:PassedToService": PRINCIPAL})


def allows(action: str, resource_arn: str) -> bool:
    """Whether the caller of the request at hand may do that action of HealthImaging on the resource."""
    return _allowed(f"{SERVICE}:{action}", SERVICE, resource_arn, dict(_request_keys.get()))


def _allowed(action: str, service: str, resource_arn: str, context: dict[str, Any]) -> bool:
    access_key = iam_evaluator._verified_key.get()
    # MiniStack verifies no signature of an account root, who may do everything.
    if not access_key:
        return True
    region = responses.get_region()
    return iam_evaluator.enforce(access_key, action, service, region, resource_arn, context) is None


def bucket_owner(bucket: str) -> str | None:
    """The account that a bucket belongs to, if there is such a bucket."""
    owner: str | None = s3._bucket_owner_account(bucket)
    return owner


def key_is_usable(scope: Scope, key_arn: str) -> bool:
    """Whether `key_arn`, of a key or an alias, names an enabled symmetric key of this account and Region."""
    with responses.request_scope(*scope):
        key = kms._resolve_key(key_arn)
    return bool(key and key["KeyState"] == "Enabled" and key.get("KeySpec") == "SYMMETRIC_DEFAULT")


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


def _naming_actions(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    """botocore's model, where MiniStack finds the actions, knows nothing of DICOMweb, nor that a right to a
    queue's messages is one to batches of them."""

    @functools.wraps(extract)
    def iam_action(service: str, method: str, path: str, *rest: Any) -> str | None:
        action = action_of(method, path) if service == SERVICE else None
        _path_keys.set(_keys_of_path(action, path) if action else {})
        found = f"{SERVICE}:{action}" if action else extract(service, method, path, *rest)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    return iam_action


def _keys_of_path(action: str, path: str) -> dict[str, str]:
    judged = {"StudyInstanceUID": JUDGED_BY_STUDY, "SeriesInstanceUID": JUDGED_BY_SERIES}
    return {
        f"{SERVICE}:{keyword}": uid
        for keyword, uid in uids_of(path).items()
        if action in judged.get(keyword, ())
    }


def _judging_each_resource(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on an image set needs a grant on its data store too, and KMS is asked through S3."""

    @functools.wraps(enforce)
    def judged(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if service == "s3" and iam_action.startswith("kms:"):
            via = {
                "kms:ViaService": f"s3.{region}.amazonaws.com",
                "kms:CallerAccount": responses.get_account_id(),
            }
            return enforce(access_key_id, iam_action, "kms", region, resource_arn, via)
        if service != SERVICE:
            return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        keys = {**(service_context or {}), **_path_keys.get()}
        _request_keys.set(keys)
        for arn in _judged_arns(iam_action, resource_arn):
            if denied := enforce(access_key_id, iam_action, service, region, arn, keys):
                return denied
        return None

    return judged


def _judged_arns(iam_action: str, arn: str) -> list[str]:
    datastore_arn, _, image_set_id = arn.partition("/imageset/")
    is_of_tags = iam_action.partition(":")[2] in TAGGING
    return [arn] if is_of_tags or not image_set_id else [datastore_arn, arn]


def _with_keys_of_objects(checks: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack's S3 asks for no right to the key of an object, without which a role on AWS reads nothing."""

    @functools.wraps(checks)
    def s3_additional_checks(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> list[tuple[str, str]]:
        bucket, _, key = path.lstrip("/").partition("/")
        found: list[tuple[str, str]] = checks(method, path, headers, body, query)
        return found + [
            (action, key_arn)
            for action, key_id in _uses_of_keys(method, path, headers, query, bucket, key)
            if key and (key_arn := _customer_key(key_id))
        ]

    return s3_additional_checks


def _uses_of_keys(
    method: str, path: str, headers: dict[str, str], query: dict[str, Any], bucket: str, key: str
) -> Iterator[tuple[str, str | None]]:
    action = iam_actions._s3_action(method, path, query)
    if method == "GET" and action in ("GetObject", "GetObjectVersion"):
        yield "kms:Decrypt", _key_of_object(bucket, key, s3._qp(query, "versionId", ""))
    if action != "PutObject":
        return
    encryption, _ = s3._resolve_sse_write_headers(headers, bucket)
    written_with = (encryption or {}).get(KEY_HEADER)
    yield "kms:GenerateDataKey", written_with
    # The parts of an upload are read again to make the object.
    if "uploads" in query or "uploadId" in query:
        yield "kms:Decrypt", written_with
    if source := iam_actions._s3_source_object(headers):
        arn, version_id = source
        name, _, source_key = arn.removeprefix("arn:aws:s3:::").partition("/")
        yield "kms:Decrypt", _key_of_object(name, source_key, version_id)


def _key_of_object(bucket: str, key: str, version_id: str) -> str | None:
    owner = s3._bucket_owner_account(bucket)
    found = s3._buckets.get_scoped(owner, None, bucket)["objects"].get(key) if owner else None
    versions = [
        each for each in s3._object_versions.get((bucket, key), []) if each["version_id"] == version_id
    ]
    stored = versions[0] if versions else found
    key_id: str | None = s3._stored_sse_headers(stored).get(KEY_HEADER) if stored else None
    return key_id


def _customer_key(key_id: str | None) -> str | None:
    key = kms._resolve_key(key_id)
    # Everybody of the account may use AWS's own keys.
    return key["Arn"] if key and key.get("KeyManager") != "AWS" else None


def _knowing_our_tags(find: Callable[[str], Any], tags_of: TagsOf) -> Callable[[str], Any]:
    @functools.wraps(find)
    def resource_tags(arn: str) -> Mapping[str, str] | None:
        return tags_of(arn) if arn.startswith(f"arn:aws:{SERVICE}:") else find(arn)

    return resource_tags


def _naming_our_arns(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def resource_arn(service: str, method: str, path: str, *rest: Any) -> str:
        if service != SERVICE:
            return extract(service, method, path, *rest)
        region, account = rest[-2:]
        return _arn_of_path(path, region, account)

    return resource_arn


def _arn_of_path(path: str, region: str, account: str) -> str:
    if path.startswith("/tags/"):
        return unquote(path.removeprefix("/tags/"))
    named = re.search(r"/datastore/([0-9a-z]{32})(?:/imageSet/([0-9a-z]{32}))?", path)
    if not named:
        return "*"
    arn = f"arn:aws:{SERVICE}:{region}:{account}:datastore/{named[1]}"
    return f"{arn}/imageset/{named[2]}" if named[2] else arn


def _recording_management_events(record: Callable[..., None]) -> Callable[..., None]:
    """HealthImaging's in CloudTrail's event history, as on AWS: no data events, and no value of a request.

    MiniStack would keep the bodies of every service's requests.
    """

    @functools.wraps(record)
    def maybe_record(
        service: str, method: str, path: str, headers: dict[str, str], _body: bytes, *rest: Any
    ) -> None:
        if service != SERVICE or action_of(method, path):
            return
        action = iam_actions.extract_iam_action(service, method, path, headers, b"", {})
        if action and action != f"{SERVICE}:GetImageFrame":
            # What MiniStack takes the name of an event from.
            named = {**headers, "x-amz-target": action.replace(":", ".")}
            record(service, method, path, named, b"", *rest)

    return maybe_record


def _keeping_version_id(fire: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(fire)
    def fire_s3_event(*args: Any, **kwargs: Any) -> None:
        token = _version_id.set(kwargs.get("version_id"))
        try:
            fire(*args, **kwargs)
        finally:
            _version_id.reset(token)

    return fire_s3_event


def _with_version_id(dispatch: Callable[..., None]) -> Callable[..., None]:
    """AWS names the version in S3's EventBridge events of a versioned bucket; MiniStack leaves it out."""

    @functools.wraps(dispatch)
    def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
        version = _version_id.get()
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"].setdefault("version-id", version)
            event = {**event, "Detail": json.dumps(detail)}
        dispatch(event, view)

    return dispatch_event
