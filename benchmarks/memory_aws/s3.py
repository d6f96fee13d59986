"""Versioned S3 buckets in memory, whose keys lie in S3's order."""

import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

INPUT = "input"
# Of the deployment, and of every bucket that is not said to be another's.
ACCOUNT = "000000000000"
# Short, so that every test of more than a few objects goes through several pages. S3's hold 1,000.
PAGE = 5
# After every text that a key begins with.
LAST = "\U0010ffff"

Source = tuple[str, str, str]


@dataclass(kw_only=True, slots=True)
class Stored:
    """A version, or a delete marker when `body` is None. `copied_from` is the version it is a copy of.

    `size` may be larger than the body, of which only the beginning is then kept.
    """

    bucket: str
    key: str
    version: str
    body: bytes | None
    size: int
    modified_at: datetime
    copied_from: Source | None = None
    encoding: str = ""
    is_in_parts: bool = False

    @property
    def etag(self) -> str:
        return f"{self.version}-2" if self.is_in_parts else self.version

    @property
    def source(self) -> Source:
        return self.copied_from or (self.bucket, self.key, self.version)


class MemoryS3:
    """What the import uses of a boto3 S3 client. A bucket holds each key's versions, the newest last."""

    def __init__(
        self,
        now: Callable[[], datetime],
        around: Callable[[str, Callable[[], Any]], Any] | None = None,
        page: int | None = None,
    ) -> None:
        self.buckets: dict[str, SortedDict] = defaultdict(SortedDict)
        self.tags: dict[Source, dict[str, str]] = {}
        self.owners: dict[str, str] = defaultdict(lambda: ACCOUNT)
        self.archived: set[str] = set()
        self.copies = 0
        self._now = now
        self._around = around or (lambda _, call: call())
        self._page = page
        self._numbers = itertools.count(1)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | None,
        copied_from: Source | None = None,
        encoding: str = "",
        size: int | None = None,
        begun_at: datetime | None = None,
    ) -> str:
        """Put a version and return its id; None as body puts a delete marker.

        What is uploaded in parts is listed by the time at which that was begun.
        """
        version = f"v{next(self._numbers):06d}"
        stored = Stored(
            bucket=bucket,
            key=key,
            version=version,
            body=body,
            size=len(body or b"") if size is None else size,
            modified_at=(begun_at or self._now()).replace(microsecond=0),
            copied_from=copied_from,
            encoding=encoding,
            is_in_parts=begun_at is not None,
        )
        self.buckets[bucket].setdefault(key, []).append(stored)
        return version

    def history(self, bucket: str) -> Iterator[Stored]:
        """All versions and delete markers, a key after the other."""
        for versions in self.buckets.get(bucket, {}).values():
            yield from versions

    def current(self, bucket: str, prefix: str = "") -> dict[str, Stored]:
        """What a reader of the bucket sees now, by key."""
        keys = self.buckets.get(bucket, SortedDict())
        latest = (keys[key][-1] for key in keys.irange(prefix, prefix + LAST))
        return {stored.key: stored for stored in latest if stored.body is not None}

    def holds(self, bucket: str, key: str) -> bool:
        """Whether a reader of the bucket sees the key."""
        return self._newest(bucket, key) is not None

    def forget(self, bucket: str, key: str, version: str) -> None:
        """Delete this very version."""
        versions = self.buckets[bucket][key]
        versions.remove(self._version(bucket, key, version))
        if not versions:
            del self.buckets[bucket][key]

    def get_paginator(self, operation: str) -> Any:
        assert operation in ("list_object_versions", "list_objects_v2")
        return self if operation == "list_object_versions" else _CurrentFolders(self)

    def paginate(
        self,
        Bucket: str,  # noqa: N803
        Prefix: str = "",  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        KeyMarker: str = "",  # noqa: N803
        ExpectedBucketOwner: str = ACCOUNT,  # noqa: N803
    ) -> Iterator[Any]:
        """Each page is a call, and shows the bucket as it is then; a key's versions stand on one page."""
        self._check_owner(Bucket, ExpectedBucketOwner, "ListObjectVersions")
        marker = KeyMarker
        while True:
            page, last = self._around(
                "ListObjectVersions", lambda marker=marker: self._listed(Bucket, Prefix, Delimiter, marker)
            )
            yield page
            if last is None:
                return
            marker = last

    def _listed(
        self, bucket: str, prefix: str, delimiter: str, marker: str
    ) -> tuple[dict[str, Any], str | None]:
        """One page, and the key or the common prefix that the next goes on after."""
        page: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
        found, last = 0, None
        keys = self.buckets.get(bucket, SortedDict())
        for name, versions in _entries(keys, prefix, delimiter, marker):
            if found >= (self._page or PAGE):
                return page, last
            for stored in reversed(versions):
                _describe(stored, stored is versions[-1], page)
            if not versions:
                page.setdefault("CommonPrefixes", []).append({"Prefix": name})
            found, last = found + max(1, len(versions)), name
        return page, None

    def copy_object(
        self,
        CopySource: dict[str, str],  # noqa: N803
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        ExpectedBucketOwner: str = ACCOUNT,  # noqa: N803
        ExpectedSourceBucketOwner: str = ACCOUNT,  # noqa: N803
        **_: Any,
    ) -> Any:
        def call() -> None:
            self._check_owner(Bucket, ExpectedBucketOwner, "CopyObject")
            self._check_owner(CopySource["Bucket"], ExpectedSourceBucketOwner, "CopyObject")
            source = self._version(CopySource["Bucket"], CopySource["Key"], CopySource["VersionId"])
            if source.key in self.archived:
                raise _refused("InvalidObjectState", "CopyObject")
            self.put(Bucket, Key, source.body, source.source, size=source.size)
            self.copies += 1

        return self._around("CopyObject", call)

    def get_object(
        self,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        VersionId: str = "",  # noqa: N803
        Range: str = "bytes=0-",  # noqa: N803
        ExpectedBucketOwner: str = ACCOUNT,  # noqa: N803
    ) -> Any:
        def call() -> Any:
            self._check_owner(Bucket, ExpectedBucketOwner, "GetObject")
            stored = self._version(Bucket, Key, VersionId) if VersionId else self._newest(Bucket, Key)
            if stored is None or stored.body is None:
                raise _refused("NoSuchKey", "GetObject")
            first, last = Range.removeprefix("bytes=").split("-")
            body = stored.body[int(first) : int(last) + 1 if last else None]
            answer: dict[str, Any] = {"Body": StreamingBody(io.BytesIO(body), len(body))}
            return answer | ({"ContentEncoding": stored.encoding} if stored.encoding else {})

        return self._around("GetObject", call)

    def list_object_versions(self, Bucket: str, Prefix: str, MaxKeys: int, **_: Any) -> Any:  # noqa: N803
        def call() -> Any:
            keys = self.buckets.get(Bucket, SortedDict())
            newest_first = (one for key in keys.irange(Prefix, Prefix + LAST) for one in reversed(keys[key]))
            page: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
            for stored in itertools.islice(newest_first, MaxKeys):
                _describe(stored, stored is keys[stored.key][-1], page)
            return page

        return self._around("ListObjectVersions", call)

    def delete_objects(self, Bucket: str, Delete: dict[str, Any], **_: Any) -> Any:  # noqa: N803
        def call() -> Any:
            for one in Delete["Objects"]:
                self.forget(Bucket, one["Key"], one["VersionId"])
            return {}

        return self._around("DeleteObjects", call)

    def get_object_tagging(self, Bucket: str, Key: str, VersionId: str, **_: Any) -> Any:  # noqa: N803
        def call() -> Any:
            self._version(Bucket, Key, VersionId)
            tags = self.tags.get((Bucket, Key, VersionId), {})
            return {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}

        return self._around("GetObjectTagging", call)

    def put_object_tagging(self, Bucket: str, Key: str, VersionId: str, Tagging: Any, **_: Any) -> None:  # noqa: N803
        def call() -> None:
            self._version(Bucket, Key, VersionId)
            self.tags[Bucket, Key, VersionId] = {one["Key"]: one["Value"] for one in Tagging["TagSet"]}

        self._around("PutObjectTagging", call)

    def _check_owner(self, bucket: str, expected: str, operation: str) -> None:
        if self.owners[bucket] != expected:
            raise _refused("AccessDenied", operation)

    def _newest(self, bucket: str, key: str) -> Stored | None:
        versions = self.buckets.get(bucket, {}).get(key)
        return versions[-1] if versions and versions[-1].body is not None else None

    def _version(self, bucket: str, key: str, version: str) -> Stored:
        for stored in self.buckets.get(bucket, {}).get(key, ()):
            if stored.version == version and stored.body is not None:
                return stored
        raise _refused("NoSuchVersion", "CopyObject")


