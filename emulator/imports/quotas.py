"""What one import job may hold. More than that ends it FAILED, as a message and not as an API error."""

from collections.abc import Iterable

FILES = 5_000
FOLDERS = 10_000
BYTES = 10 * 1024**3
BYTES_OF_A_FILE = 10 * 1024**3


class QuotaExceeded(Exception):  # noqa: N818 - what happened
    """The input holds more than one job may."""


def within_quotas(objects: Iterable[tuple[str, int]], prefix: str) -> list[str]:
    """The keys of a job's input, `objects` being key and size. Raises QuotaExceeded at the first excess."""
    keys: list[str] = []
    folders: set[str] = set()
    total = 0
    for key, size in objects:
        keys.append(key)
        folders.update(_folders(key.removeprefix(prefix)))
        total += size
        _check("FILE_COUNTS", len(keys), FILES, "files")
        _check("FOLDER_COUNTS", len(folders), FOLDERS, "folders")
        _check("FILE_SIZE", size, BYTES_OF_A_FILE, "bytes in one file")
        _check("TOTAL_SIZE", total, BYTES, "bytes")
    return keys


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: depth + 1]) for depth in range(len(parts)))


def _check(quota: str, given: int, allowed: int, what: str) -> None:
    if given > allowed:
        raise QuotaExceeded(f"{quota}_LIMIT_EXCEEDED: an import job takes at most {allowed} {what}")
