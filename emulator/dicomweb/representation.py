"""The transfer syntaxes and media types that an instance or its frames may be handed out in."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.dicomweb.accept import MediaType

IMPLICIT_VR, EXPLICIT_VR = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
NATIVE = {IMPLICIT_VR, EXPLICIT_VR, DEFLATED, BIG_ENDIAN}
AS_STORED = "*"
OCTETS = "application/octet-stream"
# PS3.18 8.7.3: what a frame of each syntax is to a browser.
IMAGES = {
    **dict.fromkeys(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"), "image/jpeg"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"), "image/jpeg"),
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys(("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"), "image/jls"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"), "image/jp2"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"), "image/jpx"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{last}" for last in (201, 202, 203)), "image/jphc"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{last}" for last in (110, 111, 112)), "image/jxl"),
}


class Place(NamedTuple):
    """Where a frame lies."""

    file: str
    start: int
    size: int


class Rendering(NamedTuple):
    """What a worker process is to make: a P10 file, or the frames at `places`, in `transfer_syntax_uid`.

    `apart` is where values lie that metadata holds but the hash of.
    """

    attributes: Mapping[str, Any]
    vrs: Mapping[str, str]
    stored_syntax_uid: str
    transfer_syntax_uid: str
    places: list[Place]
    is_whole: bool
    apart: Mapping[str, Place] = {}


# The bytes of each, or why there are none.
Rendered = list[bytes] | str


def instance_syntax(asked: MediaType, stored: str) -> str | None:
    """The syntax of an instance, asked for as that type; None when it cannot be had."""
    if not asked.may_be("application/dicom"):
        return None
    return _syntax(asked, stored, default=EXPLICIT_VR)


def frame_syntax(asked: MediaType, stored: str) -> tuple[str, str] | None:
    """The syntax of frames, asked for as that type, and their media type; None when they cannot be had.

    `image/jphc` and its like ask for what is stored, octets for decoded frames unless they say otherwise.
    """
    if asked.may_be(OCTETS):
        syntax = _syntax(asked, stored, default=EXPLICIT_VR)
        return (syntax, OCTETS) if syntax else None
    image = IMAGES.get(stored)
    if image is None or not asked.may_be(image):
        return None
    syntax = _syntax(asked, stored, default=stored)
    return (syntax, image) if syntax == stored else None


def _syntax(asked: MediaType, stored: str, default: str) -> str | None:
    wanted = asked.parameters.get("transfer-syntax", default)
    if wanted == AS_STORED:
        return stored
    return wanted if wanted in (EXPLICIT_VR, stored) else None
