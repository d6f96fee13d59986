"""`ahi status`: what became of each study."""

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.live import Live

from cli import deployed, options, output
from cli.studies import Study, studies, table, totals

REFRESH_SECONDS = 1.0


def status(
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the table up to date until Ctrl-C")] = False,
    json: options.Json = False,
) -> None:
    """Show each folder of the input bucket: how many of its files have which fate, and how long it took."""
    if watch and json:
        raise typer.BadParameter("--watch shows a table and --json prints one document: give one of them")
    found = deployed.find(deployment, aws=aws)
    if watch:
        keep_showing(found)
    elif json:
        output.write_json(document(studies(found.ledger)))
    else:
        output.facts().print(table(studies(found.ledger)))


def keep_showing(found: deployed.Deployed) -> None:
    with Live(table(studies(found.ledger)), console=output.facts(), auto_refresh=False) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            live.update(table(studies(found.ledger)), refresh=True)


def document(found: list[Study]) -> dict[str, Any]:
    """The studies and their sums for programs."""
    return {"studies": [asdict(one) for one in found], "totals": totals(found)}
