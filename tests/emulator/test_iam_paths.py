"""IAM judges the very operation and resource that are run, however a request is spelt."""

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from ct_files import ct_file
from iam_users import User
from local_aws import LocalAws, Store
from raw_requests import raw_request

TAGS_ONLY = {"Action": "medical-imaging:ListTagsForResource", "Resource": "*"}


def twice_encoded(text: str) -> str:
    """The first character as only a second decoding would find it."""
    return f"%25{ord(text[0]):02x}{text[1:]}"


@pytest.fixture(scope="module")
def tagged(aws: LocalAws) -> Store:
    found = Store(aws)
    found.import_files({"1.dcm": ct_file()})
    found.imaging.tag_resource(resourceArn=f"{found.arn}/imageset/{only(found)}", tags={"team": "a"})
    return found


def only(store: Store) -> str:
    (found,) = store.search()
    image_set_id: str = found["imageSetId"]
    return image_set_id


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"X_Amz_Target": "x.ListTagsForResource"}),
        ("?Action=ListTagsForResource", {}),
    ],
    ids=["header", "query"],
)
def test_neither_a_header_nor_a_query_names_the_action(
    aws: LocalAws, tagged: Store, query: str, headers: dict[str, str]
) -> None:
    user = User(aws, TAGS_ONLY)
    for operation in ("getImageSet", "getImageSetMetadata", "deleteImageSet"):
        path = f"/datastore/{tagged.id}/imageSet/{only(tagged)}/{operation}{query}"
        assert raw_request(aws, "POST", path, keys=user.keys, **headers).status == 403


def test_no_form_in_the_body_names_the_action(aws: LocalAws, tagged: Store) -> None:
    path = f"/datastore/{tagged.id}/imageSet/{only(tagged)}/getImageSet"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    user = User(aws, TAGS_ONLY)

    assert raw_request(aws, "POST", path, b"Action=ListTagsForResource", user.keys, **form).status == 403


def test_a_path_encoded_twice_runs_nothing(aws: LocalAws, tagged: Store) -> None:
    keys = User(aws, {"Action": "sqs:ListQueues", "Resource": "*"}).keys
    body = json.dumps({"clientToken": uuid.uuid4().hex}).encode()
    store = f"/datastore/{tagged.id}"
    operation = f"{store}/imageSet/{only(tagged)}/"

    for method, path in [
        ("POST", "/" + twice_encoded("datastore")),
        ("POST", operation + twice_encoded("getImageSet")),
        ("POST", operation + twice_encoded("deleteImageSet")),
        ("GET", f"{store}/" + twice_encoded("studies")),
        ("POST", f"/{twice_encoded('startDICOMImportJob')}{store}"),
    ]:
        assert raw_request(aws, method, path, body, keys).status in (403, 404)
    assert only(tagged)


def test_no_encoding_of_an_id_evades_a_denial_on_its_arn(aws: LocalAws, tagged: Store) -> None:
    everything = {"Action": "medical-imaging:*", "Resource": "*"}
    but_this = {"Effect": "Deny", "Action": "medical-imaging:*", "Resource": [tagged.arn, tagged.arn + "/*"]}
    keys = User(aws, everything, but_this).keys

    def status(store_id: str) -> int:
        path = f"/datastore/{store_id}/imageSet/{only(tagged)}/getImageSet"
        return raw_request(aws, "POST", path, keys=keys).status

    once = f"%{ord(tagged.id[0]):02x}{tagged.id[1:]}"
    assert [status(each) for each in (tagged.id, once, twice_encoded(tagged.id))] == [403, 403, 400]


def test_an_arn_in_the_path_is_judged_as_it_is_decoded_once(aws: LocalAws, tagged: Store) -> None:
    arn = f"{tagged.arn}/imageset/{only(tagged)}"

    def tags(resource: str) -> Any:
        right = {"Action": "medical-imaging:ListTagsForResource", "Resource": resource}
        return User(aws, right).imaging.list_tags_for_resource(resourceArn=arn)["tags"]

    assert tags(arn) == {"team": "a"}
    with pytest.raises(Exception, match="AccessDenied"):
        tags(tagged.arn)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (b' {"tags": {"team": "b"}}', ""),
        (b'{"Tags": {"team": "a"}, "tags": {"team": "b"}}', ""),
        (b'{"tags": {"team": "b"}}', "?Tag.1.Key=team&Tag.1.Value=a"),
    ],
    ids=["a space before", "another spelling", "a query"],
)
def test_the_tags_that_are_judged_are_those_that_are_set(
    aws: LocalAws, tagged: Store, body: bytes, query: str
) -> None:
    only_a = {"StringEquals": {"aws:RequestTag/team": "a"}}
    user = User(aws, {"Action": "medical-imaging:TagResource", "Resource": "*", "Condition": only_a})
    path = f"/tags/{quote(tagged.arn, safe='')}"

    assert raw_request(aws, "POST", path, b'{"tags": {"team": "a"}}', user.keys).status == 200
    assert raw_request(aws, "POST", path + query, body, user.keys).status == 403
