"""`ahi backfill`: import what was in the bucket before anything watched it."""

import json as json_text
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from cli import deployed, options, output
from cli.deployed import Deployed
from cli.errors import CommandError
from config.deployment import Deployment
from lambdas.adapters.backfills import Backfills, Run
from lambdas.adapters.dynamodb import ClientTable
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.storage import Storage
from lambdas.comparing import Comparer
from lambdas.importing.estimate import Contents, Estimate, Pace, estimate
from lambdas.importing.files import JobState, Version, split_key
from lambdas.importing.planner import Limits
from lambdas.importing.prices import Prices, read_prices
from lambdas.importing.routing import Store, skip_rule, store_for

POLL_SECONDS = 2.0
WORKERS = 16
JOBS_MEASURED = 100


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
    found = deployed.find(deployment, aws=aws)
    if plan:
        tell_plan(found, prefix, json)
    else:
        tell_run(found, prefix, wait, json)


# The plan


def tell_plan(found: Deployed, prefix: str, json: bool) -> None:
    prices = read_prices()
    estimated, skipped = planned(found, prefix, prices)
    if json:
        priced = {"region": prices.region, "looked_up": prices.looked_up.isoformat()}
        output.write_json({**asdict(estimated), "skipped": skipped, "prices": priced})
        return
    facts = output.facts()
    facts.print(f"{estimated.files} files ({estimated.bytes / 1e9:.1f} GB) in {estimated.folders} folders")
    facts.print(f"{estimated.jobs} jobs, {estimated.copies} files copied to staging")
    facts.print(f"{estimated.hours:.1f} hours at least, to start the jobs and to run them")
    facts.print(
        f"${estimated.dollars:.2f} at the list prices of {prices.region} of {prices.looked_up}: "
        "calls alone, no storage"
    )
    if skipped:
        facts.print(f"{skipped} objects are skipped by a rule")


def planned(found: Deployed, prefix: str, prices: Prices) -> tuple[Estimate, int]:
    """The estimate, and how many objects are skipped by their name or size."""
    comparer = Comparer(ledger=found.ledger, bucket=found.input_bucket, workers=WORKERS)
    folders: dict[str, Contents] = defaultdict(Contents)
    skipped = 0
    with output.progress().status("listing") as shown:
        for page in Storage(found.client("s3")).pages(found.input_bucket, None, prefix):
            skipped += count(folders, comparer, page, found.deployment)
            shown.update(f"listing: {sum(one.files for one in folders.values())} files to import")
    quotas = found.deployment.quotas
    limits = Limits(files=quotas.files_per_job, bytes=quotas.bytes_per_job, folders=quotas.folders_per_job)
    pace = Pace(
        starts_per_second=quotas.start_rate,
        concurrent_jobs=quotas.concurrent_jobs,
        drain_seconds=60 * found.deployment.import_timing.drain_minutes,
        job_seconds=job_seconds(found.ledger),
    )
    return estimate(folders, limits, pace, prices, prefix), skipped


def count(
    folders: dict[str, Contents], comparer: Comparer, page: Iterable[Version], deployment: Deployment
) -> int:
    """Add a page's current versions to their folders; how many of the unknown ones a rule skips."""
    skipped = 0
    for one in comparer.compare(version for version in page if version.is_latest):
        path = split_key(one.version.key)[0]
        contents = folders[path]
        if one.row is not None:
            folders[path] = replace(contents, others=contents.others + 1)
        elif is_skipped(one.version, deployment):
            skipped += 1
            folders[path] = replace(contents, others=contents.others + 1)
        else:
            size = contents.bytes + one.version.size
            folders[path] = replace(contents, files=contents.files + 1, bytes=size)
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


def job_seconds(ledger: Ledger) -> float | None:
    """How long this deployment's jobs ran on average, if any did."""
    jobs = (job for job, _ in zip(ledger.jobs_in(JobState.COMPLETED), range(JOBS_MEASURED), strict=False))
    ran = [
        (job.finished_at - job.started_at).total_seconds()
        for job in jobs
        if job.started_at and job.finished_at
    ]
    return sum(ran) / len(ran) if ran else None


# The run


def tell_run(found: Deployed, prefix: str, wait: bool, json: bool) -> None:
    runs = Backfills(ClientTable(found.client("dynamodb"), found.outputs["LedgerTable"]))
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
        stateMachineArn=machine_arn(found), input=json_text.dumps({"run": run.id})
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


def machine_arn(found: Deployed) -> str:
    """The state machine that the Import stack gives away."""
    stack = f"ahi-{found.deployment.name}-import"
    described = found.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
    return str(outputs["BackfillMachine"])
