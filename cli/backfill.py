"""`ahi backfill`: import what was in the bucket before anything watched it."""

import json as json_text
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli import deployed, estimates, options, output
from cli.deployed import Deployed
from cli.errors import CommandError
from config.deployment import Deployment
from lambdas.adapters.backfills import Backfills, Run
from lambdas.adapters.storage import Storage
from lambdas.comparing import Comparer
from lambdas.importing.choice import Lying
from lambdas.importing.files import Version, split_key
from lambdas.importing.prices import read_prices
from lambdas.importing.routing import Store, skip_rule, store_for

POLL_SECONDS = 2.0
WORKERS = 16


def backfill(
    prefix: Annotated[str, typer.Argument(help='Keys that begin so; "" is the whole bucket')],
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would take, and do nothing")] = False,
    run: Annotated[bool, typer.Option("--run", help="Do it, or go on where it was stopped")] = False,
    wait: Annotated[bool, typer.Option(help="With --run: wait until all files are registered")] = True,
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    json: options.Json = False,
) -> None:
    """Import the files under PREFIX that the ledger does not know: those that were there before it.

    Ending this command leaves a run under way; it can be given again, and imports nothing twice.
    """
    if plan == run:
        raise typer.BadParameter("say which: --plan or --run")
    found = deployed.find(deployment, aws=aws, role="operator")
    if plan:
        tell_plan(found, prefix, json)
    else:
        tell_run(found, prefix, wait, json)


# The plan


def tell_plan(found: Deployed, prefix: str, json: bool) -> None:
    prices = read_prices()
    folders, skipped = listed(found, prefix)
    now = datetime.now(UTC)
    estimate = estimates.estimated(found, folders, prices, now, within=prefix, are_registered=False)
    if json:
        priced = {"region": prices.region, "looked_up": prices.looked_up.isoformat()}
        output.write_json({**asdict(estimate), "skipped": skipped, "prices": priced})
        return
    for sentence in estimates.sentences(estimate, prices):
        output.facts().print(sentence)
    if skipped:
        output.facts().print(f"{skipped:,} objects are skipped by a rule")


def listed(found: Deployed, prefix: str) -> tuple[dict[str, Lying], int]:
    """What lies in each folder under the prefix, and how many objects are skipped by their name or size."""
    comparer = Comparer(ledger=found.ledger, bucket=found.input_bucket, workers=WORKERS)
    folders: dict[str, Lying] = defaultdict(Lying)
    skipped = 0
    with output.progress().status("listing") as shown:
        for page in Storage(found.client("s3")).pages(found.input_bucket, None, prefix):
            skipped += count(folders, comparer, page, found.deployment)
            shown.update(f"listing: {sum(one.files for one in folders.values())} files to import")
    return folders, skipped


def count(
    folders: dict[str, Lying], comparer: Comparer, page: Iterable[Version], deployment: Deployment
) -> int:
    """Add a page's current versions to their folders; how many of the unknown ones a rule skips."""
    skipped = 0
    for one in comparer.compare(version for version in page if version.is_latest):
        path = split_key(one.version.key)[0]
        lying = folders[path]
        if one.row is None and not is_skipped(one.version, deployment):
            size = lying.bytes + one.version.size
            folders[path] = replace(lying, files=lying.files + 1, bytes=size)
        else:
            skipped += one.row is None
            folders[path] = replace(lying, others=lying.others + 1)
    return skipped


def is_skipped(version: Version, deployment: Deployment) -> bool:
    """As `register` will, before it looks at the first bytes."""
    stores = [
        Store(id=store_id, prefix=store.prefix, datastore_id="", role_arn="", output_uri="")
        for store_id, store in deployment.data_stores.items()
    ]
    store = store_for(version.key, stores)
    quotas = deployment.quotas
    rule = skip_rule(version.key, version.size, store, min(quotas.bytes_per_file, quotas.bytes_per_job))
    return bool(rule) or split_key(version.key)[1] == deployment.import_timing.complete_marker


# The run


def tell_run(found: Deployed, prefix: str, wait: bool, json: bool) -> None:
    runs = Backfills(found.table)
    machine = found.client("stepfunctions")
    started = start(found, runs, machine, prefix)
    status = "RUNNING"
    if wait:
        status = wait_for(machine, started, lambda: runs.told(started.id), time.sleep)
    told = runs.told(started.id)
    if json:
        output.write_json({"run": started.id, "status": status, "told": told})
    else:
        output.facts().print(f"{status.lower()}: {told} files were not known and are registered")
    if status not in ("RUNNING", "SUCCEEDED"):
        raise CommandError(f"the backfill {started.id} is {status}", "give the same command again to go on")


def start(found: Deployed, runs: Backfills, machine: Any, prefix: str) -> Run:
    """The prefix's run under way, or the unfinished one taken up again, or a new one."""
    bucket = found.input_bucket
    run = runs.unfinished(bucket, prefix) or runs.begin(bucket, prefix, secrets.token_hex(8))
    if run.execution and status_of(machine, run.execution) == "RUNNING":
        return run
    started = machine.start_execution(
        stateMachineArn=found.import_output("BackfillMachine"), input=json_text.dumps({"run": run.id})
    )
    runs.note_execution(run, started["executionArn"])
    return replace(run, execution=started["executionArn"])


def wait_for(machine: Any, run: Run, told: Callable[[], int], sleep: Callable[[float], None]) -> str:
    """The execution's status when it is over."""
    assert run.execution
    with output.progress().status("") as shown:
        while (status := status_of(machine, run.execution)) == "RUNNING":
            shown.update(f"{told()} files so far")
            sleep(POLL_SECONDS)
    return status


def status_of(machine: Any, execution: str) -> str:
    return str(machine.describe_execution(executionArn=execution)["status"])
