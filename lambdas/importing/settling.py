"""From what a job's manifests say to the fate of each file.

A file is IMPORTED only when the job cannot have read another version of its key.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.importing.files import File, Job, Status, Version, split_key
from lambdas.importing.manifests import Outcome
from lambdas.importing.read_versions import versions_read
from lambdas.importing.retries import MAX_ATTEMPTS

UNMENTIONED = f"not mentioned in the output of {MAX_ATTEMPTS} jobs"


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

    @property
    def files(self) -> tuple[File, ...]:
        return (*self.settled, *self.returned, *self.undecided)

    def without(self, folders: Collection[str]) -> "Settlement":
        """But for the files of these folders that are not imported."""
        return replace(
            self,
            settled=tuple(
                one for one in self.settled if one.status is Status.IMPORTED or one.folder not in folders
            ),
            returned=tuple(one for one in self.returned if one.folder not in folders),
            undecided=tuple(one for one in self.undecided if one.folder not in folders),
        )


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
    """The job read whatever was current while it ran. `versions` are all under its prefix, newest or not;
    `rows` know of those that were taken away since.

    A file that was uploaded after the plan and was read nevertheless is settled too. Where a key
    changed while the job ran, nobody can tell what was read: its members wait again, the rest still does.
    """
    members = list(members)
    known = {_version(row): row for row in rows}
    planned = {_version(file) for file in members}
    at_work = (ended.started_at, ended.ended_at)
    read = versions_read(ended.job.name, at_work, versions, known, planned, outcomes)
    others = [
        known.get(_version_of(version)) or _from_listing(ended.job, version)
        for version in read.values()
        if _version_of(version) not in planned
    ]
    told = {_version_of(version): outcomes[key] for key, version in read.items()}
    settlement = _settle(ended, members, told, now)
    extra = [
        _fate(file, ended.job, told[_version(file)], now)
        for file in others
        if _is_told_anew(file, told[_version(file)])
    ]
    return replace(settlement, settled=settlement.settled + tuple(extra))


def _is_told_anew(file: File, outcome: Outcome) -> bool:
    """Whether a job's word changes the fate of a file that it was not given, or that has one since.

    A rule may have kept a file from every job, and yet it lay there when one in place looked; or it was gone
    when somebody looked for it, and had been copied before. What is imported is IMPORTED.
    """
    if file.status is Status.WAITING:
        return not outcome.is_server_error
    return outcome.imported and file.status is not Status.IMPORTED


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
        outcome = told.get(_version(file))
        if file.status is not Status.WAITING:
            if outcome and _is_told_anew(file, outcome):
                settled.append(_fate(file, ended.job, outcome, now))
            continue
        # A second reading of the same manifests must not count as a second attempt.
        if file.job == ended.job.name:
            continue
        is_last = file.attempts + 1 >= MAX_ATTEMPTS
        if outcome and (is_last or not outcome.is_server_error):
            settled.append(_fate(file, ended.job, outcome, now))
        elif ended.failure is not None and not outcome:
            undecided.append(file)
        elif is_last:
            settled.append(_fate(file, ended.job, Outcome(imported=False, reason=UNMENTIONED), now))
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
    fates = tuple(_fate(file, ended.job, outcome, now) for file in settlement.undecided)
    return replace(settlement, settled=settlement.settled + fates, undecided=())


def _fate(file: File, job: Job, outcome: Outcome, now: datetime) -> File:
    return replace(
        file,
        status=Status.IMPORTED if outcome.imported else Status.FAILED,
        job=job.name,
        store=job.store,
        image_set_id=outcome.image_set_id,
        is_primary=outcome.is_primary,
        reason=outcome.reason,
        settled_at=now,
    )


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
