"""Versioned S3 buckets in memory."""

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

PAGE = 5


@dataclass(kw_only=True)
class Stored:
    """A version, or a delete marker when `body` is None. `source` is the version it is a copy of."""

    key: str
    version: str
    body: bytes | None
    modified_at: datetime
    source: tuple[str, str, str]
    encoding: str = ""


class MemoryS3:
    """What the import uses of a boto3 S3 client."""

    def __init__(
        self, now: Callable[[], datetime], around: Callable[[str, Callable[[], Any]], Any] | None = None
    ) -> None:
        self.buckets: dict[str, list[Stored]] = {}
        self.copies = 0
        self._now = now
        self._around = around or (lambda _, call: call())
        self._numbers = itertools.count(1)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | None,
        source: tuple[str, str, str] | None = None,
        encoding: str = "",
    ) -> str:
        """Put a version and return its id; None as body puts a delete marker."""
        version = f"v{next(self._numbers):06d}"
        stored = Stored(
            key=key,
            version=version,
            body=body,
            modified_at=self._now().replace(microsecond=0),
            source=source or (bucket, key, version),
            encoding=encoding,
        )
        self.buckets.setdefault(bucket, []).append(stored)
        return version

    def current(self, bucket: str, prefix: str = "") -> dict[str, Stored]:
        """What a reader of the bucket sees now, by key."""
        latest = {stored.key: stored for stored in self.buckets.get(bucket, [])}
        return {
            key: stored
            for key, stored in sorted(latest.items())
            if key.startswith(prefix) and stored.body is not None
        }

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_object_versions"
        return self

    def paginate(
        self,
        Bucket: str,  # noqa: N803
        Prefix: str = "",  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        KeyMarker: str = "",  # noqa: N803
    ) -> Iterator[Any]:
        def call() -> list[Any]:
            history = self.buckets.get(Bucket, [])
            latest = {stored.key: stored.version for stored in history}
            newest_first = list(reversed(history))
            entries = sorted(newest_first, key=lambda stored: stored.key.encode())
            entries = [one for one in entries if one.key.startswith(Prefix) and one.key > KeyMarker]
            nested = {one.key for one in entries if Delimiter and Delimiter in one.key[len(Prefix) :]}
            entries = [one for one in entries if one.key not in nested]
            pages = [entries[at : at + PAGE] for at in range(0, len(entries), PAGE)] or [[]]
            return [_page(page, latest, bool(nested)) for page in pages]

        return iter(self._around("ListObjectVersions", call))

    def copy_object(self, CopySource: dict[str, str], Bucket: str, Key: str, **_: Any) -> Any:  # noqa: N803
        def call() -> None:
            source = self._version(CopySource["Bucket"], CopySource["Key"], CopySource["VersionId"])
            self.put(Bucket, Key, source.body, source.source)
            self.copies += 1

        return self._around("CopyObject", call)

    def get_object(self, Bucket: str, Key: str, VersionId: str = "", Range: str = "bytes=0-") -> Any:  # noqa: N803
        def call() -> Any:
            stored = self._version(Bucket, Key, VersionId) if VersionId else self.current(Bucket).get(Key)
            if stored is None or stored.body is None:
                raise _no_such("NoSuchKey", "GetObject")
            first, last = Range.removeprefix("bytes=").split("-")
            body = stored.body[int(first) : int(last) + 1 if last else None]
            answer: dict[str, Any] = {"Body": StreamingBody(io.BytesIO(body), len(body))}
            return answer | ({"ContentEncoding": stored.encoding} if stored.encoding else {})

        return self._around("GetObject", call)

    def _version(self, bucket: str, key: str, version: str) -> Stored:
        for stored in self.buckets.get(bucket, []):
            if (stored.key, stored.version) == (key, version) and stored.body is not None:
                return stored
        raise _no_such("NoSuchVersion", "CopyObject")


def _page(entries: list[Stored], latest: dict[str, str], nested: bool) -> dict[str, Any]:
    def described(one: Stored) -> dict[str, Any]:
        return {
            "Key": one.key,
            "VersionId": one.version,
            "LastModified": one.modified_at,
            "IsLatest": latest[one.key] == one.version,
        }

    page: dict[str, Any] = {
        "Versions": [
            {**described(one), "Size": len(one.body), "ETag": f'"{one.version}"'}
            for one in entries
            if one.body is not None
        ],
        "DeleteMarkers": [described(one) for one in entries if one.body is None],
    }
    if nested:
        page["CommonPrefixes"] = [{"Prefix": "nested/"}]
    return page


def _no_such(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
