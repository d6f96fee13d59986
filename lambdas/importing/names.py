"""A job's name, and where the copies that it reads lie."""

from collections.abc import Iterable
from hashlib import blake2b

from lambdas.importing.files import File

KEY_TOO_LONG = "key too long to be copied to staging"

S3_KEY_BYTES = 1024


def job_name(deployment: str, files: Iterable[File]) -> str:
    """The same for the same versions of the same attempt, and for nothing else.

    It is the clientToken too: both allow these characters, up to 64 of them.
    """
    digest = blake2b(digest_size=16)
    for file in files:
        for part in (file.bucket, file.key, file.version, f"{file.attempts}.{file.redriven}"):
            digest.update(len(part.encode()).to_bytes(4, "big") + part.encode())
    return f"ahi-{deployment}-{digest.hexdigest()}"


def staging_folder(store: str, job: str) -> str:
    """Where the copies of a job's files lie, its batch and nothing else: its store's role may read that."""
    return f"{store}/{job}/"


def fits_staging(folder: str, file: File) -> bool:
    return len((folder + file.key).encode()) <= S3_KEY_BYTES
