"""`ahi destroy`: an environment taken down, with all that it holds."""

import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from cli import deployed, options, output, users
from cli.emptying import POLL_SECONDS, Pace, Tell, delete_bucket, delete_store, delete_table
from cli.errors import CommandError
from cli.find_remains import BEFORE_THE_DATA, Clients, find_remains, stack_name, stack_status
from cli.remains import KEY_DAYS, Remains, words
from config.deployment import Deployment, deployment_file, load_deployment

# HealthImaging's rates are those of the account: another client's calls may use them up for a while.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})


def destroy(
    deployment: options.Deployment = "sandbox", aws: options.Aws = False, json: options.Json = False
) -> None:
    """Delete a deployment with all its data, after saying what that is and asking for its name.

    It may be stopped at any moment: run again, it goes on with what is left.
    """
    known = load_deployment(deployment)
    server = None if aws else deployed.use_local(known.region)
    client = _clients(known.region)
    account = _account(known, client)
    with output.progress().status("looking at what there is") as shown:
        remains = find_remains(known, client, shown.update)
    said = output.progress() if json else output.facts()
    said.print("\n".join(words(known, account, remains)), soft_wrap=True)
    _ask_for(known.name)
    if server:
        users.delete_users(server.state, known, client("iam"))
    with output.progress().status("") as shown:
        delete(known, remains, client, shown.update)
    lock = deployment_file(deployment).parent / "locks" / f"{known.name}.{account}.{known.region}.yaml"
    lock.unlink(missing_ok=True)
    _tell(known, remains, lock, json)


def _clients(region: str) -> Clients:
    made: dict[str, Any] = {}
    return lambda name: (
        made.get(name) or made.setdefault(name, boto3.client(name, region_name=region, config=PATIENT))
    )


def _account(deployment: Deployment, client: Clients) -> str:
    """The account that is asked, which must be the deployment's own."""
    account: str = client("sts").get_caller_identity()["Account"]
    if deployment.account not in (None, account):
        raise CommandError(
            f"the deployment {deployment.name} is in the account {deployment.account}, and these are "
            f"credentials of {account}",
            "use credentials of that account, and --aws",
        )
    return account


def _ask_for(name: str) -> None:
    output.progress().print("Type the deployment's name to delete all this for ever: ", end="")
    given = sys.stdin.readline().strip()
    if given != name:
        raise CommandError(f"nothing was deleted: {given!r} is not {name!r}", f"type {name} to delete it")


def delete(deployment: Deployment, remains: Remains, client: Clients, tell: Tell) -> None:
    """Stop what imports, delete the data, then what was around it; the names in the Data stack go last."""
    before = {stack_name(deployment, stack) for stack in BEFORE_THE_DATA}
    for stack in (name for name in remains.stacks if name in before):
        delete_stack(client("cloudformation"), stack, tell)
    pace = Pace(deployment.quotas.delete_rate)
    for store in remains.stores:
        delete_store(client("medical-imaging"), store, pace, tell)
    for bucket in remains.buckets:
        delete_bucket(client("s3"), bucket, tell)
    for table in remains.tables:
        delete_table(client("dynamodb"), table)
    for key in remains.keys:
        client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS)
    for stack in (name for name in remains.stacks if name not in before):
        delete_stack(client("cloudformation"), stack, tell)


def delete_stack(cloudformation: Any, name: str, tell: Tell) -> None:
    """Delete a stack, or wait until the deletion that runs ends."""
    tell(f"the stack {name} is deleted")
    if stack_status(cloudformation, name) != "DELETE_IN_PROGRESS":
        cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        cloudformation.delete_stack(StackName=name)
    while status := stack_status(cloudformation, name):
        if status == "DELETE_FAILED":
            raise CommandError(
                f"CloudFormation could not delete the stack {name}",
                f"`aws cloudformation describe-stack-events --stack-name {name}` says why; then run it again",
            )
        time.sleep(POLL_SECONDS)


def _tell(deployment: Deployment, remains: Remains, lock: Path, json: bool) -> None:
    if json:
        deleted = {"image_sets": remains.image_sets, "object_versions": remains.versions}
        output.write_json({"destroyed": deployment.name, **deleted, "keys": list(remains.keys)})
        return
    output.facts().print(f"destroyed  {deployment.name}\nforgotten  {lock.name}", soft_wrap=True)
