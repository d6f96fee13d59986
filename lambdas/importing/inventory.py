"""S3 Inventory lists as S3 writes them: the manifest, and rows of CSV.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from lambdas.importing.files import Version

NEEDED = frozenset({"Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag"})


class InventoryError(Exception):
    """The inventory is not the one that the Data stack configures."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The keys of an inventory's files, in its own bucket, and the columns of their rows."""

    files: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far an inventory was read: `row` rows of its file number `file`, or all of it."""

    manifest: str
    file: int = 0
    row: int = 0
    is_finished: bool = False


def read_manifest(manifest: Mapping[str, Any]) -> Inventory:
    """An inventory in another format, or without a column that is needed, is refused."""
    if manifest["fileFormat"] != "CSV":
        raise InventoryError(f"the inventory is {manifest['fileFormat']}: configure CSV")
    columns = tuple(column.strip() for column in manifest["fileSchema"].split(","))
    if missing := sorted(NEEDED - set(columns)):
        raise InventoryError(f"the inventory has no {', '.join(missing)}: configure these fields")
    return Inventory(files=tuple(file["key"] for file in manifest["files"]), columns=columns)


def newest_manifest(folders: Sequence[str]) -> str | None:
    """The manifest of the newest of the folders below an inventory's: `2026-11-20T01-00Z/` among others."""
    dated = [folder for folder in folders if folder.rstrip("/").endswith("Z")]
    return max(dated) + "manifest.json" if dated else None


def to_version(columns: Sequence[str], row: Sequence[str]) -> Version:
    """A row. Keys are URL-encoded, a space as "+"; an object from before versioning has no version id."""
    given = dict(zip(columns, row, strict=True))
    return Version(
        key=unquote_plus(given["Key"]),
        version=given["VersionId"] or "null",
        modified_at=datetime.fromisoformat(given["LastModifiedDate"]),
        is_latest=given["IsLatest"] == "true",
        size=int(given["Size"] or 0),
        etag=given["ETag"],
        is_delete_marker=given["IsDeleteMarker"] == "true",
    )
