"""`ahi complete`: import a prefix now, without waiting for its quiet period."""

from typing import Annotated

import typer

from cli import deployed, options, output
from cli.deployed import Deployed
from cli.errors import CommandError
from lambdas.adapters.queues import Queue
from lambdas.importing.control import Mode


def complete(
    prefix: Annotated[str, typer.Argument(help='A folder of the input bucket, ending in "/"')],
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
    json: options.Json = False,
) -> None:
    """Say that no more files will come under PREFIX: what waits there is imported at once."""
    if prefix and not prefix.endswith("/"):
        raise typer.BadParameter(f'{prefix!r} is no folder: end it in "/", or give "" for the whole bucket')
    found = deployed.find(deployment, aws=aws, role="operator")
    if found.ledger.control.mode() is not Mode.RUNNING:
        raise CommandError("the import is paused or drained: nothing is planned", "`ahi resume` first")
    plan_queue(found).send({"bucket": found.input_bucket, "folder": prefix, "complete": True})
    if json:
        output.write_json({"prefix": prefix, "complete": True})
        return
    output.facts().print("Its open folders, if there are any, are planned now: `ahi status` shows them.")


def plan_queue(found: Deployed) -> Queue:
    """The queue that the Import stack gives away."""
    return Queue(found.client("sqs"), found.import_output("PlanQueueUrl"))
