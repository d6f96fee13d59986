"""DeleteImageSet over HTTP."""

import uuid

import pytest
from botocore.exceptions import ClientError
from local_aws import LocalAws, Store, only_series, wait_for
from test_updates import imported, settled

pytestmark = pytest.mark.also_on_aws


def delete(store: Store, image_set_id: str) -> None:
    store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set_id)
    settled(store, image_set_id)


def test_a_deletion_locks_the_image_set_until_it_is_gone(store: Store) -> None:
    image_set_id = imported(store)
    answer = store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set_id)

    assert (answer["imageSetState"], answer["imageSetWorkflowStatus"]) == ("LOCKED", "DELETING")
    with pytest.raises(ClientError, match="ConflictException") as refusal:
        store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set_id)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_deleted_image_set_tells_that_it_was(store: Store) -> None:
    image_set_id = imported(store)
    delete(store, image_set_id)
    found = store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id)

    assert (found["imageSetState"], found["imageSetWorkflowStatus"]) == ("DELETED", "DELETED")
    assert found["deletedAt"] >= found["createdAt"]
    assert store.search() == []


def test_nothing_of_a_deleted_image_set_can_be_read(store: Store) -> None:
    image_set_id = imported(store)
    (instance,) = only_series(store.metadata(image_set_id))["Instances"].values()
    delete(store, image_set_id)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.metadata(image_set_id)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.frame(image_set_id, instance["ImageFrames"][0]["ID"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.imaging.delete_image_set(datastoreId=store.id, imageSetId=image_set_id)


def test_its_files_are_gone_from_the_disk(aws: LocalAws, store: Store) -> None:
    image_set_id = imported(store)
    files = list((aws.state / "healthimaging" / "metadata").glob(f"*/{image_set_id}.*"))
    assert len(files) == 1
    delete(store, image_set_id)

    wait_for(lambda: not files[0].exists())


def test_its_tags_go_with_it(store: Store) -> None:
    image_set_id = imported(store)
    arn = f"{store.arn}/imageset/{image_set_id}"
    store.imaging.tag_resource(resourceArn=arn, tags={"a": "b"})
    delete(store, image_set_id)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.imaging.list_tags_for_resource(resourceArn=arn)


def test_a_store_can_be_deleted_once_it_is_empty(store: Store) -> None:
    image_set_id = imported(store)
    with pytest.raises(ClientError, match="ConflictException"):
        store.imaging.delete_datastore(datastoreId=store.id)
    delete(store, image_set_id)

    assert store.imaging.delete_datastore(datastoreId=store.id)["datastoreStatus"] == "DELETING"


def test_an_import_after_the_deletion_makes_a_new_image_set(store: Store) -> None:
    image_set_id = imported(store)
    delete(store, image_set_id)

    assert imported(store, folder="again/") != image_set_id


def test_an_image_set_that_never_was_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.imaging.delete_image_set(datastoreId=store.id, imageSetId=uuid.uuid4().hex)
