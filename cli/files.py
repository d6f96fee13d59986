"""`ahi files`: the fate of each file."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.table import Table

from cli import deployed, options, output
from cli.studies import folders, named
from lambdas.adapters.ledger import Ledger
from lambdas.importing.files import File


@dataclass(frozen=True, kw_only=True)
class Fate:
    """One version of one object, and what HealthImaging made of it. `job_id` is HealthImaging's own."""

    bucket: str
    key: str
    version: str
    status: str
    job_id: str | None
    image_set_id: str | None
    reason: str | None
    uploaded_at: str
    settled_at: str | None


def files(
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that HealthImaging or a rule refused")
    ] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those without a fate yet")] = False,
    imported: Annotated[bool, typer.Option("--imported", help="Those in an image set")] = False,
    skipped: Annotated[
        bool, typer.Option("--skipped", help="Those that are never imported, by a rule")
    ] = False,
    json: options.Json = False,
) -> None:
    """List files with their fate, import job and reason: all of them, or those of the fates asked for."""
    asked = {"FAILED": failed, "WAITING": waiting, "IMPORTED": imported, "SKIPPED": skipped}
    statuses = {name for name, wanted in asked.items() if wanted} or set(asked)
    environment = deployed.find(deployment, aws=aws, role="operator")
    found = list(fates(environment.ledger, statuses))
    if json:
        output.write_json({"files": [asdict(fate) for fate in found]})
        return
    output.facts().print(table(found, environment.input_bucket))


def fates(ledger: Ledger, statuses: set[str]) -> Iterator[Fate]:
    """The files of these fates; those that only failed come newest first, without reading the rest."""
    jobs = {job.name: job.job_id for job in ledger.jobs()}
    for file in ledger.failed_files() if statuses == {"FAILED"} else all_files(ledger):
        if file.status in statuses:
            yield fate(file, jobs.get(file.job or ""))


def all_files(ledger: Ledger) -> Iterator[File]:
    for folder in folders(ledger):
        yield from ledger.files(folder.bucket, folder.path)


def fate(file: File, job_id: str | None) -> Fate:
    return Fate(
        bucket=file.bucket,
        key=file.key,
        version=file.version,
        status=file.status,
        job_id=job_id,
        image_set_id=file.image_set_id,
        reason=file.reason,
        uploaded_at=file.uploaded_at.isoformat(),
        settled_at=file.settled_at.isoformat() if file.settled_at else None,
    )


def table(found: list[Fate], input_bucket: str) -> Table:
    shown = Table()
    for name in ("file", "fate", "job", "image set or reason"):
        shown.add_column(name, overflow="fold")
    for one in found:
        name = named(one.bucket, one.key, input_bucket)
        shown.add_row(name, one.status, one.job_id or "", one.reason or one.image_set_id or "")
    return shown
