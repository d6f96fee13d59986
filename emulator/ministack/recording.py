"""What was done and denied: in the record that tests read, and in CloudTrail's event history."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from emulator.access_log import AccessLog
from emulator.dicomweb.routes import action_of
from emulator.ministack.names import SERVICE

# Services whose every call is a management event, and told with its parameters.
WITHOUT_DATA_EVENTS = ("iam", "kms", "states")


def logging_denials(enforce: Callable[..., Any], log: AccessLog) -> Callable[..., Any]:
    """Write down what was denied to whom."""

    @functools.wraps(enforce)
    def judged(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if isinstance(denied, iam_evaluator.EvalResult):
            log.add(denied.principal_arn, iam_action, resource_arn, allowed=False)
        return denied

    return judged


def logging_matches(first_match: Callable[..., Any], log: AccessLog) -> Callable[..., Any]:
    """Write down which pattern of which statement allowed what."""

    @functools.wraps(first_match)
    def matched(context: Any, statements: list[Any], effect: str) -> Any:
        found = first_match(context, statements, effect)
        if found is not None and effect == "Allow":
            for pattern in found.resources:
                if iam_evaluator.fnmatch_iam_cs(context.resource_arn, pattern):
                    log.add(context.principal_arn, context.action, pattern, allowed=True)
        return found

    return matched


def recording_management_events(record: Callable[..., None]) -> Callable[..., None]:
    """In CloudTrail's event history, as on AWS: no data events, and of HealthImaging no value of a request.

    MiniStack would keep the requests of every service, also the data in them.
    """

    @functools.wraps(record)
    def maybe_record(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> None:
        if service in WITHOUT_DATA_EVENTS:
            record(service, method, path, headers, body, *rest)
        if service != SERVICE or action_of(method, path):
            return
        action = iam_actions.extract_iam_action(service, method, path, headers, b"", {})
        if action and action != f"{SERVICE}:GetImageFrame":
            # What MiniStack takes the name of an event from.
            named = {**headers, "x-amz-target": action.replace(":", ".")}
            record(service, method, path, named, b"", *rest)

    return maybe_record
