"""Which version of a key a job in place read: the one that was current while it ran, if it can be told."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from lambdas.importing.files import File, Status, Version

# S3 gives whole seconds, and its clock is not HealthImaging's.
CLOCK_MARGIN = timedelta(seconds=5)

# A key and its version.
Identity = tuple[str, str]


def versions_read(
    job: str,
    at_work: tuple[datetime, datetime],
    versions: Iterable[Version],
    known: Mapping[Identity, File],
    planned: Collection[Identity],
    keys: Collection[str],
) -> dict[str, Version]:
    """For each of `keys`, the one version that was current while `job` was `at_work`, if there is one.

    What was planned was the newest when the job was started: if it still is, and nothing that came later was
    taken away again, nothing came in between.
    """
    listed: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        if version.key in keys:
            listed[version.key].append(version)
    gone = _gone(job, known, keys, listed)
    read = {}
    for key in dict.fromkeys((*listed, *gone)):
        history = listed[key]
        newest = next((one for one in history if one.is_latest and _identity(one) in planned), None)
        if newest and all(_is_before(_begin(one, known), newest.modified_at) for one in gone[key]):
            read[key] = newest
            continue
        readable = [one for one in _current(at_work, history, gone[key], known) if not one.is_delete_marker]
        if len(readable) == 1:
            read[key] = readable[0]
    return read


def _gone(
    job: str,
    known: Mapping[Identity, File],
    keys: Collection[str],
    listed: Mapping[str, Iterable[Version]],
) -> dict[str, list[Version]]:
    """Versions that are not listed any more, and that no other job settled: this one may have read them."""
    there = {_identity(version) for history in listed.values() for version in history}
    gone: dict[str, list[Version]] = defaultdict(list)
    for identity, row in known.items():
        is_anothers = row.job not in (None, job) and row.status is not Status.WAITING
        if row.key in keys and identity not in there and not is_anothers:
            gone[row.key].append(_taken_away(row))
    return gone


def _taken_away(row: File) -> Version:
    return Version(
        key=row.key,
        version=row.version,
        size=row.size,
        etag=row.etag,
        modified_at=row.uploaded_at,
        is_latest=False,
    )


def _current(
    at_work: tuple[datetime, datetime],
    history: Iterable[Version],
    gone: Collection[Version],
    known: Mapping[Identity, File],
) -> list[Version]:
    """Each version is current until the next newer one; what may have been current counts as well.

    Nobody knows when one was taken away: until then it was current, from then on an older one was again.
    S3 lists a key's versions newest first, which the sort keeps for those of the same second.
    """
    started, ended = at_work[0] - CLOCK_MARGIN, at_work[1] + CLOCK_MARGIN
    begins = {one.version: _begin(one, known) for one in (*history, *gone)}
    # Of the same second, the order of what is gone is not known: before the others it ends with them.
    newest_first = sorted(
        (*gone, *history),
        key=lambda one: (one.is_latest, begins[one.version] or one.modified_at),
        reverse=True,
    )
    newest = begins[newest_first[0].version]
    current, until = [], None
    for version in newest_first:
        begin = begins[version.version]
        # One that began nobody knows when may have been there until the newest came.
        end = until if begin or version is newest_first[0] else newest
        if version in gone and not _is_before(begin, newest):
            end = None
        if (begin or version.modified_at) <= ended and (end is None or end >= started):
            current.append(version)
        if version not in gone:
            until = begin or until
    return current


def _is_before(begin: datetime | None, other: datetime | None) -> bool:
    """Whether it surely is."""
    return begin is not None and other is not None and begin < other


def _begin(version: Version, known: Mapping[Identity, File]) -> datetime | None:
    """When it became current, where that is known.

    S3 lists an object that was uploaded in parts by the time at which the upload was begun, which may be
    long before (User Guide, system-defined metadata). Its event tells when it was there.
    """
    row = known.get(_identity(version))
    if row and row.sequencer:
        return row.uploaded_at
    return None if "-" in version.etag else version.modified_at


def _identity(version: Version) -> Identity:
    return version.key, version.version
