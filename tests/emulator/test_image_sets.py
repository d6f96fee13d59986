"""Image sets as they are read: properties, versions, metadata, frames."""

import uuid

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import LocalAws, Store, only_series

pytestmark = pytest.mark.also_on_aws


def imported(store: Store) -> str:
    store.import_files({"1.dcm": ct_file()})
    (image_set,) = store.search()
    found: str = image_set["imageSetId"]
    return found


def test_an_image_set_says_what_it_is(store: Store) -> None:
    image_set_id = imported(store)
    found = store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id)

    assert found["versionId"] == "1"
    assert found["imageSetState"] == "ACTIVE"
    assert found["imageSetWorkflowStatus"] == "CREATED"
    assert found["isPrimary"] is True
    assert found["imageSetArn"] == f"{store.arn}/imageset/{image_set_id}"


def test_a_version_can_be_asked_for(store: Store) -> None:
    image_set_id = imported(store)
    store.import_files({"2.dcm": ct_file()}, "more/")

    asked = [
        store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id, **version)
        for version in ({"versionId": "1"}, {})
    ]
    assert [each["versionId"] for each in asked] == ["1", "2"]
    assert [each["imageSetWorkflowStatus"] for each in asked] == ["CREATED", "UPDATED"]


def test_a_version_that_never_was_does_not_exist(store: Store) -> None:
    image_set_id = imported(store)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id, versionId="9")


def test_versions_are_listed_the_newest_first(store: Store) -> None:
    image_set_id = imported(store)
    store.import_files({"2.dcm": ct_file()}, "more/")

    pages = store.imaging.get_paginator("list_image_set_versions").paginate(
        datastoreId=store.id, imageSetId=image_set_id, PaginationConfig={"PageSize": 1}
    )
    listed = [each for page in pages for each in page["imageSetPropertiesList"]]
    assert [(each["versionId"], each["ImageSetWorkflowStatus"]) for each in listed] == [
        ("2", "UPDATED"),
        ("1", "CREATED"),
    ]
    assert {(each["imageSetState"], each["isPrimary"]) for each in listed} == {("ACTIVE", True)}


def test_metadata_of_an_older_version_is_what_it_was(store: Store) -> None:
    image_set_id = imported(store)
    before = store.metadata(image_set_id)
    store.import_files({"2.dcm": ct_file()}, "more/")

    assert store.metadata(image_set_id, versionId="1") == before
    assert len(only_series(store.metadata(image_set_id))["Instances"]) == 2


def test_metadata_is_json_in_gzip(store: Store) -> None:
    answer = store.imaging.get_image_set_metadata(datastoreId=store.id, imageSetId=imported(store))

    assert (answer["contentType"], answer["contentEncoding"]) == ("application/json", "gzip")


def test_a_frame_is_bytes_of_the_size_that_metadata_gives(store: Store) -> None:
    image_set_id = imported(store)
    (instance,) = only_series(store.metadata(image_set_id))["Instances"].values()
    (frame,) = instance["ImageFrames"]

    assert len(store.frame(image_set_id, frame["ID"])) == frame["FrameSizeInBytes"]


def test_a_frame_of_another_image_set_does_not_exist(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(), "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5")})
    one, other = (each["imageSetId"] for each in store.search())
    (instance,) = only_series(store.metadata(other))["Instances"].values()

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.frame(one, instance["ImageFrames"][0]["ID"])


def test_an_image_set_of_another_store_does_not_exist(aws: LocalAws, store: Store) -> None:
    image_set_id = imported(store)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Store(aws).imaging.get_image_set(datastoreId=Store(aws).id, imageSetId=image_set_id)


def test_an_image_set_that_never_was_does_not_exist(store: Store) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.imaging.get_image_set_metadata(datastoreId=store.id, imageSetId=uuid.uuid4().hex)
