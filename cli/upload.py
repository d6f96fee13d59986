"""`ahi upload`: a folder's files into the input bucket, each content once."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError
from rich.progress import track

from cli import deployed, options, output
from cli.errors import CommandError

AT_ONCE = 16
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """How many files went up, and how many were there already with the same content."""

    bucket: str
    prefix: str
    uploaded: int
    skipped: int
    bytes: int


def upload(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder whose files go up, recursively")
    ],
    prefix: Annotated[str, typer.Option(help="What goes before each key")] = "",
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    json: options.Json = False,
) -> None:
    """Upload DIR to the input bucket. A file that it sent before with the same content is not sent again.

    What else put it there left no checksum to compare: such a file is sent, and becomes a new version.
    """
    files = files_under(directory)
    found = deployed.find(deployment, aws=aws, role="importer")
    result = upload_files(found.client("s3"), found.input_bucket, directory, files, with_slash(prefix))
    if json:
        output.write_json(asdict(result))
        return
    output.facts().print(
        f"{result.uploaded} files uploaded ({result.bytes:,} bytes), {result.skipped} already there",
        soft_wrap=True,
    )


def files_under(directory: Path) -> list[Path]:
    """Every file below `directory`, in a fixed order."""
    if not directory.is_dir():
        raise CommandError(f"{directory} is not a folder", "give the folder that holds the DICOM files")
    found = sorted(path for path in directory.rglob("*") if path.is_file())
    if not found:
        raise CommandError(f"{directory} holds no files", "give the folder that holds the DICOM files")
    return found


def with_slash(prefix: str) -> str:
    """`prefix` as the start of keys: empty, or ending in a slash."""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def upload_files(s3: Any, bucket: str, directory: Path, files: list[Path], prefix: str) -> Uploaded:
    """Send each file whose content is not yet at its key; the sha256 is kept as the object's metadata."""
    there = sizes(s3, bucket, prefix)

    def to_send(path: Path) -> tuple[Path, str, str | None]:
        key, digest = prefix + path.relative_to(directory).as_posix(), sha256(path)
        same = there.get(key) == path.stat().st_size and stored_sha256(s3, bucket, key) == digest
        return path, key, None if same else digest

    sent: list[int] = []
    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        create_transfer_manager(s3, TransferConfig(max_concurrency=AT_ONCE)) as manager,
    ):
        futures = []
        for path, key, digest in progressing(pool.map(to_send, files), len(files)):
            if digest is not None:
                sent.append(path.stat().st_size)
                extra = {"Metadata": {"sha256": digest}}
                futures.append(manager.upload(str(path), bucket, key, extra_args=extra))
        for future in futures:
            future.result()
    return Uploaded(
        bucket=bucket, prefix=prefix, uploaded=len(sent), skipped=len(files) - len(sent), bytes=sum(sent)
    )


def progressing(items: Iterator[T], total: int) -> Iterable[T]:
    console = output.progress()
    return track(
        items, "uploading", total=total, console=console, transient=True, disable=not console.is_terminal
    )


def sizes(s3: Any, bucket: str, prefix: str) -> dict[str, int]:
    """The keys under `prefix` with their sizes."""
    return {found["Key"]: found["Size"] for found in listed(s3, bucket, prefix)}


def listed(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stored_sha256(s3: Any, bucket: str, key: str) -> str | None:
    """The sha256 that an upload before left with the object."""
    try:
        metadata: dict[str, str] = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return None
        raise
    return metadata.get("sha256")
