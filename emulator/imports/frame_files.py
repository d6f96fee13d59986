"""The file that the frames of one object lie in, named so that the same job writes the same file again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def frame_name(job_id: str, key: str) -> str:
    """What tells the object apart from all others of all jobs."""
    return hashlib.sha256(f"{job_id}/{key}".encode()).hexdigest()[:32]


def frame_file(name: str) -> str:
    """The path below the folder of all frames. One folder would be slow with millions."""
    return f"{name[:2]}/{name}"


def discard(frames: Path, job_id: str, keys: Iterable[str]) -> None:
    """Delete what a job wrote for objects that no image set takes in."""
    for key in keys:
        (frames / frame_file(frame_name(job_id, key))).unlink(missing_ok=True)
