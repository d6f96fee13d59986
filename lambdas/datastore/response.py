"""What CloudFormation waits for: one PUT to the request's ResponseURL, whatever happened."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import Request, urlopen

Event = Mapping[str, Any]
Answer = tuple[str, dict[str, str]]

logger = logging.getLogger(__name__)


def respond(event: Event, work: Callable[[Event], Answer], put: Callable[[str, bytes], None]) -> None:
    """Do `work`, which returns the physical id and the attributes, and tell CloudFormation how it went."""
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        physical_id, attributes = work(event)
        body |= {"Status": "SUCCESS", "PhysicalResourceId": physical_id, "Data": attributes}
    except Exception as error:
        # CloudFormation would wait for an hour; the reason is shown beside the resource.
        logger.exception("%s of %s failed", event["RequestType"], event["LogicalResourceId"])
        physical_id = event.get("PhysicalResourceId", event["LogicalResourceId"])
        body |= {"Status": "FAILED", "PhysicalResourceId": physical_id, "Reason": str(error)}
    put(event["ResponseURL"], json.dumps(body).encode())


def put(url: str, body: bytes) -> None:
    """Send the answer; the URL is CloudFormation's own, signed for this one request."""
    # An empty type: the signature of the URL covers the header.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urlopen(request, timeout=30):  # noqa: S310
        pass
