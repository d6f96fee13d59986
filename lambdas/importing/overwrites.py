"""What a new version of a key does when another version of it is already imported."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from lambdas.importing.files import File, Status, Version, failed, skipped

OLDER = "older than the version that is imported"
IGNORED = "another version is imported, and overwrites are ignored here"
REJECTED = "another version is imported, and overwrites are rejected here"


class Overwrites(StrEnum):
    """IMPORT it over the other one, IGNORE it (skipped) or REJECT it (failed)."""

    IMPORT = "import"
    IGNORE = "ignore"
    REJECT = "reject"


def policy_for(key: str, policies: Mapping[str, Overwrites]) -> Overwrites:
    """The policy of the longest prefix that the key begins with; IMPORT where there is none."""
    prefixes = [prefix for prefix in policies if key.startswith(prefix)]
    return policies[max(prefixes, key=len)] if prefixes else Overwrites.IMPORT


def settle_overwrites(
    rows: Iterable[File], current: Iterable[Version], policies: Mapping[str, Overwrites], now: datetime
) -> tuple[File, ...]:
    """The waiting files of a folder that are not to be imported, with their fate; `current` is what S3 lists.

    Only an imported version stands in the way of another: after a failed one every version is welcome.
    """
    rows = list(rows)
    imported = {row.key: row for row in sorted(rows, key=_order) if row.status is Status.IMPORTED}
    waiting = [row for row in rows if row.status is Status.WAITING and row.key in imported]
    newest = {(one.key, one.version) for one in current}
    fates = (
        _fate(
            file,
            imported[file.key],
            policy_for(file.key, policies),
            is_newest=(file.key, file.version) in newest,
            now=now,
        )
        for file in waiting
    )
    return tuple(fate for fate in fates if fate)


def _fate(file: File, imported: File, policy: Overwrites, *, is_newest: bool, now: datetime) -> File | None:
    # Without a sequencer there is a time alone, which may be that of an upload's beginning: S3 knows better.
    is_told = bool(file.sequencer and imported.sequencer)
    if (is_told or not is_newest) and is_older(file, imported):
        return skipped(file, OLDER, now)
    if policy is Overwrites.IGNORE:
        return skipped(file, IGNORED, now)
    return failed(file, REJECTED, now) if policy is Overwrites.REJECT else None


def is_older(file: File, other: File) -> bool:
    """Whether S3 took `file` before `other`, a version of the same key.

    S3's sequencers compare as hexadecimal fractions; what the sweep found has none, only a time.
    """
    if file.sequencer and other.sequencer:
        length = max(len(file.sequencer), len(other.sequencer))
        return file.sequencer.upper().ljust(length, "0") < other.sequencer.upper().ljust(length, "0")
    return file.uploaded_at.replace(microsecond=0) < other.uploaded_at.replace(microsecond=0)


def _order(file: File) -> tuple[datetime, str]:
    return file.uploaded_at, file.sequencer
