"""Apply the deployment's tags to a data store; as a property of the resource they would replace it."""

from collections.abc import Mapping
from typing import Any

import boto3

from lambdas.datastore.response import Answer, Event, put, respond


def handle(event: Event, context: object) -> None:
    client = boto3.client("medical-imaging")
    respond(event, lambda request: answer(request, client), put)


def answer(event: Event, client: Any) -> Answer:
    """Set this request's tags and take away those it no longer has; others' tags are left alone.

    A deleted stack leaves its data store and so its tags.
    """
    arn, tags = event["ResourceProperties"]["DatastoreArn"], _tags(event, "ResourceProperties")
    if event["RequestType"] != "Delete":
        gone = sorted(_tags(event, "OldResourceProperties").keys() - tags.keys())
        if gone:
            client.untag_resource(resourceArn=arn, tagKeys=gone)
        if tags:
            client.tag_resource(resourceArn=arn, tags=dict(tags))
    return f"{arn}/tags", {}


def _tags(event: Event, which: str) -> Mapping[str, str]:
    tags: Mapping[str, str] = event.get(which, {}).get("Tags", {})
    return tags
