"""Which action of HealthImaging a request is, on which resource, with which tags: what IAM asks first."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from emulator.dicomweb.routes import action_of
from emulator.ministack.names import SERVICE
from emulator.ministack.policies import keep_keys_of_path

LOG_GROUP = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]+")

TagsOf = Callable[[str], Mapping[str, str]]


def naming_actions(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    """botocore's model, where MiniStack finds the actions, knows nothing of DICOMweb, nor that a right to a
    queue's messages is one to batches of them."""

    @functools.wraps(extract)
    def iam_action(service: str, method: str, path: str, *rest: Any) -> str | None:
        action = action_of(method, path) if service == SERVICE else None
        keep_keys_of_path(action, path)
        found = f"{SERVICE}:{action}" if action else extract(service, method, path, *rest)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    return iam_action


def naming_our_arns(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def resource_arn(service: str, method: str, path: str, *rest: Any) -> str:
        if service == SERVICE:
            region, account = rest[-2:]
            return arn_of_path(path, region, account)
        found = extract(service, method, path, *rest)
        # IAM judges what is done with a log group by this name of it, whatever the group's own ARN is.
        return f"{found}:*" if LOG_GROUP.fullmatch(found) else found

    return resource_arn


def arn_of_path(path: str, region: str, account: str) -> str:
    if path.startswith("/tags/"):
        return unquote(path.removeprefix("/tags/"))
    named = re.search(r"/datastore/([0-9a-z]{32})(?:/imageSet/([0-9a-z]{32}))?", path)
    if not named:
        return "*"
    arn = f"arn:aws:{SERVICE}:{region}:{account}:datastore/{named[1]}"
    return f"{arn}/imageset/{named[2]}" if named[2] else arn


def knowing_our_tags(find: Callable[[str], Any], tags_of: TagsOf) -> Callable[[str], Any]:
    @functools.wraps(find)
    def resource_tags(arn: str) -> Mapping[str, str] | None:
        return tags_of(arn) if arn.startswith(f"arn:aws:{SERVICE}:") else find(arn)

    return resource_tags
