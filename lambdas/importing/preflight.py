"""What an object is, from its first bytes: is it worth a job?"""

from dataclasses import dataclass

from lambdas.importing.files import File
from lambdas.importing.routing import NO_VERSION

DICOMDIR = "DICOMDIR: an index, not an image"
JSON = "JSON, not DICOM"
GZIP = "gzip-encoded: HealthImaging reads DICOM files as they are, so upload it unpacked"
NOT_P10 = "not a DICOM file: no DICM after the first 128 bytes"
# A repeated look at the same bytes would find the same.
RULES = frozenset({DICOMDIR, JSON, GZIP, NOT_P10})
SKIPPED_RULES = frozenset({DICOMDIR, JSON})

# The preamble, DICM, and the first elements of the file meta information.
LOOK_BYTES = 512
PREAMBLE_BYTES = 128
# (0002,0002) MediaStorageSOPClassUID, VR UI, of a DICOMDIR.
MEDIA_DIRECTORY = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The beginning of an object, and its Content-Encoding."""

    beginning: bytes
    encoding: str = ""


def refusal(look: Look) -> str | None:
    """The rule that keeps the object from any job; None when HealthImaging is to judge it."""
    beginning = look.beginning
    if "gzip" in look.encoding.lower() or beginning.startswith(b"\x1f\x8b"):
        return GZIP
    if beginning[PREAMBLE_BYTES:].startswith(b"DICM"):
        return DICOMDIR if MEDIA_DIRECTORY in beginning else None
    return JSON if beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else NOT_P10


def is_redrivable(file: File) -> bool:
    """Whether another try may end otherwise."""
    return file.reason not in {*RULES, NO_VERSION}
