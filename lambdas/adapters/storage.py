"""S3 as the import needs it: what lies under a prefix, copies to staging, and lists read as streams."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.importing.files import File, Version, split_key
from lambdas.importing.preflight import LOOK_BYTES, Look

# CopyObject answers when the copy is made: larger objects go in parts, at the same time.
WHOLE_COPY_BYTES = 64 * 1024 * 1024

DELETED_AT_ONCE = 1000
# So many old versions and delete markers are gone through for what is current: more take longer than a start.
MOST_HISTORY = 20_000

# Gone, or its own key or class keeps it from us: the plan sees the one, HealthImaging judges the other.
NOT_TO_BE_HAD = {"NoSuchKey", "NoSuchVersion", "AccessDenied", "InvalidObjectState", "MethodNotAllowed"}
NO_SUCH_OBJECT = {"NoSuchKey", "NoSuchVersion", "404"}
FORBIDDEN = {"AccessDenied", "403"}
# In an archive class, with which no retry helps before somebody restores it.
ARCHIVED = "InvalidObjectState"


class CopyRefusedError(Exception):
    """S3 does not let this object be copied, and may well let others. The text is its code."""


class Storage:
    """S3 through botocore clients: that of our Region, and those for the buckets that lie `elsewhere`.

    `owner` tells the account that a bucket must belong to, as names of deleted buckets are free to anybody:
    S3 refuses what is asked of another's. Without it any account's bucket of that name is read.
    """

    def __init__(
        self,
        client: Any,
        *,
        owner: Callable[[str], str] | None = None,
        elsewhere: Mapping[str, Any] | None = None,
    ) -> None:
        self._here, self._elsewhere, self._owner = client, elsewhere or {}, owner

    def _client(self, bucket: str) -> Any:
        return self._elsewhere.get(bucket, self._here)

    def _at(self, bucket: str) -> dict[str, str]:
        return {"Bucket": bucket, **self._expected("ExpectedBucketOwner", bucket)}

    def _expected(self, parameter: str, bucket: str) -> dict[str, str]:
        return {parameter: self._owner(bucket)} if self._owner else {}

    def right_under(self, bucket: str, folder: str, most: int) -> list[Version] | None:
        """The current versions in a folder, without those in folders of its own; None when more than `most`
        lie there, or too many that are not current."""
        return self._few(self._pages(bucket, Prefix=folder, Delimiter="/"), most, lambda version: True)

    def named(self, bucket: str, folder: str, names: Collection[str]) -> list[Version]:
        """The current versions of these names in a folder, of which no more than lies between is listed."""
        first, last, wanted = min(names), max(names), {folder + name for name in names}
        current: list[Version] = []
        for page in self._pages(bucket, Prefix=folder, Delimiter="/", KeyMarker=folder + first[:-1]):
            found = list(_versions(page))
            current += [one for one in found if one.key in wanted and _is_current(one)]
            if found and max(one.key for one in found) > folder + last:
                break
        return current

    def under(self, bucket: str, prefix: str, folders: Collection[str], most: int) -> list[Version] | None:
        """The current versions under a prefix; None when more than `most` lie there, too many that are not
        current, or one in a folder that is not among `folders`."""
        pages = self._pages(bucket, Prefix=prefix)
        return self._few(pages, most, lambda version: split_key(version.key)[0] in folders)

    def _few(
        self, pages: Iterable[dict[str, Any]], most: int, is_wanted: Callable[[Version], bool]
    ) -> list[Version] | None:
        """The current versions; None as soon as there are too many of any kind, or one that is not wanted."""
        current: list[Version] = []
        listed = 0
        for page in pages:
            found = list(_versions(page))
            listed += len(found)
            new = list(filter(_is_current, found))
            current += new
            if len(current) > most or listed > most + MOST_HISTORY or not all(map(is_wanted, new)):
                return None
        return current

    def versions(self, bucket: str, prefix: str) -> Iterator[Version]:
        """All versions and delete markers under a prefix."""
        for page in self._pages(bucket, Prefix=prefix):
            yield from _versions(page)

    def pages(self, bucket: str, after_key: str | None, prefix: str = "") -> Iterator[list[Version]]:
        """The versions under a prefix a page at a time, going on after a key."""
        start = {"KeyMarker": after_key} if after_key else {}
        for page in self._pages(bucket, Prefix=prefix, **start):
            yield list(_versions(page))

    def folders(self, bucket: str, prefix: str) -> Iterator[str]:
        """The folders right under a prefix."""
        pages = (
            self._client(bucket)
            .get_paginator("list_objects_v2")
            .paginate(**self._at(bucket), Prefix=prefix, Delimiter="/")
        )
        for page in pages:
            yield from (found["Prefix"] for found in page.get("CommonPrefixes", []))

    def copy(self, file: File, bucket: str, key: str) -> bool:
        """Copy this very version; False when it is gone. Making the same copy again changes nothing.

        Raises CopyRefusedError where its key, its class or its owner keeps it from us.
        """
        source = {"Bucket": file.bucket, "Key": file.key, "VersionId": file.version}
        try:
            if file.size > WHOLE_COPY_BYTES:
                _copy_in_parts(self._client(bucket), self._client(file.bucket), source, bucket, key)
            else:
                # An object's tags are not HealthImaging's business, and reading them is a right of its own.
                self._client(bucket).copy_object(
                    CopySource=source,
                    **self._at(bucket),
                    **self._expected("ExpectedSourceBucketOwner", file.bucket),
                    Key=key,
                    TaggingDirective="REPLACE",
                )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if self._is_gone(file, code):
                return False
            if code in {*FORBIDDEN, ARCHIVED} or code.startswith("KMS."):
                raise CopyRefusedError(code) from None
            raise
        return True

    def _is_gone(self, file: File, code: str) -> bool:
        """To who may list a part of a bucket only, S3 says that what is gone is forbidden."""
        if code in FORBIDDEN:
            versions = self.versions(file.bucket, file.key)
            return not any((one.key, one.version) == (file.key, file.version) for one in versions)
        return code in NO_SUCH_OBJECT

    def is_there(self, bucket: str, key: str) -> bool:
        return any(_is_current(one) for one in self._newest(bucket, key, 1))

    def hides_another(self, bucket: str, version: Version) -> bool:
        """Whether an older version, or a delete marker, would become current if this one were deleted."""
        newest = self._newest(bucket, version.key, 2)
        return len(newest) > 1 and newest[0].version == version.version

    def _newest(self, bucket: str, key: str, most: int) -> list[Version]:
        """Its newest versions and delete markers: S3 lists them newest first, and longer keys after them."""
        answer = self._client(bucket).list_object_versions(**self._at(bucket), Prefix=key, MaxKeys=most)
        found = [version for version in _versions(answer) if version.key == key]
        return sorted(found, key=lambda one: one.is_latest, reverse=True)

    def delete(self, bucket: str, versions: Sequence[Version]) -> int:
        """Delete these very versions, which leaves no delete marker; how many S3 did not delete."""
        left = 0
        for at in range(0, len(versions), DELETED_AT_ONCE):
            objects = [
                {"Key": one.key, "VersionId": one.version} for one in versions[at : at + DELETED_AT_ONCE]
            ]
            answer = self._client(bucket).delete_objects(
                **self._at(bucket), Delete={"Objects": objects, "Quiet": True}
            )
            left += len(answer.get("Errors", []))
        return left

    def tag(self, file: File, key: str, value: str) -> None:
        """Put a tag on this very version beside those it has."""
        client, source = self._client(file.bucket), {"Key": file.key, "VersionId": file.version}
        source |= self._at(file.bucket)
        tags = {one["Key"]: one["Value"] for one in client.get_object_tagging(**source)["TagSet"]}
        if tags.get(key) != value:
            tag_set = [{"Key": name, "Value": of} for name, of in {**tags, key: value}.items()]
            client.put_object_tagging(**source, Tagging={"TagSet": tag_set})

    def look(self, file: File) -> Look | None:
        """The first bytes of this very version; None when they cannot be had, so that they tell nothing."""
        try:
            answer = self._client(file.bucket).get_object(
                **self._at(file.bucket),
                Key=file.key,
                VersionId=file.version,
                Range=f"bytes=0-{LOOK_BYTES - 1}",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in NOT_TO_BE_HAD or code.startswith("KMS."):
                return None
            raise
        return Look(beginning=answer["Body"].read(), encoding=answer.get("ContentEncoding", ""))

    def document(self, bucket: str, key: str) -> dict[str, Any] | None:
        """A JSON object, or None when it is not there."""
        body = self.body(bucket, key)
        return dict(json.load(body)) if body else None

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """The lines of an object, as a stream; none when it is not there."""
        body = self.body(bucket, key)
        if body:
            yield from body.iter_lines()

    def body(self, bucket: str, key: str) -> Any:
        """An object as a stream, or None when it is not there."""
        try:
            return self._client(bucket).get_object(**self._at(bucket), Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in NO_SUCH_OBJECT:
                return None
            raise

    def _pages(self, bucket: str, **request: Any) -> Iterator[dict[str, Any]]:
        paginator = self._client(bucket).get_paginator("list_object_versions")
        yield from paginator.paginate(**self._at(bucket), **request)


def _copy_in_parts(client: Any, source_client: Any, source: dict[str, str], bucket: str, key: str) -> None:
    """s3transfer takes no owner of the source; the function's policy names the one of a partner's bucket."""
    # Imported here: few jobs hold a file so large, and every start of a function would pay for it.
    from s3transfer.manager import TransferManager  # type: ignore[import-untyped]

    with TransferManager(client) as manager:
        manager.copy(source, bucket, key, source_client=source_client).result()


def _is_current(version: Version) -> bool:
    return version.is_latest and not version.is_delete_marker


def _versions(page: dict[str, Any]) -> Iterator[Version]:
    for entry in page.get("Versions", []):
        yield Version(
            key=entry["Key"],
            version=entry["VersionId"],
            modified_at=entry["LastModified"],
            is_latest=entry["IsLatest"],
            size=entry["Size"],
            etag=entry["ETag"].strip('"'),
        )
    for entry in page.get("DeleteMarkers", []):
        yield Version(
            key=entry["Key"],
            version=entry["VersionId"],
            modified_at=entry["LastModified"],
            is_latest=entry["IsLatest"],
            is_delete_marker=True,
        )
