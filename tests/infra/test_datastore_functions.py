"""The functions behind the custom resources, against a HealthImaging in memory."""

import json
from typing import Any

import pytest

from lambdas.datastore import create, tags
from lambdas.datastore.response import respond

ARN = "arn:aws:medical-imaging:us-east-1:111122223333:datastore/d1"
WANTED = {"DatastoreName": "slides", "KmsKeyArn": "key", "LosslessStorageFormat": "JPEG_2000_LOSSLESS"}


class HealthImaging:
    """One data store that takes a while, and its tags."""

    def __init__(self, statuses: tuple[str, ...] = ("CREATING", "ACTIVE"), **tags: str) -> None:
        self.statuses, self.tags = list(statuses), tags
        self.created: list[dict[str, str]] = []

    def create_datastore(self, **request: str) -> dict[str, str]:
        self.created.append(request)
        return {"datastoreId": "d1"}

    def get_datastore(self, datastoreId: str) -> dict[str, Any]:  # noqa: N803
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"datastoreProperties": {"datastoreStatus": status, "datastoreArn": ARN}}

    def tag_resource(self, resourceArn: str, tags: dict[str, str]) -> None:  # noqa: N803
        self.tags |= tags

    def untag_resource(self, resourceArn: str, tagKeys: list[str]) -> None:  # noqa: N803
        for key in tagKeys:
            del self.tags[key]


def event(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "RequestId": "request-1",
        "StackId": "stack",
        "LogicalResourceId": "Store",
        "ResponseURL": "https://example.org/answer",
        "ResourceProperties": properties,
        **more,
    }


def test_a_data_store_is_made_once_and_awaited() -> None:
    service, waits = HealthImaging(), []
    physical_id, attributes = create.answer(event("Create", WANTED), service, waits.append)
    assert physical_id == "d1"
    assert attributes == {"DatastoreId": "d1", "DatastoreArn": ARN}
    assert service.created == [
        {
            "datastoreName": "slides",
            "kmsKeyArn": "key",
            "losslessStorageFormat": "JPEG_2000_LOSSLESS",
            "clientToken": "request-1",
        }
    ]
    assert len(waits) == 1


def test_a_data_store_that_fails_to_be_made_fails_the_resource() -> None:
    with pytest.raises(create.DatastoreError, match="d1 is CREATE_FAILED"):
        create.answer(event("Create", WANTED), HealthImaging(("CREATE_FAILED",)), lambda _: None)


@pytest.mark.parametrize("name", create.FIXED)
def test_a_changed_property_of_a_data_store_is_refused(name: str) -> None:
    changed = event(
        "Update", {**WANTED, name: "other"}, OldResourceProperties=WANTED, PhysicalResourceId="d1"
    )
    service = HealthImaging()
    with pytest.raises(create.DatastoreError, match=f"{name} of a data store cannot change"):
        create.answer(changed, service, lambda _: None)
    assert service.created == []


def test_a_deleted_resource_leaves_the_data_store() -> None:
    deleted = event("Delete", WANTED, PhysicalResourceId="d1")
    assert create.answer(deleted, None, lambda _: None) == ("d1", {})


def test_tags_are_set_and_only_those_of_before_are_taken_away() -> None:
    service = HealthImaging(old="1", theirs="2")
    new = {"DatastoreArn": ARN, "Tags": {"new": "3"}}
    old = {"DatastoreArn": ARN, "Tags": {"old": "1"}}
    tags.answer(event("Update", new, OldResourceProperties=old), service)
    assert service.tags == {"theirs": "2", "new": "3"}


def test_a_deleted_stack_leaves_the_tags() -> None:
    service = HealthImaging(kept="1")
    tags.answer(event("Delete", {"DatastoreArn": ARN, "Tags": {"kept": "1"}}), service)
    assert service.tags == {"kept": "1"}


def test_cloudformation_is_told_of_success_and_of_failure() -> None:
    sent: list[dict[str, Any]] = []

    def put(url: str, body: bytes) -> None:
        assert url == "https://example.org/answer"
        sent.append(json.loads(body))

    def fail(_: Any) -> Any:
        raise create.DatastoreError("no key")

    respond(event("Create", {}), lambda _: ("d1", {"DatastoreId": "d1"}), put)
    respond(event("Create", {}), fail, put)
    assert [answer["Status"] for answer in sent] == ["SUCCESS", "FAILED"]
    assert sent[0]["Data"] == {"DatastoreId": "d1"}
    assert sent[1]["Reason"] == "no key"
    assert sent[1]["PhysicalResourceId"] == "Store"
    assert {answer["RequestId"] for answer in sent} == {"request-1"}
