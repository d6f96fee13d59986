"""`ahi redrive`: import failed files once more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import deployed, options, output
from cli.deployed import Deployed
from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File
from lambdas.importing.timing import Timing
from lambdas.redriving import redrive as let_wait

TIME = "as 2026-11-28T09:30, in UTC unless it ends as +01:00"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which failed files; what is None chooses nothing out. Times are those of the failure."""

    key: str | None = None
    prefix: str | None = None
    job: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, file: File) -> bool:
        at = file.settled_at or file.uploaded_at
        return (
            (self.key is None or file.key == self.key)
            and (self.prefix is None or file.key.startswith(self.prefix))
            and (self.job is None or file.job == self.job)
            and (self.reason is None or self.reason.lower() in (file.reason or "").lower())
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


def redrive(
    key: Annotated[str | None, typer.Option(help="The file of this key")] = None,
    prefix: Annotated[str | None, typer.Option(help="Files whose key begins so")] = None,
    job: Annotated[str | None, typer.Option(help="Files of the import job of this id or name")] = None,
    reason: Annotated[str | None, typer.Option(help="Files whose reason holds these words")] = None,
    since: Annotated[datetime | None, typer.Option(help=f"Files that failed then or later, {TIME}")] = None,
    until: Annotated[datetime | None, typer.Option(help=f"Files that failed before then, {TIME}")] = None,
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    json: options.Json = False,
) -> None:
    """Let failed files wait again, so that they are imported once more; files of other fates stay.

    Give one option or more; a file must match all of them. Files that no job was started for, since
    their first bytes are not DICOM, stay as well: they would fail again.
    """
    if all(given is None for given in (key, prefix, job, reason, since, until)):
        raise typer.BadParameter("say which: --key, --prefix, --job, --reason, --since or --until")
    found = deployed.find(deployment, aws=aws, role="operator")
    choice = Choice(
        key=key,
        prefix=prefix,
        job=job_name(found.ledger, job),
        reason=reason,
        since=in_utc(since),
        until=in_utc(until),
    )
    chosen = list(failed(found.ledger, choice))
    redriven = let_wait(found.ledger, chosen, timing(found), datetime.now(UTC))
    if json:
        output.write_json({"redriven": len(redriven), "left": len(chosen) - len(redriven)})
        return
    output.facts().print(
        f"{len(redriven)} failed files wait again; {len(chosen) - len(redriven)} stay as they are"
    )


def failed(ledger: Ledger, choice: Choice) -> Iterator[File]:
    return (file for file in ledger.failed_files() if choice.takes(file))


def job_name(ledger: Ledger, name_or_id: str | None) -> str | None:
    """The ledger's name of a job that may be given by HealthImaging's id."""
    if name_or_id is None:
        return None
    return next((job.name for job in ledger.jobs() if job.job_id == name_or_id), name_or_id)


def in_utc(time: datetime | None) -> datetime | None:
    """A time without an offset is in UTC already."""
    return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))


def timing(found: Deployed) -> Timing:
    """What the functions go by, for the folders that are woken."""
    given = found.deployment.import_timing
    return Timing(quiet_seconds=given.quiet_seconds, longest_wait_seconds=given.longest_wait_seconds)
