"""Policy variables and TLS in IAM's evaluation, and the record of what IAM decides."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from iam_users import User, answer
from local_aws import LocalAws, Store, wait_for

from emulator.access_log import Access, AccessLog, read_accesses

OWN = {"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}}


def test_a_tag_of_the_store_that_matches_the_users_own_lets_in(aws: LocalAws) -> None:
    mine, other = Store(aws, tags={"project": "a"}), Store(aws, tags={"project": "b"})
    rights = {"Action": "medical-imaging:GetDatastore", "Resource": "*", "Condition": OWN}
    imaging = User(aws, rights, project="a").imaging

    assert answer(imaging.get_datastore, datastoreId=mine.id) == "allowed"
    assert "AccessDenied" in answer(imaging.get_datastore, datastoreId=other.id)


def test_a_user_without_the_tag_matches_no_store_without_it(aws: LocalAws, store: Store) -> None:
    rights = {"Action": "medical-imaging:GetDatastore", "Resource": "*", "Condition": OWN}

    assert "AccessDenied" in answer(User(aws, rights).imaging.get_datastore, datastoreId=store.id)


def test_what_came_to_a_proxy_without_tls_is_denied_where_tls_is_demanded(
    aws: LocalAws, store: Store
) -> None:
    arns = [f"arn:aws:s3:::{store.bucket}", f"arn:aws:s3:::{store.bucket}/*"]
    no_plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": arns,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [no_plain]})
    store.s3.put_bucket_policy(Bucket=store.bucket, Policy=policy)
    s3 = User(aws, {"Action": "s3:ListBucket", "Resource": arns[0]}).client("s3")

    assert answer(s3.list_objects_v2, Bucket=store.bucket) == "allowed"
    s3.meta.events.register(
        "before-sign.s3.*", lambda request, **_: request.headers.add_header("x-forwarded-proto", "http")
    )
    assert answer(s3.list_objects_v2, Bucket=store.bucket) == "AccessDenied"


def test_no_header_tells_where_a_request_comes_from(aws: LocalAws, store: Store) -> None:
    def told(address: str) -> str:
        rights = {"Action": "medical-imaging:GetDatastore", "Resource": "*"}
        imaging = User(aws, {**rights, "Condition": {"IpAddress": {"aws:SourceIp": address}}}).imaging
        imaging.meta.events.register(
            "before-sign.medical-imaging.*",
            lambda request, **_: request.headers.add_header("x-forwarded-for", "203.0.113.7"),
        )
        return answer(imaging.get_datastore, datastoreId=store.id)

    assert told("127.0.0.1/32") == "allowed"
    assert told("203.0.113.7/32") == "AccessDeniedException"


def test_what_iam_decides_is_written_down(aws: LocalAws, store: Store) -> None:
    rights = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{store.bucket}/in/*"}
    s3 = User(aws, rights).client("s3")
    store.upload({"in/name": b"x", "out/name": b"x"})

    assert answer(s3.get_object, Bucket=store.bucket, Key="in/name") == "allowed"
    assert answer(s3.get_object, Bucket=store.bucket, Key="out/name") == "AccessDenied"

    def written() -> set[Access]:
        accesses = read_accesses(aws.state / "access.ndjson")
        return {one for one in accesses if store.bucket in one.resource and ":user/" in one.principal}

    found = wait_for(lambda: written() if len(written()) == 2 else None)
    assert {(one.resource, one.allowed) for one in found} == {
        (f"arn:aws:s3:::{store.bucket}/in/*", True),
        (f"arn:aws:s3:::{store.bucket}/...", False),
    }


def test_an_access_is_written_once_and_as_the_role_of_its_session(tmp_path: Any) -> None:
    log = AccessLog(tmp_path / "log")
    for session in ("a", "b"):
        arn = f"arn:aws:sts::000000000000:assumed-role/reader/{session}"
        log.add(arn, "s3:GetObject", "arn:aws:s3:::b/*", allowed=True)

    assert len((tmp_path / "log").read_text().splitlines()) == 1
    (access,) = read_accesses(tmp_path / "log")
    assert access.principal == "arn:aws:iam::000000000000:role/reader"


def test_a_denial_names_its_request_and_the_resource(aws: LocalAws, store: Store) -> None:
    with pytest.raises(ClientError) as denied:
        User(aws, {"Action": "s3:ListBucket", "Resource": "*"}).imaging.get_datastore(datastoreId=store.id)

    about = denied.value.response["ResponseMetadata"]
    assert uuid.UUID(about["RequestId"])
    assert (about["HTTPStatusCode"], about["HTTPHeaders"]["content-type"]) == (403, "application/json")
    reason = "because no identity-based policy allows the medical-imaging:GetDatastore action"
    assert f"medical-imaging:GetDatastore on resource: {store.arn} {reason}" in str(denied.value)


def test_a_denial_of_another_service_names_its_request_too(aws: LocalAws) -> None:
    sqs = User(aws, {"Action": "s3:ListBucket", "Resource": "*"}).client("sqs")

    with pytest.raises(ClientError, match="AccessDenied") as denied:
        sqs.list_queues()
    assert uuid.UUID(denied.value.response["ResponseMetadata"]["RequestId"])
