"""Tags of data stores and image sets."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import LocalAws, Store

pytestmark = pytest.mark.also_on_aws


def tags(store: Store, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = store.imaging.list_tags_for_resource(resourceArn=arn)["tags"]
    return found


def test_a_store_has_the_tags_it_was_made_with(aws: LocalAws) -> None:
    store = Store(aws, tags={"team": "imaging"})

    assert tags(store, store.arn) == {"team": "imaging"}


def test_tags_are_added_and_changed(store: Store) -> None:
    store.imaging.tag_resource(resourceArn=store.arn, tags={"a": "1", "b": "1"})
    store.imaging.tag_resource(resourceArn=store.arn, tags={"b": "2"})

    assert tags(store, store.arn) == {"a": "1", "b": "2"}


def test_tags_are_removed(store: Store) -> None:
    store.imaging.tag_resource(resourceArn=store.arn, tags={"a": "1", "b": "1", "c": "1"})
    store.imaging.untag_resource(resourceArn=store.arn, tagKeys=["a", "b", "absent"])

    assert tags(store, store.arn) == {"c": "1"}


def test_an_image_set_has_tags_of_its_own(store: Store) -> None:
    store.import_files({"1.dcm": ct_file()})
    arn = f"{store.arn}/imageset/{store.search()[0]['imageSetId']}"
    store.imaging.tag_resource(resourceArn=arn, tags={"a": "1"})

    assert (tags(store, arn), tags(store, store.arn)) == ({"a": "1"}, {})


def test_more_than_fifty_tags_are_refused(store: Store) -> None:
    store.imaging.tag_resource(resourceArn=store.arn, tags={"first": "1"})

    with pytest.raises(ClientError, match="ValidationException"):
        store.imaging.tag_resource(resourceArn=store.arn, tags={f"t{n}": "1" for n in range(50)})
    assert tags(store, store.arn) == {"first": "1"}


@pytest.mark.parametrize("suffix", ["", f"/imageset/{'0' * 32}"])
def test_what_does_not_exist_has_no_tags(store: Store, suffix: str) -> None:
    arn = store.arn + suffix if suffix else store.arn[:-32] + "0" * 32

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        tags(store, arn)
