"""How a denial is answered: MiniStack's names neither its request nor, of most services, the resource."""

import functools
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions

from emulator.ministack.names import SERVICE

Answer = tuple[int, dict[str, str], bytes]


def naming_the_request(respond: Callable[..., Answer]) -> Callable[..., Answer]:
    """With the id that an SDK shows of every answer; HealthImaging's in the shape that AWS sends."""

    @functools.wraps(respond)
    def denied(service: str, action: str, principal: str, request_id: str, **details: Any) -> Answer:
        is_ours = service == SERVICE
        if is_ours and not details.get("error_code"):
            details["message"] = iam_actions.identity_denial_message(
                action, principal, details.get("resource_arn", "*"), details.get("explicit_deny", False)
            )
        status, headers, body = respond(service, action, principal, request_id, **details)
        # A viewer in a browser reads no answer that does not let it.
        own = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"} if is_ours else {}
        return (
            status,
            {**headers, **own, "x-amzn-requestid": request_id, "x-amz-request-id": request_id},
            body,
        )

    return denied
