"""The version of an object in S3's EventBridge events: AWS names it, MiniStack leaves it out."""

import contextvars
import functools
import json
from collections.abc import Callable
from typing import Any

_version_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_id", default=None)


def keeping_version_id(fire: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(fire)
    def fire_s3_event(*args: Any, **kwargs: Any) -> None:
        token = _version_id.set(kwargs.get("version_id"))
        try:
            fire(*args, **kwargs)
        finally:
            _version_id.reset(token)

    return fire_s3_event


def with_version_id(dispatch: Callable[..., None]) -> Callable[..., None]:
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
