"""Which action of HealthImaging a request is, on which resource, with which tags: what IAM asks first."""

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator import routes, strict_json
from emulator.dicomweb import routes as dicomweb
from emulator.ministack.names import SERVICE
from emulator.ministack.policies import keep_keys_of_path

ID = re.compile("[0-9a-z]{32}")
LOG_GROUP = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]+")

TagsOf = Callable[[str], Mapping[str, str]]


def naming_actions(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    """Of HealthImaging, the action that will be run, whatever a query or a header calls it.

    MiniStack believes these, and does not know that a right to a queue's messages is one to batches of them.
    """

    @functools.wraps(extract)
    def iam_action(service: str, method: str, path: str, *rest: Any) -> str | None:
        if service == SERVICE:
            action, _ = _routed(method, path)
            keep_keys_of_path(action if dicomweb.is_dicomweb(path) else None, path)
            return f"{SERVICE}:{action}" if action else None
        keep_keys_of_path(None, path)
        found = extract(service, method, path, *rest)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    return iam_action


def _routed(method: str, path: str) -> tuple[str | None, Mapping[str, str]]:
    """The action that `server` routes the path to, and its labels. Without an action nothing is run."""
    if dicomweb.is_dicomweb(path):
        return dicomweb.match(method, path) or (None, {})
    found = routes.match(method, path)
    return (found[0].name, found[1]) if found else (None, {})


def naming_our_arns(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def resource_arn(service: str, method: str, path: str, *rest: Any) -> str:
        if service == SERVICE:
            region, account = rest[-2:]
            return arn_of_path(method, path, region, account)
        found = extract(service, method, path, *rest)
        # IAM judges what is done with a log group by this name of it, whatever the group's own ARN is.
        return f"{found}:*" if LOG_GROUP.fullmatch(found) else found

    return resource_arn


def arn_of_path(method: str, path: str, region: str, account: str) -> str:
    """The resource that the labels of the path name. An id that no data store has is refused later."""
    _, labels = _routed(method, path)
    if "resourceArn" in labels:
        return labels["resourceArn"]
    datastore_id = labels.get("datastoreId") or labels.get("datastore", "")
    image_set_id = labels.get("imageSetId") or labels.get("sourceImageSetId", "")
    if not ID.fullmatch(datastore_id):
        return "*"
    arn = f"arn:aws:{SERVICE}:{region}:{account}:datastore/{datastore_id}"
    return f"{arn}/imageset/{image_set_id}" if ID.fullmatch(image_set_id) else arn


def knowing_our_tags(find: Callable[[str], Any], tags_of: TagsOf) -> Callable[[str], Any]:
    @functools.wraps(find)
    def resource_tags(arn: str) -> Mapping[str, str] | None:
        return tags_of(arn) if arn.startswith(f"arn:aws:{SERVICE}:") else find(arn)

    return resource_tags


def judging_our_tags(find: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Of HealthImaging, the tags that the operation will read, whatever else a body or a query calls so."""

    @functools.wraps(find)
    def request_tag_context(
        service: str, iam_action: str, body: bytes, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        if service == SERVICE:
            body = _tags_alone(body)
            params = {name: value for name, value in params.items() if name == "tagKeys"}
        return find(service, iam_action, body, params)

    return request_tag_context


def _tags_alone(body: bytes) -> bytes:
    try:
        given = strict_json.loads(body)
    except ValueError:
        # The operation refuses it.
        given = None
    tags = given.get("tags") if isinstance(given, dict) else None
    return json.dumps({"tags": tags or {}}).encode()
