"""The lock refuses what would replace or forget what holds data, and records what is new."""

from pathlib import Path
from typing import Any

import pytest

from healthimaging.datastore_lock import DatastoreLockError, check_locks

KEY = {"Fn::GetAtt": ["Key", "Arn"]}


def template(**properties: Any) -> dict[str, Any]:
    store = {"Type": "AWS::HealthImaging::Datastore", "Properties": properties}
    return {"Resources": {"Main": store, "Bucket": {"Type": "AWS::S3::Bucket"}}}


def check(folder: Path, resources: dict[str, Any], account: str | None = "111122223333") -> None:
    check_locks({"data": resources}, folder=folder, deployment="prod", account=account, region="us-east-1")


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    check(tmp_path, template(DatastoreName="one", KmsKeyArn=KEY))
    return tmp_path


def test_a_new_data_store_is_recorded_for_its_account(locked: Path) -> None:
    assert [path.name for path in locked.iterdir()] == ["prod.111122223333.us-east-1.yaml"]


def test_the_same_data_store_passes_and_leaves_the_lock_as_it_is(locked: Path) -> None:
    (lock,) = locked.iterdir()
    before = lock.read_bytes()
    check(locked, template(DatastoreName="one", KmsKeyArn=KEY))
    assert lock.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DatastoreName": "two", "KmsKeyArn": KEY}, 'DatastoreName from "one" to "two"'),
        ({"DatastoreName": "one"}, "to null"),
        ({"DatastoreName": "one", "KmsKeyArn": {"Fn::GetAtt": ["Other", "Arn"]}}, '["Key", "Arn"]} to'),
        ({"DatastoreName": "one", "KmsKeyArn": KEY, "Tags": {"a": "b"}}, 'Tags from null to {"a": "b"}'),
    ],
)
def test_a_change_is_refused_with_both_values(locked: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DatastoreLockError, match="would be replaced by an empty one") as refused:
        check(locked, template(**changed))
    assert words in str(refused.value)
    assert "data/Main" in str(refused.value)


def test_a_data_store_that_is_gone_is_refused(locked: Path) -> None:
    with pytest.raises(DatastoreLockError, match="no longer in the app"):
        check(locked, {"Resources": {}})


def test_a_second_data_store_is_recorded_beside_the_first(locked: Path) -> None:
    both = template(DatastoreName="one", KmsKeyArn=KEY)
    both["Resources"]["Other"] = {
        "Type": "Custom::HealthImagingDatastore",
        "Properties": {"ServiceToken": "a", "DatastoreName": "two"},
    }
    check(locked, both)
    both["Resources"]["Other"]["Properties"]["ServiceToken"] = "b"
    check(locked, both)
    both["Resources"]["Other"]["Properties"]["DatastoreName"] = "three"
    with pytest.raises(DatastoreLockError, match='from "two" to "three"'):
        check(locked, both)


def test_another_account_has_a_lock_of_its_own(locked: Path) -> None:
    check(locked, template(DatastoreName="two"), account="444455556666")
    assert len(list(locked.iterdir())) == 2


def test_an_unknown_account_is_held_to_every_lock_and_writes_none(locked: Path) -> None:
    check(locked, template(DatastoreName="one", KmsKeyArn=KEY), account=None)
    with pytest.raises(DatastoreLockError):
        check(locked, template(DatastoreName="two", KmsKeyArn=KEY), account=None)
    assert len(list(locked.iterdir())) == 1


def test_an_unknown_account_without_a_lock_passes_and_writes_none(tmp_path: Path) -> None:
    check(tmp_path / "locks", template(DatastoreName="one"), account=None)
    assert list(tmp_path.iterdir()) == []


def retained(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": kind, "DeletionPolicy": "Retain", "Properties": properties}}}


KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}]


@pytest.mark.parametrize(
    ("kind", "before", "after", "words"),
    [
        ("AWS::S3::Bucket", {}, {"BucketName": "mine"}, 'BucketName from null to "mine"'),
        ("AWS::DynamoDB::Table", {"KeySchema": KEYS}, {"KeySchema": []}, "KeySchema from"),
        ("AWS::DynamoDB::Table", {"KeySchema": KEYS}, {"KeySchema": KEYS, "TableName": "t"}, "TableName"),
    ],
)
def test_a_change_that_replaces_a_retained_bucket_or_table_is_refused(
    kind: str, before: dict[str, Any], after: dict[str, Any], words: str, tmp_path: Path
) -> None:
    check(tmp_path, retained(kind, **before))
    with pytest.raises(DatastoreLockError, match="would be replaced by an empty one") as refused:
        check(tmp_path, retained(kind, **after))
    assert words in str(refused.value)
    assert "data/It" in str(refused.value)


@pytest.mark.parametrize("kind", ["AWS::KMS::Key", "AWS::S3::Bucket", "AWS::DynamoDB::Table"])
def test_what_is_no_longer_retained_is_refused(kind: str, tmp_path: Path) -> None:
    check(tmp_path, retained(kind))
    gone = {"Resources": {"It": {"Type": kind, "DeletionPolicy": "Delete", "Properties": {}}}}
    for template_without in (gone, {"Resources": {}}):
        with pytest.raises(DatastoreLockError, match="no longer retained by the app"):
            check(tmp_path, template_without)


def test_a_change_that_replaces_nothing_passes(tmp_path: Path) -> None:
    check(tmp_path, retained("AWS::KMS::Key", Description="a"))
    check(tmp_path, retained("AWS::KMS::Key", Description="b"))


def test_what_goes_with_its_stack_is_not_locked(tmp_path: Path) -> None:
    check(tmp_path, {"Resources": {"It": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}}})
    check(tmp_path, {"Resources": {}})


def test_a_lock_from_before_there_was_more_than_data_stores_is_completed(tmp_path: Path) -> None:
    old = tmp_path / "prod.111122223333.us-east-1.yaml"
    old.write_text("data_stores: {}\n")
    check(tmp_path, retained("AWS::KMS::Key"))
    with pytest.raises(DatastoreLockError, match="The key data/It"):
        check(tmp_path, {"Resources": {}})
