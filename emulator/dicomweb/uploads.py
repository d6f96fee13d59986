"""What STOW-RS hands to its worker processes, and what they hand back."""

from typing import NamedTuple

from emulator.imports.outcomes import Imported

# PS3.18 I.2.2 and PS3.4 B.2.3: why an instance was not stored.
PROCESSING_FAILURE = 0x0110
NOT_OF_THE_STUDY = 0xA900
CANNOT_UNDERSTAND = 0xC000


class Upload(NamedTuple):
    """One part of a request, at a place in a file. `study_instance_uid` is the one it must be of, if any.

    `transcode`: see `importing.import_instance`.
    """

    file: str
    start: int
    size: int
    key: str
    request_id: str
    frames: str
    lossless_format: str
    study_instance_uid: str | None
    transcode: bool = True


class Stored(NamedTuple):
    sop_class_uid: str
    imported: Imported


class Failed(NamedTuple):
    """An instance that is not stored. Its UIDs are None where they could not be read."""

    sop_class_uid: str | None
    sop_instance_uid: str | None
    reason: int
