"""`ahi status`: what became of each study, and what is chosen for what waits."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live

from cli import deployed, estimates, options, output
from cli.deployed import Deployed
from cli.studies import Study, contents, named, study, table, totals
from config.deployment import Deployment
from lambdas.importing.choice import Lying, lying_in
from lambdas.importing.control import Mode
from lambdas.importing.estimate import Estimate
from lambdas.importing.files import JobState
from lambdas.importing.prices import Prices, read_prices
from lambdas.importing.timing import Timing

REFRESH_SECONDS = 1.0
HALTED = {
    Mode.PAUSED: "the import is paused, so nothing is planned or started",
    Mode.DRAINING: "the import is drained, so nothing more is planned",
}


def status(
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the table up to date until Ctrl-C")] = False,
    json: options.Json = False,
) -> None:
    """Show each folder: how many of its files have which fate, and how long it took.

    A folder of a partner's bucket goes by its URI. Of what waits for a job it shows the choice: read in
    place or copied, jobs, hours and dollars.
    """
    if watch and json:
        raise typer.BadParameter("--watch shows a table and --json prints one document: give one of them")
    found, prices = deployed.find(deployment, aws=aws, role="operator"), read_prices()
    if watch:
        keep_showing(found, prices)
    elif json:
        output.write_json(document(look(found, prices)))
    else:
        output.facts().print(shown(look(found, prices), prices))


@dataclass(frozen=True, kw_only=True)
class Status:
    """The studies, and what it takes to import the files that no running job has."""

    mode: Mode
    studies: list[Study]
    waiting: Estimate


def look(found: Deployed, prices: Prices) -> Status:
    """The ledger as it is now, read once."""
    seen: list[Study] = []
    folders: dict[str, Lying] = {}
    timing = timing_of(found.deployment)
    for folder, files in contents(found.ledger):
        name = named(folder.bucket, folder.path, found.input_bucket)
        seen.append(study(name, files))
        folders[name] = lying_in(folder, files, timing)
    mode = found.ledger.control.mode()
    return Status(mode=mode, studies=seen, waiting=waiting(found, folders, prices))


def waiting(found: Deployed, folders: Mapping[str, Lying], prices: Prices) -> Estimate:
    planned = list(found.ledger.jobs_in(JobState.PLANNED))
    now = datetime.now(UTC)
    return estimates.estimated(found, folders, prices, now, planned=planned, are_registered=True)


def timing_of(deployment: Deployment) -> Timing:
    given = deployment.import_timing
    return Timing(quiet_seconds=given.quiet_seconds, longest_wait_seconds=given.longest_wait_seconds)


def keep_showing(found: Deployed, prices: Prices) -> None:
    first = shown(look(found, prices), prices)
    with Live(first, console=output.facts(), auto_refresh=False) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            live.update(shown(look(found, prices), prices), refresh=True)


def shown(seen: Status, prices: Prices) -> Group:
    """For people: nothing is said of a choice when there is none."""
    waits = estimates.sentences(seen.waiting, prices) if seen.waiting.files else []
    halted = [f"{HALTED[seen.mode]}: `ahi resume` ends that"] if seen.mode in HALTED else []
    return Group(table(seen.studies), *(["waiting for a job:", *waits] if waits else []), *halted)


def document(seen: Status) -> dict[str, Any]:
    """The studies and their sums, and what waits, for programs."""
    return {
        "mode": str(seen.mode),
        "studies": [asdict(one) for one in seen.studies],
        "totals": totals(seen.studies),
        "waiting": asdict(seen.waiting),
    }
