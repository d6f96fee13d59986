"""What became of every object version, folder and job: the reading and writing of the ledger's table."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from lambdas.adapters import folder_files, rows
from lambdas.adapters.bookmark import Bookmark
from lambdas.adapters.control import Control
from lambdas.adapters.parallel import each
from lambdas.adapters.rows import Item, Members
from lambdas.adapters.table import Table, sets
from lambdas.importing.files import File, Folder, FolderState, Job, JobState, Status, Version, split_key
from lambdas.importing.timing import Timing

T = TypeVar("T")
R = TypeVar("R")

NOT_THERE = "attribute_not_exists(#pk)"


class Ledger:
    """The ledger in `table`, a ClientTable.

    Every write is conditional: it says whether it was made, and a caller who is told no is not the
    one whose turn it was. `workers` is the number of rows written at a time.
    """

    def __init__(self, table: Any, workers: int = 1) -> None:
        self._table = Table(table)
        self._workers = workers
        self.control = Control(self._table)
        self.bookmark = Bookmark(self._table)

    # Files

    def files(self, bucket: str, folder: str) -> list[File]:
        """Every version's row of one folder."""
        return list(folder_files.files(self._table, bucket, folder))

    def part(self, bucket: str, folder: str, most: int) -> tuple[list[File], bool]:
        """Every version's row, and True; of a folder with more than `most`, some from the first that waits
        on, and False."""
        return folder_files.part(self._table, bucket, folder, most)

    def waiting_sizes(self, bucket: str, folder: str, most: int) -> list[int]:
        """The bytes of each file that waits in a folder, of `most` at most."""
        return [int(item["size"]) for item in islice(self._waiting(bucket, folder, "#size"), most)]

    def has_waiting(self, bucket: str, folder: str) -> bool:
        return any(True for _ in self._waiting(bucket, folder, "#pk"))

    def _waiting(self, bucket: str, folder: str, attributes: str) -> Iterator[Item]:
        return folder_files.waiting(self._table, bucket, folder, attributes)

    def rows_of(self, bucket: str, folder: str, versions: Collection[Version]) -> list[File]:
        """The rows of these versions of one folder, and those of others that sort between them."""
        keys = [rows.sort_key(split_key(one.key)[1], one.version) for one in versions]
        found = self._table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {":pk": rows.partition(bucket, folder), ":first": min(keys), ":last": max(keys)},
        )
        return [rows.to_file(item) for item in found if rows.is_file(item)]

    def failed_files(self) -> Iterator[File]:
        """Newest first."""
        items = self._listed(Status.FAILED, ScanIndexForward=False)
        return (rows.to_file(item) for item in items if rows.is_file(item))

    def register(self, files: Iterable[File]) -> list[File]:
        """Put a row for each file that has none; those are returned, others stay as they stand."""
        files = list(files)
        written = self._each(lambda file: self._table.put(rows.file_item(file), NOT_THERE), files)
        return [file for file, new in zip(files, written, strict=True) if new]

    def file(self, file: File) -> File | None:
        """The row of this version as it stands."""
        item = self._table.get(rows.file_key(file))
        return rows.to_file(item) if item else None

    def settle(self, files: Iterable[File]) -> list[File]:
        """Give waiting files their fate, those without a row too; returns those that got it now.

        A file that was imported, though it has another fate, is IMPORTED from now on.
        """
        files = list(files)
        written = self._each(self._settle, files)
        return [file for file, new in zip(files, written, strict=True) if new]

    def _settle(self, file: File) -> bool:
        change, values = sets(rows.fate(file))
        condition, values[":waiting"] = "#status = :waiting", str(Status.WAITING)
        if file.status is Status.IMPORTED:
            change += " REMOVE #listed, #at" + ("" if file.reason else ", #reason")
            condition += " OR #status = :failed OR #status = :skipped"
            values |= {":failed": str(Status.FAILED), ":skipped": str(Status.SKIPPED)}

        def is_updated() -> bool:
            return bool(self._table.update(rows.file_key(file), change, condition, values))

        # A row that a job settles before its upload event came is written in full; it may come just now.
        return is_updated() or self._table.put(rows.file_item(file), NOT_THERE) or is_updated()

    def give_back(self, files: Iterable[File]) -> None:
        """Let files wait again, once for each job that had no word on them."""
        self._each(self._give_back, list(files))

    def _give_back(self, file: File) -> bool:
        change, values = sets({"attempts": file.attempts, "job": file.job})
        return bool(
            self._table.update(
                rows.file_key(file),
                change,
                "#status = :waiting AND (attribute_not_exists(#job) OR #job <> :job)",
                {**values, ":waiting": str(Status.WAITING)},
            )
        )

    def redrive(self, file: File) -> bool:
        """Let a FAILED file wait again. Its next job has another name than all before."""
        return self._wake(file, Status.FAILED)

    def revive(self, file: File) -> bool:
        """Let a SKIPPED file wait, as `redrive` does."""
        return self._wake(file, Status.SKIPPED)

    def _wake(self, file: File, status: Status) -> bool:
        change, values = sets({"status": str(Status.WAITING), "redriven": file.redriven + 1})
        change += " REMOVE #listed, #at, #settled_at, #reason, #attempts"
        # Counted from an old reading, it would give a job the name of one that is over.
        unchanged = "#redriven = :before" if file.redriven else "attribute_not_exists(#redriven)"
        values |= {":seen": str(status), **({":before": file.redriven} if file.redriven else {})}
        condition = f"#status = :seen AND {unchanged}"
        return bool(self._table.update(rows.file_key(file), change, condition, values))

    # Folders

    def folders(self) -> Iterator[Folder]:
        for state in FolderState:
            yield from self.folders_in(state)

    def folders_in(self, state: FolderState, before: datetime | None = None) -> Iterator[Folder]:
        """Oldest first; `before` bounds when OPEN ones are due and when others entered their state."""
        return (rows.to_folder(item) for item in self._listed(state, before))

    def folder(self, bucket: str, path: str) -> Folder | None:
        item = self._table.get(rows.folder_key(bucket, path))
        return rows.to_folder(item) if item else None

    def touch(self, bucket: str, path: str, store: str, timing: Timing, now: datetime) -> bool:
        """Note that files arrived; True when that opened the folder, so that somebody must plan it.

        The rows of the files come first: then a folder seen OPEN cannot be closed without their being seen.
        """
        while True:
            folder = self.folder(bucket, path)
            if folder and folder.state is FolderState.OPEN and now - folder.last_at < timing.unwritten:
                return False
            if folder and folder.state is not FolderState.DONE:
                if self._touch(folder, now):
                    return False
            elif self._open(bucket, path, store, folder, timing.due_at(now, now), now, now):
                return True

    def note(self, bucket: str, path: str, now: datetime) -> None:
        """Note a folder in which nothing waits, so that its files are found; one that is there stays."""
        self._table.put(rows.folder_item(bucket, path, FolderState.DONE, "", now), NOT_THERE)

    def _touch(self, folder: Folder, now: datetime) -> bool:
        return bool(
            self._table.update(
                rows.folder_key(folder.bucket, folder.path),
                "SET #last_at = :now ADD #touches :one",
                "#listed = :state",
                {":now": rows.to_text(max(now, folder.last_at)), ":one": 1, ":state": str(folder.state)},
            )
        )

    def _open(
        self,
        bucket: str,
        path: str,
        store: str,
        folder: Folder | None,
        due_at: datetime,
        first_at: datetime,
        last_at: datetime,
        not_before: datetime | None = None,
    ) -> bool:
        change, values = sets(
            {
                "listed": str(FolderState.OPEN),
                "at": rows.to_text(due_at),
                "first_at": rows.to_text(first_at),
                "last_at": rows.to_text(last_at),
                "store": store,
                **({"not_before": rows.to_text(not_before)} if not_before else {}),
            }
        )
        values[":one"] = 1
        condition = NOT_THERE
        if folder:
            condition = "#listed = :state AND attribute_not_exists(#jobs)"
            values[":state"] = str(folder.state)
        change += ("" if not_before else " REMOVE #not_before") + " ADD #openings :one, #touches :one"
        return bool(self._table.update(rows.folder_key(bucket, path), change, condition, values))

    def begin(self, folder: Folder, jobs: Iterable[str], in_place: bool, now: datetime) -> bool:
        """Make these the folder's jobs, if it is still the OPEN folder that was read."""
        change, values = sets(
            {"listed": str(FolderState.IMPORTING), "at": rows.to_text(now), "in_place": in_place}
        )
        if names := set(jobs):
            change += ", #jobs = :jobs"
            values[":jobs"] = names
        return bool(
            self._table.update(
                rows.folder_key(folder.bucket, folder.path),
                change,
                "#listed = :open AND #openings = :openings",
                {**values, ":open": str(FolderState.OPEN), ":openings": folder.openings},
            )
        )

    def hold(self, bucket: str, path: str, store: str, job: str, now: datetime) -> bool:
        """Make the prefix of a job in place IMPORTING, unless files wait or another job reads there."""
        folder = self.folder(bucket, path)
        if folder is None:
            item = rows.folder_item(bucket, path, FolderState.IMPORTING, store, now)
            return self._table.put({**item, "in_place": True, "jobs": {job}}, NOT_THERE)
        change, values = sets(
            {
                "listed": str(FolderState.IMPORTING),
                "at": rows.to_text(now),
                "first_at": rows.to_text(now),
                "store": store,
                "in_place": True,
                "jobs": {job},
            }
        )
        condition = "#listed = :done OR (#listed = :listed AND #jobs = :jobs)"
        values[":done"] = str(FolderState.DONE)
        return bool(self._table.update(rows.folder_key(bucket, path), change, condition, values))

    def count(self, folder: Folder, files: int, size: int) -> None:
        """Note what waits in an OPEN folder, as long as nothing more arrives."""
        change, values = sets({"files": files, "bytes": size, "counted": folder.touches})
        seen = {":open": str(FolderState.OPEN), ":touches": folder.touches}
        condition = "#listed = :open AND #touches = :touches"
        self._table.update(rows.folder_key(folder.bucket, folder.path), change, condition, {**values, **seen})

    def leave(self, bucket: str, path: str, job: str) -> Folder | None:
        """Take a job from an IMPORTING folder; the folder as it is now, None when it is in another state."""
        item = self._table.update(
            rows.folder_key(bucket, path),
            "DELETE #jobs :job",
            "#listed = :importing",
            {":job": {job}, ":importing": str(FolderState.IMPORTING)},
        )
        return rows.to_folder(item) if item else None

    def replace_job(self, job: Job, path: str, successors: Iterable[str]) -> None:
        """Let an IMPORTING folder name these jobs in the place of one, in one write."""
        while (folder := self.folder(job.bucket, path)) and job.name in folder.jobs:
            change, values = sets({"jobs": (set(folder.jobs) - {job.name}) | set(successors)})
            seen = {":importing": str(FolderState.IMPORTING), ":seen": set(folder.jobs)}
            condition = "#listed = :importing AND #jobs = :seen"
            key = rows.folder_key(job.bucket, path)
            if self._table.update(key, change, condition, {**values, **seen}):
                return

    def reopen(self, folder: Folder, timing: Timing, not_before: datetime | None = None) -> bool:
        """OPEN an IMPORTING folder without jobs again, as if what waits had come with the last arrival."""
        at = folder.last_at
        due_at = max(timing.due_at(at, at), not_before or at)
        return self._open(folder.bucket, folder.path, folder.store, folder, due_at, at, at, not_before)

    def close(self, folder: Folder, now: datetime) -> bool:
        """DONE, if nothing arrived since the folder was read."""
        change, values = sets({"listed": str(FolderState.DONE), "at": rows.to_text(now)})
        return bool(
            self._table.update(
                rows.folder_key(folder.bucket, folder.path),
                change,
                "#listed = :importing AND #touches = :touches AND attribute_not_exists(#jobs)",
                {**values, ":importing": str(FolderState.IMPORTING), ":touches": folder.touches},
            )
        )

    # Jobs

    def jobs(self) -> Iterator[Job]:
        for state in JobState:
            yield from self.jobs_in(state)

    def jobs_in(
        self, state: JobState, before: datetime | None = None, *, newest_first: bool = False
    ) -> Iterator[Job]:
        """`before` bounds when they entered the state."""
        items = self._listed(state, before, ScanIndexForward=not newest_first)
        return (rows.to_job(item) for item in items if rows.is_job(item))

    def job(self, name: str) -> Job | None:
        item = self._table.get(rows.job_key(name))
        return rows.to_job(item) if item else None

    def plan(self, job: Job, files: Iterable[File]) -> bool:
        """Put a PLANNED job and its members, folder by folder; False where it is further on, and stays so."""
        by_folder: dict[str, list[File]] = defaultdict(list)
        for file in files:
            by_folder[file.folder].append(file)
        members = [rows.members_item(job, path, Members.of(inside)) for path, inside in by_folder.items()]
        self._each(lambda item: self._table.put(item, NOT_THERE), members)
        return self._table.put(
            rows.job_item(job),
            f"{NOT_THERE} OR attribute_not_exists(#listed) OR #listed = :planned",
            {":planned": str(JobState.PLANNED)},
        )

    def paths_of(self, job: Job) -> list[str]:
        """The folders of the job's files; of a job in place its prefix too, last: it keeps all below from
        being read a second time."""
        paths = [item["folder"] for item in self._batches(job, ProjectionExpression="folder")]
        return paths + ([job.path] if job.in_place and job.path not in paths else [])

    def not_held(self, job: Job) -> set[str]:
        """The job's paths whose folders do not name it: it has left them, or was never planned to its end."""
        paths = self.paths_of(job)
        found = self._each(lambda path: self.folder(job.bucket, path), paths)
        return {
            path
            for path, folder in zip(paths, found, strict=True)
            if not folder or folder.state is not FolderState.IMPORTING or job.name not in folder.jobs
        }

    def members(self, job: Job) -> list[File]:
        """The rows of the job's files as they stand."""
        found = self._each(lambda item: self._members(job, item), list(self._batches(job)))
        return [file for files in found for file in files]

    def _members(self, job: Job, item: Item) -> list[File]:
        members = rows.to_members(item)
        found = self._table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {
                ":pk": rows.partition(job.bucket, item["folder"]),
                ":first": members.first,
                ":last": members.last,
            },
        )
        return [file for item in found if rows.is_file(item) and (file := rows.to_file(item)) in members]

    def _batches(self, job: Job, **options: Any) -> Iterator[Item]:
        """The job's own row sorts before them."""
        key = rows.job_key(job.name)
        return self._table.query("#pk = :pk AND #sk > :job", {":pk": key["pk"], ":job": key["sk"]}, **options)

    def advance(self, seen: Job, job: Job) -> bool:
        """Write `job` over `seen`, if the row is still as it was seen."""
        change, values = sets(rows.job_progress(job))
        seen_values = {":state": str(seen.state), ":seen_at": rows.to_text(seen.at)}
        condition = "#listed = :state AND #at = :seen_at"
        return bool(self._table.update(rows.job_key(job.name), change, condition, {**values, **seen_values}))

    def spend_halving(self, origin: Job, job: Job, most: int) -> bool:
        """Whether this job may be halved: all that came of `origin` share so many halvings."""
        return bool(
            self._table.update(
                rows.job_key(origin.name),
                "ADD #halved :jobs",
                "attribute_not_exists(#halved) OR size(#halved) < :most OR contains(#halved, :job)",
                {":jobs": {job.name}, ":job": job.name, ":most": most},
            )
        )

    def abandon(self, seen: Job) -> bool:
        """Take a PLANNED job that no folder holds off the list; planning the same batch again lists it."""
        return bool(
            self._table.update(
                rows.job_key(seen.name),
                "REMOVE #listed",
                "#listed = :planned AND #at = :seen_at",
                {":planned": str(JobState.PLANNED), ":seen_at": rows.to_text(seen.at)},
            )
        )

    # All of them

    def _listed(self, state: str, before: datetime | None = None, **options: Any) -> Iterator[Item]:
        condition, values = "#listed = :listed", {":listed": str(state)}
        if before:
            condition += " AND #at <= :before"
            values[":before"] = rows.to_text(before)
        return self._table.query(condition, values, IndexName="listed", **options)

    def _each(self, write: Callable[[T], R], what: list[T]) -> list[R]:
        return each(self._workers, write, what)
