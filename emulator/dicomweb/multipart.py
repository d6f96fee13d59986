"""multipart/related bodies (RFC 2387): written for retrieval, read for storage."""

import secrets
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emulator.errors import ValidationException


class Part(NamedTuple):
    """A part to be written."""

    content_type: str
    body: bytes | memoryview
    location: str | None = None


def written(parts: Iterable[Part], kind: str) -> tuple[str, bytes]:
    """The Content-Type and the body. `kind` is the media type of the parts."""
    boundary = secrets.token_hex(16)
    pieces = [piece for part in parts for piece in (_head(part, boundary), part.body, b"\r\n")]
    content_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return content_type, b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _head(part: Part, boundary: str) -> bytes:
    location = f"Content-Location: {part.location}\r\n" if part.location else ""
    size = f"Content-Length: {len(part.body)}\r\n"
    return f"--{boundary}\r\nContent-Type: {part.content_type}\r\n{location}{size}\r\n".encode()


class Span(NamedTuple):
    """A part that was read: where in the body its content lies."""

    content_type: str
    start: int
    size: int


def read(body: bytes, boundary: str) -> Iterator[Span]:
    """Find the parts. Raises ValidationException when the body is cut off."""
    if not boundary:
        raise ValidationException("the Content-Type names no boundary")
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    position = _after(
        body, delimiter, 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    )
    while body[position : position + 2] != b"--":
        end = body.find(b"\r\n" + delimiter, position)
        head = body.find(b"\r\n\r\n", position, end + 2)
        if end < 0 or head < 0:
            raise ValidationException("the multipart body ends before its last boundary")
        yield Span(_content_type(body[position:head]), head + 4, max(0, end - head - 4))
        position = end + 2 + len(delimiter)


def _after(body: bytes, delimiter: bytes, position: int) -> int:
    if not body.startswith(delimiter, position):
        raise ValidationException("the body does not hold the boundary that its Content-Type names")
    return position + len(delimiter)


def _content_type(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.strip()
    return "application/octet-stream"
