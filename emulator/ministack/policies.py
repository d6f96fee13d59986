"""How the policies of a caller are judged for an operation of HealthImaging.

Each of these stands around a function of MiniStack's own and takes what it takes.
"""

import contextvars
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator, responses

from emulator.dicomweb.routes import uids_of
from emulator.ministack.names import PRINCIPAL, SERVICE

TAGGING = ("TagResource", "UntagResource", "ListTagsForResource")
# DICOMweb actions that IAM judges by the study in their path, and those that it judges by the series too.
JUDGED_BY_SERIES = {
    *("GetDICOMInstance", "GetDICOMInstanceFrames", "GetDICOMInstanceMetadata"),
    *("GetDICOMSeriesMetadata", "GetDICOMBulkdata", "SearchDICOMInstances"),
}
JUDGED_BY_STUDY = {*JUDGED_BY_SERIES, "SearchDICOMSeries", "StoreDICOMStudy"}
VARIABLE = re.compile(r"\$\{([^}]+)\}")

# What IAM's conditions see of the request at hand, beside what MiniStack knows.
_path_keys: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("path_keys", default={})  # noqa: B039
_request_keys: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("request_keys", default={})  # noqa: B039


def may_pass_role(role_arn: str) -> bool:
    """Whether the caller of the request at hand may hand `role_arn` to HealthImaging."""
    return _allowed("iam:PassRole", "iam", role_arn, {"iam:PassedToService": PRINCIPAL})


def may_invoke(function_arn: str) -> bool:
    """Whether the caller of the request at hand may invoke that function."""
    return _allowed("lambda:InvokeFunction", "lambda", function_arn, {})


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


def keep_keys_of_path(action: str | None, path: str) -> None:
    """Let the conditions of policies see the study and series that a DICOMweb action names."""
    judged = {"StudyInstanceUID": JUDGED_BY_STUDY, "SeriesInstanceUID": JUDGED_BY_SERIES}
    keys = {
        f"{SERVICE}:{keyword}": uid
        for keyword, uid in (uids_of(path) if action else {}).items()
        if action in judged.get(keyword, ())
    }
    _path_keys.set(keys)


def judging_each_resource(enforce: Callable[..., Any]) -> Callable[..., Any]:
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


def with_policy_variables(conditions_met: Callable[..., bool]) -> Callable[..., bool]:
    """MiniStack compares `${aws:PrincipalTag/x}` as it stands; a variable without a value matches nothing."""

    @functools.wraps(conditions_met)
    def met(conditions: Mapping[str, Any], context: Any) -> bool:
        return conditions_met(_filled(conditions, context), context)

    return met


def _filled(value: Any, context: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(each, context) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, context) for each in value]
    if not isinstance(value, str):
        return value

    def fill(variable: re.Match[str]) -> str:
        given = iam_evaluator._resolve_condition_key(variable[1], context)
        return variable[0] if given is None else str(given)

    return VARIABLE.sub(fill, value)
