"""From what a job's manifests say to the fate of each file.

A file is IMPORTED only when the job cannot have read another version of its key.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.importing.files import File, Job, Status, Version, split_key
from lambdas.importing.manifests import Outcome
from lambdas.importing.retries import MAX_ATTEMPTS

UNMENTIONED = f"not mentioned in the output of {MAX_ATTEMPTS} jobs"

# S3 gives whole seconds, and its clock is not HealthImaging's.
CLOCK_MARGIN = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What a job changes: files with a final fate, and files that wait again.

    `settled` may hold files of which the ledger has no row yet: their upload event is still on its way.
    `undecided` are those of a job that failed as a whole, when there are several: one may be to blame.
    `server_errors` is the most that one of the returned files has met.
    """

    settled: tuple[File, ...]
    returned: tuple[File, ...]
    undecided: tuple[File, ...] = ()
    server_errors: int = 0


NOTHING = Settlement(settled=(), returned=())


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A job at its end. Members without an outcome share its `failure`, or are `undecided` on what it is."""

    job: Job
    started_at: datetime
    ended_at: datetime
    failure: str | None = None
    is_undecided: bool = False


def settle_staged(
    ended: Ended, members: Iterable[File], outcomes: Mapping[str, Outcome], now: datetime
) -> Settlement:
    """Copies are of one version each, so every outcome is that version's."""
    return _settle(ended, members, {_version(file): outcomes.get(file.key) for file in members}, now)


def settle_in_place(
    ended: Ended,
    members: Iterable[File],
    rows: Iterable[File],
    versions: Iterable[Version],
    outcomes: Mapping[str, Outcome],
    now: datetime,
) -> Settlement:
    """The job read whatever was current while it ran; `versions` are all under its prefix, newest or not.

    A file that was uploaded after the plan and was read nevertheless is settled too. Where a key
    changed while the job ran, nobody can tell what was read: its members wait again, the rest still does.
    """
    members = list(members)
    known = {_version(row): row for row in rows}
    planned = {_version(file) for file in members}
    read = _versions_read(ended, versions, known, planned, outcomes)
    others = [
        known.get(_version_of(version)) or _from_listing(ended.job, version)
        for version in read.values()
        if _version_of(version) not in planned
    ]
    told = {_version_of(version): outcomes[key] for key, version in read.items()}
    settlement = _settle(ended, members, told, now)
    extra = [
        _fate(file, ended.job.name, told[_version(file)], now)
        for file in others
        if _is_told_anew(file, told[_version(file)])
    ]
    return replace(settlement, settled=settlement.settled + tuple(extra))


def _is_told_anew(file: File, outcome: Outcome) -> bool:
    """Whether a job's word changes the fate of a file that it was not given.

    A rule may have kept a file from every job, and yet it lay there when one in place looked.
    """
    if file.status is Status.WAITING:
        return not outcome.is_server_error
    return outcome.imported and file.job is None and file.status is not Status.IMPORTED


def _settle(
    ended: Ended,
    members: Iterable[File],
    told: Mapping[tuple[str, str], Outcome | None],
    now: datetime,
) -> Settlement:
    settled: list[File] = []
    returned: list[File] = []
    undecided: list[File] = []
    server_errors = 0
    for file in members:
        # A second reading of the same manifests must not count as a second attempt.
        if file.status is not Status.WAITING or file.job == ended.job.name:
            continue
        outcome = told.get(_version(file))
        is_last = file.attempts + 1 >= MAX_ATTEMPTS
        if outcome and (is_last or not outcome.is_server_error):
            settled.append(_fate(file, ended.job.name, outcome, now))
        elif ended.failure is not None and not outcome:
            undecided.append(file)
        elif is_last:
            settled.append(_fate(file, ended.job.name, Outcome(imported=False, reason=UNMENTIONED), now))
        else:
            returned.append(replace(file, job=ended.job.name, attempts=file.attempts + 1))
            server_errors = max(server_errors, file.attempts + 1 if outcome else 0)
    settlement = Settlement(
        settled=tuple(settled),
        returned=tuple(returned),
        undecided=tuple(undecided),
        server_errors=server_errors,
    )
    if ended.is_undecided and len(undecided) > 1:
        return settlement
    return fail_undecided(ended, settlement, now)


def fail_undecided(ended: Ended, settlement: Settlement, now: datetime) -> Settlement:
    """Let the undecided files share the failure of their job."""
    outcome = Outcome(imported=False, reason=ended.failure)
    fates = tuple(_fate(file, ended.job.name, outcome, now) for file in settlement.undecided)
    return replace(settlement, settled=settlement.settled + fates, undecided=())


def _fate(file: File, job: str, outcome: Outcome, now: datetime) -> File:
    return replace(
        file,
        status=Status.IMPORTED if outcome.imported else Status.FAILED,
        job=job,
        image_set_id=outcome.image_set_id,
        is_primary=outcome.is_primary,
        reason=outcome.reason,
        settled_at=now,
    )


def _versions_read(
    ended: Ended,
    versions: Iterable[Version],
    known: Mapping[tuple[str, str], File],
    planned: Collection[tuple[str, str]],
    outcomes: Mapping[str, Outcome],
) -> dict[str, Version]:
    """For each key with an outcome, the one version that was current while the job ran, if there is one.

    What was planned was the newest when the job was started: if it still is, nothing came in between.
    """
    by_key: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        if version.key in outcomes:
            by_key[version.key].append(version)
    read = {}
    for key, history in by_key.items():
        if still_newest := [one for one in history if one.is_latest and _version_of(one) in planned]:
            read[key] = still_newest[0]
            continue
        begins = {one.version: _begin(one, known.get(_version_of(one))) for one in history}
        readable = [one for one in _current_during(ended, history, begins) if not one.is_delete_marker]
        if len(readable) == 1:
            read[key] = readable[0]
    return read


def _begin(version: Version, row: File | None) -> datetime | None:
    """When it became current, where that is known.

    S3 lists an object that was uploaded in parts by the time at which the upload was begun, which may be
    long before (User Guide, system-defined metadata). Its event tells when it was there.
    """
    if row and row.sequencer:
        return row.uploaded_at
    return None if "-" in version.etag else version.modified_at


def _current_during(
    ended: Ended, history: list[Version], begins: Mapping[str, datetime | None]
) -> list[Version]:
    """Each version is current until the next newer one; what may have been current counts as well.

    S3 lists a key's versions newest first, which the sort keeps for those of the same second.
    """
    newest_first = sorted(
        history, key=lambda one: (one.is_latest, begins[one.version] or one.modified_at), reverse=True
    )
    newest = newest_first[0]
    current, until = [], None
    for version in newest_first:
        begin = begins[version.version]
        # One that began nobody knows when may have been there until the newest came.
        end = until if begin or version is newest else begins[newest.version]
        begins_in_time = (begin or version.modified_at) <= ended.ended_at + CLOCK_MARGIN
        lasts_until_start = end is None or end >= ended.started_at - CLOCK_MARGIN
        if begins_in_time and lasts_until_start:
            current.append(version)
        until = begin or until
    return current


def _version(file: File) -> tuple[str, str]:
    return file.key, file.version


def _version_of(version: Version) -> tuple[str, str]:
    return version.key, version.version


def _from_listing(job: Job, version: Version) -> File:
    folder, name = split_key(version.key)
    return File(
        bucket=job.bucket,
        folder=folder,
        name=name,
        version=version.version,
        size=version.size,
        etag=version.etag,
        uploaded_at=version.modified_at,
        store=job.store,
    )
