"""Copies out of another account's bucket: MiniStack lets them pass, and looks for the source in its own."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core import responses
from ministack.services import s3

Answer = tuple[int, dict[str, str], Any]
SOURCE, RANGE = "x-amz-copy-source", "x-amz-copy-source-range"
KEPT = ("content-type", "content-encoding", "cache-control", "content-disposition", "x-amz-meta-")


def copying_objects(copy: Callable[..., Answer]) -> Callable[..., Answer]:
    @functools.wraps(copy)
    def copy_object(bucket: str, key: str, headers: dict[str, str]) -> Answer:
        if not _foreign_owner(headers):
            return copy(bucket, key, headers)
        status, found, body = _read(headers)
        if status >= 400:
            return status, found, body
        kept = {name.lower(): value for name, value in found.items() if name.lower().startswith(KEPT)}
        status, answered, _ = s3._put_object(bucket, key, body, kept)
        return _result("CopyObjectResult", status, answered)

    return copy_object


def copying_parts(copy: Callable[..., Answer]) -> Callable[..., Answer]:
    @functools.wraps(copy)
    def upload_part_copy(bucket: str, key: str, query: dict[str, Any], headers: dict[str, str]) -> Answer:
        if not _foreign_owner(headers):
            return copy(bucket, key, query, headers)
        status, found, body = _read(headers)
        if status >= 400:
            return status, found, body
        # MiniStack knows no range of an old version.
        first, _, last = headers.get(RANGE, f"bytes=0-{len(body)}").removeprefix("bytes=").partition("-")
        status, answered, _ = s3._upload_part(bucket, key, body[int(first) : int(last) + 1], query, {})
        return _result("CopyPartResult", status, answered)

    return upload_part_copy


def _foreign_owner(headers: dict[str, str]) -> str | None:
    name = unquote(headers[SOURCE].partition("?")[0]).lstrip("/").partition("/")[0]
    owner: str | None = s3._bucket_owner_account(name)
    return None if owner == responses.get_account_id() else owner


def _read(headers: dict[str, str]) -> Answer:
    """The source, which the gate in front of every request to S3 has let pass."""
    path, _, query = headers[SOURCE].partition("?")
    name, _, key = unquote(path).lstrip("/").partition("/")
    with responses.request_scope(_foreign_owner(headers) or "", responses.get_region()):
        answer: Answer = s3._get_object(name, key, {}, parse_qs(query))
    return answer


def _result(kind: str, status: int, answered: dict[str, str]) -> Answer:
    root = s3.Element(kind, xmlns=s3.S3_NS)
    s3.SubElement(root, "ETag").text = answered["ETag"]
    s3.SubElement(root, "LastModified").text = s3.now_iso()
    told = {name: value for name, value in answered.items() if name.lower().startswith("x-amz-")}
    return status, {**told, "Content-Type": "application/xml"}, s3._xml_body(root)
