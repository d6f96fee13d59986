"""Plan jobs for what waits, and no more of them than start soon: the later they are planned, the fuller.

What waits in place is taken as high up as one job holds it. Only where that would take longer than the drain
target is it copied, into jobs that several folders share.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from lambdas.adapters.ledger import Ledger
from lambdas.adapters.parallel import each
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.committing import Committer
from lambdas.handing import MOST_UNITS, fits_message, handed_out
from lambdas.importing.files import (
    File,
    Folder,
    FolderState,
    JobState,
    Status,
    Version,
    failed,
    folders_above,
    split_key,
)
from lambdas.importing.overwrites import settle_overwrites
from lambdas.importing.packing import TICK_SECONDS, Drain, fill, to_pack
from lambdas.importing.planner import Batch, Contents, compare, in_place, split, staged
from lambdas.importing.routing import NO_DATA_STORE
from lambdas.importing.units import Unit, Waiting, in_turn, lies_above, parts, units
from lambdas.settings import ImportSettings

# One tick's planning ends before the next one's begins.
PLAN_FOR = timedelta(seconds=45)
# What is counted in more folders than these is noted at once: the tick may end before all are counted.
MANY_FOLDERS = 200

# Of a larger folder so many files at a time are planned: all that it ever held would not fit the memory.
MOST_ROWS = 100_000

Send = Callable[[dict[str, Any]], None]


@dataclass(kw_only=True)
class Planned:
    """What a look at the waiting folders came to: jobs, folders to be copied, and those of which an object is
    seen whose event has not come. No more is begun after `until`."""

    until: datetime
    jobs_planned: int = 0
    folders: set[str] = field(default_factory=set)
    to_copy: list[Contents] = field(default_factory=list)
    unseen: list[Folder] = field(default_factory=list)

    @property
    def jobs(self) -> int:
        return self.jobs_planned + len(self.to_copy)

    def add(self, batches: Iterable[Batch]) -> None:
        """Without their files: of ten million none is kept."""
        for batch in batches:
            self.jobs_planned += 1
            self.folders.update(batch.folders)


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Turns OPEN folders into PLANNED jobs."""

    ledger: Ledger
    quota: Quota
    storage: Storage
    committer: Committer
    settings: ImportSettings
    now: Callable[[], datetime]
    workers: int

    def plan(
        self,
        folders: Iterable[Folder],
        *,
        complete: bool = False,
        patient: bool = True,
        send: Send | None = None,
    ) -> list[Folder]:
        """Plan what is due of these OPEN folders; all of them if somebody says that they are complete.

        Returns the folders in which an object lies whose event has not come: they are left, if `patient`.
        With `send`, units are handed out when there are many: see `take`. A bucket that cannot be read, such
        as a partner's who took its policy back, keeps no other from being planned; then this fails.
        """
        by_store: dict[tuple[str, str], list[Folder]] = defaultdict(list)
        # The index tells twice of one that is opened again while it is read.
        once = {(one.bucket, one.path): one for one in folders}
        for folder in self._routed(once.values()):
            by_store[folder.bucket, folder.store].append(folder)
        line = Counter((job.store, job.is_urgent) for job in self.ledger.jobs_in(JobState.PLANNED))
        per_second = self.quota.per_second(self.now().timestamp(), self.settings.rate) / max(1, len(by_store))
        unseen: list[Folder] = []
        failures: list[Exception] = []
        until = self.now() + PLAN_FOR
        for (_, store), found in by_store.items():
            try:
                waiting = self._waiting(found, until, complete=complete, patient=patient)
                for is_urgent in (True, False):
                    lane = [one for one in waiting if one.is_urgent is is_urgent]
                    in_line = line[store, is_urgent]
                    drain = Drain(per_second=per_second, in_line=in_line, target=self.settings.drain_target)
                    unseen += self._plan_lane(lane, drain, until, send).unseen
            except Exception as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return unseen

    def take(self, message: dict[str, Any]) -> None:
        """Plan the units of a message, as far as their folders are OPEN and due still."""
        now = self.now()
        until = now + PLAN_FOR
        found: dict[str, list[Unit]] = defaultdict(list)
        for paths in message["units"]:
            standing = each(self.workers, lambda path: self.ledger.folder(message["bucket"], path), paths)
            still_open = self._routed(one for one in standing if one and one.state is FolderState.OPEN)
            due = [
                one
                for one in self._waiting(still_open, until, complete=False, patient=True)
                if one.due_at <= now
            ]
            for store in sorted({one.folder.store for one in due}):
                found[store] += self._units(one for one in due if one.folder.store == store)
        for its in found.values():
            self._take(its, len(its), Planned(until=until), is_short=message["short"])

    def count(self, folders: Iterable[Folder]) -> None:
        """Note what waits in folders that are due, so that it need not be read when they may be planned."""
        now = self.now()
        waiting = self._waiting(list(folders), now + PLAN_FOR, complete=False, patient=True)
        self._note_counts([one for one in waiting if one.due_at <= now], Planned(until=now))

    def _routed(self, folders: Iterable[Folder]) -> list[Folder]:
        """With the data store that each prefix goes to now: that may have changed since the folder opened.

        What waits in a folder that no data store takes any more fails: it may not even be listed.
        """
        routed = []
        for folder in folders:
            if store := self.settings.store_of(folder.bucket, folder.path):
                routed.append(replace(folder, store=store.id))
            else:
                self._give_up(folder)
        return routed

    def _give_up(self, folder: Folder) -> None:
        rows, _ = self._rows(folder)
        waiting = [row for row in rows if row.status is Status.WAITING]
        given_up = tuple(failed(row, NO_DATA_STORE, self.now()) for row in waiting)
        nothing = Contents(folder=folder, files=(), settled=given_up, is_alone=False, has_unseen=False)
        self.committer.commit([], [nothing])

    def _waiting(
        self, folders: Sequence[Folder], until: datetime, *, complete: bool, patient: bool
    ) -> list[Waiting]:
        now, timing = self.now(), self.settings.timing
        longest = timedelta(seconds=timing.longest_wait_seconds if patient else 0)
        waiting = []
        for folder in folders:
            due_at = folder.first_at if complete else timing.due(folder)
            waiting.append(
                Waiting(
                    folder=folder,
                    files=folder.files,
                    bytes=folder.bytes,
                    due_at=max(due_at, folder.not_before or due_at),
                    patient_until=folder.first_at + longest,
                    is_urgent=folder.path.startswith(self.settings.urgent_prefixes),
                )
            )
        due = [one for one in waiting if one.due_at <= now]
        counted = each(self.workers, lambda one: self._counted(one, until, len(due) > MANY_FOLDERS), due)
        return counted + [one for one in waiting if one.due_at > now]

    def _counted(self, waiting: Waiting, until: datetime, note: bool) -> Waiting:
        """A due folder with what waits in it, read from its files if it changed since it was counted.

        What is not counted in time is left for the next tick.
        """
        folder = waiting.folder
        if folder.counted == folder.touches:
            return waiting
        if self.now() > until:
            return replace(waiting, due_at=until + PLAN_FOR)
        sizes = self.ledger.waiting_sizes(folder.bucket, folder.path, MOST_ROWS)
        if note:
            self.ledger.count(folder, len(sizes), sum(sizes))
            folder = replace(folder, counted=folder.touches)
        return replace(waiting, folder=folder, files=len(sizes), bytes=sum(sizes))

    def _plan_lane(
        self, waiting: Sequence[Waiting], drain: Drain, until: datetime, send: Send | None
    ) -> Planned:
        """Urgent folders, or all others: of the units those that are due as a whole first.

        When starts are short, a unit that still gathers in part is left for later, when it is one job,
        as long as the line has enough in it.
        """
        now, limits = self.now(), self.settings.limits
        done = Planned(until=until)
        due = [one for one in waiting if one.due_at <= now]
        found = [unit for unit in self._units(waiting) if unit.is_due(now)]
        is_backlog = len(waiting) > drain.per_second * self.settings.timing.quiet_seconds
        if not is_backlog or drain.in_line + len(found) < drain.per_second * TICK_SECONDS:
            found = self._units(due)

        room = drain.room
        packed = [] if due and due[0].is_urgent else to_pack(found, drain, limits, now)
        shared = {unit.prefix for unit in packed}
        alone = in_turn(unit for unit in found if unit.prefix not in shared)
        self._pack([one for unit in packed for one in unit.folders], room // 2 if alone else room, done)
        is_short = len(alone) > room
        here, elsewhere = self._divided(alone, room - done.jobs) if send else (alone, [])
        self._take(here, room, done, is_short=is_short)
        self._note_counts(due, done)
        if send:
            for message in handed_out(elsewhere, is_short=is_short):
                send(message)
        return done

    def _units(self, waiting: Iterable[Waiting]) -> list[Unit]:
        return units(waiting, self.settings.limits, self.settings.urgent_prefixes)

    def _divided(self, alone: Sequence[Unit], room: int) -> tuple[list[Unit], list[Unit]]:
        """Those to plan here, and those to hand out: what fits a message, unless they are few or urgent."""
        chosen = list(alone[: max(0, room)])
        if len(chosen) <= MOST_UNITS or chosen[0].is_urgent:
            return chosen, []
        return [one for one in chosen if not fits_message(one)], [one for one in chosen if fits_message(one)]

    def _pack(self, pieces: Sequence[Waiting], room: int, done: Planned) -> None:
        """Copy folders into jobs that they share."""
        for job in islice(fill(pieces, self.settings.limits), room):
            if self.now() > done.until:
                break
            looked_at = (self._look(one, done) for one in job if not self._is_read_from_above(one.folder))
            self._copy([contents for contents in looked_at if contents], done)

    def _take(self, alone: Sequence[Unit], room: int, done: Planned, *, is_short: bool) -> None:
        """Units where they lie, and what cannot be read there as copies: shared ones, if starts are short."""
        for unit in alone:
            if done.jobs >= room or self.now() > done.until:
                break
            self._take_unit(unit, done)
        found = {contents.folder.path: contents for contents in done.to_copy}
        groups: Iterable[list[Contents]] = ([contents] for contents in found.values())
        if is_short:
            pieces = [_piece(contents) for contents in found.values()]
            groups = ([found[one.path] for one in job] for job in fill(pieces, self.settings.limits))
        for group in groups:
            self._copy(group, done)

    def _take_unit(self, unit: Unit, done: Planned) -> None:
        """A unit in place; else its parts, down to folders that are to be copied."""
        standing = self._standing(unit)
        if len(standing) < len(unit.folders):
            for one in self._units(standing):
                self._take_unit(one, done)
        elif not self._is_read_from_above(unit.folders[0].folder, unit.prefix) and not self._in_place(
            unit, done
        ):
            if len(unit.folders) > 1:
                for part in parts(unit):
                    self._take_unit(part, done)
            elif contents := self._look(unit.folders[0], done):
                done.to_copy.append(contents)

    def _standing(self, unit: Unit) -> list[Waiting]:
        """Those folders that are OPEN still: the list of them is a little behind."""
        standing = []
        for one in unit.folders:
            folder = self.ledger.folder(one.folder.bucket, one.path)
            if folder and folder.state is FolderState.OPEN and folder.openings == one.folder.openings:
                standing.append(replace(one, folder=folder))
        return standing if len(standing) < len(unit.folders) else list(unit.folders)

    def _is_read_from_above(self, folder: Folder, prefix: str | None = None) -> bool:
        """Whether a job in place reads a folder that this one lies in, and may read its files as well."""
        for path in folders_above(folder.path if prefix is None else prefix):
            above = self.ledger.folder(folder.bucket, path)
            if above and above.state is FolderState.IMPORTING and above.in_place:
                return True
        return False

    def _in_place(self, unit: Unit, done: Planned) -> bool:
        """Whether all that lies under the unit's prefix waits, so that it is planned as one job.

        Not where an urgent prefix lies below: what comes there would wait until the job is over.
        """
        if lies_above(unit.prefix, self.settings.urgent_prefixes):
            return False
        rows: dict[str, list[File]] = {}
        for one in unit.folders:
            rows[one.path], is_all = self._rows(one.folder)
            if not is_all:
                return False
        lying = self.storage.under(
            unit.folders[0].folder.bucket, unit.prefix, rows.keys(), self.settings.limits.files
        )
        if lying is None:
            return False
        by_path: dict[str, list[Version]] = defaultdict(list)
        for version in lying:
            by_path[split_key(version.key)[0]].append(version)
        contents = [self._compare(one.folder, rows[one.path], by_path[one.path]) for one in unit.folders]
        batch = in_place(self.settings.deployment, unit.prefix, contents, self.settings.limits)
        if batch is None:
            return False
        done.add(self.committer.commit([batch], contents))
        return True

    def _look(self, waiting: Waiting, done: Planned) -> Contents | None:
        """What a folder holds; None while an object lies there whose event may still come."""
        folder = waiting.folder
        rows, is_all = self._rows(folder)
        current = self.storage.right_under(folder.bucket, folder.path, MOST_ROWS) if is_all else None
        if current is None:
            names = {row.name for row in rows}
            current = self.storage.named(folder.bucket, folder.path, names) if names else []
        contents = self._compare(folder, rows, current)
        if contents.has_unseen and self.now() < waiting.patient_until:
            done.unseen.append(folder)
            return None
        return contents

    def _rows(self, folder: Folder) -> tuple[list[File], bool]:
        """Before S3 is listed: a file that comes in between is unseen then, and not told as deleted.

        Also whether they are all: the rest of a very large folder waits until these are imported.
        """
        return self.ledger.part(folder.bucket, folder.path, MOST_ROWS)

    def _compare(self, folder: Folder, rows: Sequence[File], current: Iterable[Version]) -> Contents:
        now, current = self.now(), list(current)
        overwrites = settle_overwrites(rows, current, self.settings.overwrites, now)
        return compare(folder, rows, current, overwrites, now)

    def _copy(self, group: Sequence[Contents], done: Planned) -> None:
        files = [file for contents in group for file in contents.files]
        batches = [staged(self.settings.deployment, part) for part in split(files, self.settings.limits)]
        done.add(self.committer.commit(batches, group))

    def _note_counts(self, due: Sequence[Waiting], done: Planned) -> None:
        """What is left for another tick need not be counted again."""
        left = [
            one for one in due if one.path not in done.folders and one.folder.counted != one.folder.touches
        ]
        each(self.workers, lambda one: self.ledger.count(one.folder, one.files, one.bytes), left)


def _piece(contents: Contents) -> Waiting:
    return Waiting(
        folder=contents.folder,
        files=len(contents.files),
        bytes=contents.bytes,
        due_at=contents.folder.first_at,
        patient_until=contents.folder.first_at,
    )
