"""The rights to KMS keys that S3 needs for an object: MiniStack asks for none of them."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import iam_actions, responses
from ministack.services import kms, s3

KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


def with_keys_of_objects(checks: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack's S3 asks for no right to the key of an object, without which a role on AWS reads nothing."""

    @functools.wraps(checks)
    def s3_additional_checks(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> list[tuple[str, str]]:
        bucket, _, key = path.lstrip("/").partition("/")
        found: list[tuple[str, str]] = checks(method, path, headers, body, query)
        return found + [
            (action, key_arn)
            for action, key_arn in _uses_of_keys(method, path, headers, query, bucket, key)
            if key and key_arn
        ]

    return s3_additional_checks


def _uses_of_keys(
    method: str, path: str, headers: dict[str, str], query: dict[str, Any], bucket: str, key: str
) -> Iterator[tuple[str, str | None]]:
    action = iam_actions._s3_action(method, path, query)
    if method == "GET" and action in ("GetObject", "GetObjectVersion"):
        yield "kms:Decrypt", _key_of_object(bucket, key, s3._qp(query, "versionId", ""))
    if action != "PutObject":
        return
    encryption, _ = s3._resolve_sse_write_headers(headers, bucket)
    written_with = _customer_key(responses.get_account_id(), (encryption or {}).get(KEY_HEADER))
    yield "kms:GenerateDataKey", written_with
    # The parts of an upload are read again to make the object.
    if "uploads" in query or "uploadId" in query:
        yield "kms:Decrypt", written_with
    if source := iam_actions._s3_source_object(headers):
        arn, version_id = source
        name, _, source_key = arn.removeprefix("arn:aws:s3:::").partition("/")
        yield "kms:Decrypt", _key_of_object(name, source_key, version_id)


def _key_of_object(bucket: str, key: str, version_id: str) -> str | None:
    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        return None
    found = s3._buckets.get_scoped(owner, None, bucket)["objects"].get(key)
    all_versions = s3._object_versions.get_scoped(owner, None, (bucket, key), [])
    versions = [each for each in all_versions if each["version_id"] == version_id]
    stored = versions[0] if versions else found
    return _customer_key(owner, s3._stored_sse_headers(stored).get(KEY_HEADER)) if stored else None


def _customer_key(owner: str, key_id: str | None) -> str | None:
    """The ARN of the key that a bucket of `owner` names, unless it is one of AWS's own."""
    if not key_id:
        return None
    is_arn = key_id.startswith("arn:")
    region, account = key_id.split(":")[3:5] if is_arn else (responses.get_region(), owner)
    with responses.request_scope(account, region):
        key = kms._resolve_key(key_id)
    # Everybody of the account may use AWS's own keys.
    return key["Arn"] if key and key.get("KeyManager") != "AWS" else None


def of_every_account(policy_for: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack finds the policy of a key of the caller's own account alone."""

    @functools.wraps(policy_for)
    def key_policy_for_arn(arn: str) -> Any:
        region, account = arn.split(":")[3:5]
        with responses.request_scope(account, region):
            return policy_for(arn)

    return key_policy_for_arn
