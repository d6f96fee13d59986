"""Data stores: their life, and who may see them."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import ACCOUNT, REGION, LocalAws, Store, wait_for


@pytest.fixture
def imaging(aws: LocalAws) -> Any:
    return aws.client("medical-imaging")


def create(imaging: Any, **parameters: Any) -> Any:
    return imaging.create_datastore(**{"clientToken": uuid.uuid4().hex, **parameters})


def status(imaging: Any, datastore_id: str) -> str:
    answer = imaging.get_datastore(datastoreId=datastore_id)
    found: str = answer["datastoreProperties"]["datastoreStatus"]
    return found


def is_active(imaging: Any, datastore_id: str) -> bool:
    return status(imaging, datastore_id) == "ACTIVE"


def test_a_new_store_is_creating_and_soon_active(imaging: Any) -> None:
    made = create(imaging)

    assert made["datastoreStatus"] == "CREATING"
    wait_for(lambda: is_active(imaging, made["datastoreId"]))


def test_a_store_has_the_properties_it_was_made_with(aws: LocalAws, imaging: Any) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    made = create(imaging, datastoreName="ct", kmsKeyArn=key, losslessStorageFormat="JPEG_2000_LOSSLESS")

    found = imaging.get_datastore(datastoreId=made["datastoreId"])["datastoreProperties"]
    assert found["datastoreName"] == "ct"
    assert found["kmsKeyArn"] == key
    assert found["losslessStorageFormat"] == "JPEG_2000_LOSSLESS"
    expected = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{made['datastoreId']}"
    assert found["datastoreArn"] == expected


def test_a_store_tells_the_authorizer_of_its_dicomweb(imaging: Any) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:authorizer"
    made = create(imaging, lambdaAuthorizerArn=function)

    found = imaging.get_datastore(datastoreId=made["datastoreId"])["datastoreProperties"]
    assert found["lambdaAuthorizerArn"] == function


def test_a_store_stores_htj2k_unless_told_otherwise(store: Store) -> None:
    assert store.properties()["losslessStorageFormat"] == "HTJ2K"


def test_a_key_that_does_not_exist_fails_the_creation(imaging: Any) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    made = create(imaging, kmsKeyArn=key)

    wait_for(lambda: status(imaging, made["datastoreId"]) == "CREATE_FAILED")


def test_under_a_key_that_is_disabled_nothing_is_read_until_it_is_enabled(
    aws: LocalAws, imaging: Any
) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    store = create(imaging, kmsKeyArn=key)["datastoreId"]
    wait_for(lambda: is_active(imaging, store))

    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"AccessDeniedException.* cannot be used: enable it"):
        imaging.search_image_sets(datastoreId=store)
    kms.enable_key(KeyId=key)
    assert imaging.search_image_sets(datastoreId=store)["imageSetsMetadataSummaries"] == []


def test_the_same_client_token_answers_the_same_store(imaging: Any) -> None:
    token = uuid.uuid4().hex
    first, second = (create(imaging, clientToken=token, datastoreName="once") for _ in range(2))

    assert first["datastoreId"] == second["datastoreId"]


def test_a_request_that_is_sent_many_times_at_once_makes_one_store(imaging: Any) -> None:
    token = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as clients:
        made = list(clients.map(lambda _: create(imaging, clientToken=token), range(8)))

    assert len({each["datastoreId"] for each in made}) == 1


def test_a_client_token_with_other_parameters_is_a_conflict(imaging: Any) -> None:
    token = uuid.uuid4().hex
    create(imaging, clientToken=token)

    with pytest.raises(ClientError, match="ConflictException"):
        create(imaging, clientToken=token, datastoreName="other")


def test_a_store_of_another_account_does_not_exist(aws: LocalAws, store: Store) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws.client("medical-imaging", account="111111111111").get_datastore(datastoreId=store.id)


def test_a_store_of_another_region_does_not_exist(aws: LocalAws, store: Store) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws.client("medical-imaging", region="eu-west-1").get_datastore(datastoreId=store.id)


def test_stores_are_listed_newest_first_and_by_page(aws: LocalAws) -> None:
    imaging = aws.client("medical-imaging", account="222222222222")
    made = [create(imaging)["datastoreId"] for _ in range(3)]
    first = imaging.list_datastores(maxResults=2)
    second = imaging.list_datastores(maxResults=2, nextToken=first["nextToken"])

    listed = [each["datastoreId"] for page in (first, second) for each in page["datastoreSummaries"]]
    assert listed == made[::-1]
    assert "nextToken" not in second


def test_stores_are_listed_by_status(aws: LocalAws) -> None:
    imaging = aws.client("medical-imaging", account="333333333333")
    made = create(imaging)["datastoreId"]
    wait_for(lambda: is_active(imaging, made))

    assert len(imaging.list_datastores(datastoreStatus="ACTIVE")["datastoreSummaries"]) == 1
    assert imaging.list_datastores(datastoreStatus="DELETED")["datastoreSummaries"] == []


def test_a_page_token_that_was_never_given_out_is_refused(imaging: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        imaging.list_datastores(nextToken="made-up")


def test_an_empty_store_is_deleting_and_soon_deleted(store: Store) -> None:
    assert store.imaging.delete_datastore(datastoreId=store.id)["datastoreStatus"] == "DELETING"
    wait_for(lambda: store.properties()["datastoreStatus"] == "DELETED")


def test_a_store_that_holds_image_sets_is_not_deleted(store: Store) -> None:
    store.import_files({"1.dcm": ct_file()})

    with pytest.raises(ClientError, match=r"ConflictException.*holds image sets"):
        store.imaging.delete_datastore(datastoreId=store.id)
    assert store.properties()["datastoreStatus"] == "ACTIVE"


def test_a_deleted_store_is_not_deleted_again(store: Store) -> None:
    store.imaging.delete_datastore(datastoreId=store.id)

    with pytest.raises(ClientError, match="ConflictException"):
        store.imaging.delete_datastore(datastoreId=store.id)
