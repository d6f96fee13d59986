"""A record of what IAM decides, and policy variables, put into MiniStack's evaluation.

`emulator.ministack` plugs these in. Each stands around a function of MiniStack's own and takes what it takes.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator

from emulator.access_log import AccessLog

VARIABLE = re.compile(r"\$\{([^}]+)\}")


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
