"""The normalised metadata document of an image set, SchemaVersion 1.1."""

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from emulator.storage import Storage

SCHEMA_VERSION = "1.1"
# json.dumps would make an encoder for each of thousands of UIDs.
COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# The quota on one import, copy or update.
LARGEST_DOCUMENT = 50 * 1024 * 1024


class TooLarge(Exception):  # noqa: N818 - what happened
    """The metadata of an image set would be larger than HealthImaging allows."""


def instance_json(
    levels_below: dict[str, Any],
    transfer_syntax_uid: str,
    image_frames: list[dict[str, Any]],
    warning_reasons: Sequence[int] = (),
) -> bytes:
    """One instance's part of the document, compressed as it is kept.

    `WarningReasons`, of an instance imported with warnings, is a member of ours: AWS says that it is
    searched by, and not where it stands.
    """
    instance = {
        **levels_below,
        "StoredTransferSyntaxUID": transfer_syntax_uid,
        "ChecksumType": "DECOMPRESSED",
        "ImageFrames": image_frames,
        **({"WarningReasons": list(warning_reasons)} if warning_reasons else {}),
    }
    return zlib.compress(_dump(instance), 1)


def metadata_file(storage: Storage, image_set_id: str, version: int) -> Path:
    """Where the metadata document that a version of an image set brought lies."""
    return storage.metadata / image_set_id[:2] / f"{image_set_id}.{version}.json.gz"


def write_document(storage: Storage, image_set_id: str, version: int, data: bytes) -> None:
    """Write the document of a version. The file is there whole or not at all. Raises TooLarge."""
    # A gzip file ends with the length of what it holds.
    length = int.from_bytes(data[-4:], "little")
    if length > LARGEST_DOCUMENT:
        raise TooLarge(f"metadata would be {length} bytes long: at most {LARGEST_DOCUMENT} are allowed")
    path = metadata_file(storage, image_set_id, version)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)


def document(
    datastore_id: str,
    image_set_id: str,
    levels: dict[str, dict[str, Any]],
    series_instance_uid: str,
    instances: Iterable[tuple[str, bytes]],
) -> bytes:
    """The gzip document. `instances` are SOP instance UIDs with what `instance_json` made of each.

    Instances are joined as text: parsing thousands only to print them again is what a merge
    would otherwise spend its time on.
    """
    head = {
        "SchemaVersion": SCHEMA_VERSION,
        "DatastoreID": datastore_id,
        "ImageSetID": image_set_id,
        "Patient": levels["Patient"],
    }
    members = b",".join(_dump(uid) + b":" + zlib.decompress(instance) for uid, instance in instances)
    series = _with_member(levels["Series"], "Instances", b"{" + members + b"}")
    # UpdateImageSetMetadata may take the last instance out, and the series with it.
    all_series = b"{" + (_dump(series_instance_uid) + b":" + series if members else b"") + b"}"
    study = _with_member(levels["Study"], "Series", all_series)
    # A fixed time stamp: the same job run again writes the same bytes.
    return gzip.compress(_with_member(head, "Study", study), compresslevel=1, mtime=0)


def _with_member(fields: dict[str, Any], name: str, value: bytes) -> bytes:
    opened = _dump(fields)[:-1]
    return opened + (b"," if fields else b"") + _dump(name) + b":" + value + b"}"


def _dump(value: Any) -> bytes:
    return COMPACT.encode(value).encode()