class _CurrentFolders:
    """The pages of list_objects_v2, of the folders alone."""

    def __init__(self, s3: MemoryS3) -> None:
        self._s3 = s3

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str, **_: Any) -> Iterator[Any]:  # noqa: N803
        rests = (key.removeprefix(Prefix) for key in self._s3.current(Bucket, Prefix))
        folders = sorted({rest.partition(Delimiter)[0] for rest in rests if Delimiter in rest})
        yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{folder}{Delimiter}"} for folder in folders]}


def _entries(
    keys: SortedDict, prefix: str, delimiter: str, marker: str
) -> Iterator[tuple[str, list[Stored]]]:
    """Keys with their versions, and common prefixes with none, after the marker."""
    low, is_included = (prefix, marker != prefix) if marker <= prefix else (marker, False)
    if delimiter and marker > prefix and marker.endswith(delimiter):
        low = marker + LAST
    while True:
        for key in keys.irange(low, prefix + LAST, (is_included, True)):
            name, is_nested, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if is_nested:
                common = prefix + name + delimiter
                yield common, []
                low, is_included = common + LAST, False
                break
            yield key, keys[key]
        else:
            return


def _describe(stored: Stored, is_latest: bool, page: dict[str, Any]) -> None:
    described = {
        "Key": stored.key,
        "VersionId": stored.version,
        "LastModified": stored.modified_at,
        "IsLatest": is_latest,
    }
    if stored.body is None:
        page["DeleteMarkers"].append(described)
    else:
        page["Versions"].append(described | {"Size": stored.size, "ETag": f'"{stored.etag}"'})


def _refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
