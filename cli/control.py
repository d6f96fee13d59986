"""`ahi pause`, `ahi resume` and `ahi drain`: whether the import goes on."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from cli import deployed, options, output
from lambdas.adapters.ledger import Ledger
from lambdas.importing.control import Mode
from lambdas.importing.files import FolderState, JobState

POLL_SECONDS = 2.0
UNDER_WAY = (JobState.STARTING, JobState.STARTED)


def pause(
    deployment: options.Deployment = "sandbox", aws: options.Aws = False, json: options.Json = False
) -> None:
    """Plan and start nothing more. Running jobs end, uploads are noted, and nothing is lost."""
    ledger = deployed.find(deployment, aws=aws, role="operator").ledger
    ledger.control.set(Mode.PAUSED)
    tell(ledger, json)


def resume(
    deployment: options.Deployment = "sandbox", aws: options.Aws = False, json: options.Json = False
) -> None:
    """Go on after `ahi pause` or `ahi drain`. What waited is taken up within a minute or two."""
    ledger = deployed.find(deployment, aws=aws, role="operator").ledger
    ledger.control.set(Mode.RUNNING)
    tell(ledger, json)


def drain(
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    wait: Annotated[bool, typer.Option(help="Wait until nothing runs, and say so")] = True,
    json: options.Json = False,
) -> None:
    """Plan nothing new, end what is planned or runs, and say when it is quiet. `ahi resume` ends it."""
    ledger = deployed.find(deployment, aws=aws, role="operator").ledger
    ledger.control.set(Mode.DRAINING)
    if wait:
        wait_until_quiet(ledger, time.sleep)
    tell(ledger, json)


def wait_until_quiet(ledger: Ledger, sleep: Callable[[float], None]) -> None:
    """Ending this command leaves the import draining."""
    with output.progress().status("") as shown:
        while number := in_hand(ledger):
            shown.update(f"{number} folders and jobs are still in hand")
            sleep(POLL_SECONDS)


def in_hand(ledger: Ledger) -> int:
    """Folders with a plan in flight and jobs under way."""
    folders = sum(1 for _ in ledger.folders_in(FolderState.IMPORTING))
    return folders + sum(1 for state in UNDER_WAY for _ in ledger.jobs_in(state))


def tell(ledger: Ledger, json: bool) -> None:
    mode, number = ledger.control.mode(), in_hand(ledger)
    if json:
        output.write_json({"mode": str(mode), "in_hand": number, "quiet": number == 0})
        return
    state = "nothing is in hand" if number == 0 else f"{number} folders and jobs are still in hand"
    output.facts().print(f"{str(mode).lower()}: {state}")
