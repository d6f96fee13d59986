"""`ahi demo`: from nothing to image sets, and nothing left behind."""

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from cli import cdk, deployed, local, options, output, users
from cli.deploy import copied, deploy
from cli.errors import CommandError
from cli.repository import DEMO_STATE, ROOT
from cli.samples import Sample, write_samples
from cli.studies import Study, studies, table, totals
from cli.upload import files_under, upload_files
from cli.verify import problems
from config.deployment import load_deployment
from config.people import Role

LONGEST_IMPORT_SECONDS = 180
POLL_SECONDS = 0.5


class Steps:
    """Says on stderr what is going on, and how long each step took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._name, self._since = "", time.monotonic()
        self._spinner = console.status("")

    def begin(self, name: str) -> None:
        """End the step before, and start this one."""
        self.end()
        self._name, self._since = name, time.monotonic()
        self._spinner.update(name)
        self._spinner.start()

    def end(self) -> None:
        self._spinner.stop()
        if self._name:
            self.seconds[self._name] = round(time.monotonic() - self._since, 1)
            self.console.print(f"{self.seconds[self._name]:6.1f} s  {self._name}")
        self._name = ""


def demo(deployment: options.Deployment = "sandbox", json: options.Json = False) -> None:
    """Show it all once: a fresh local AWS, the stacks, real DICOM studies, and what became of every file.

    Succeeds only if every file has a fate and every good file is in an image set that holds it.
    """
    cdk.check_installed()
    steps = Steps(output.progress())
    begun = time.monotonic()
    clear()
    try:
        found, wrong = play(deployment, steps)
    except BaseException:
        steps.end()
        local.stop(DEMO_STATE)
        output.progress().print(f"kept for a look: {DEMO_STATE.relative_to(ROOT)}, its logs in logs/")
        raise
    local.stop(DEMO_STATE)
    total = round(time.monotonic() - begun, 1)
    if json:
        output.write_json(document(found, wrong, {**steps.seconds, "all": total}))
    else:
        output.facts().print(table(found), f"{total} s in all")
    if wrong:
        raise CommandError(
            f"{len(wrong)} things are not as they should be: {'; '.join(wrong)}",
            f"logs are in {DEMO_STATE.relative_to(ROOT)}/logs",
        )
    clear()


def clear() -> None:
    """Remove what an earlier demo left."""
    local.stop(DEMO_STATE)
    shutil.rmtree(DEMO_STATE, ignore_errors=True)


def play(name: str, steps: Steps) -> tuple[list[Study], list[str]]:
    """Start, deploy, upload, wait, look into the image sets."""
    deployment = load_deployment(name)
    steps.begin("start of the local AWS")
    server = local.start(DEMO_STATE, local.free_port())
    deploy(server, copied(name, DEMO_STATE), steps.begin)
    steps.begin("upload")
    deployed.use(server, deployment.region)
    users.make_users(DEMO_STATE, deployment, deployed.client("iam", deployment.region))

    found = deployed.look_up(deployment)

    def one_of(role: Role) -> deployed.Deployed:
        return replace(found, keys=users.keys_of(DEMO_STATE, deployment, role))

    samples = upload_samples(one_of("importer"), DEMO_STATE / "samples")
    steps.begin("import")
    operator = one_of("operator")
    became = wait(operator, len(samples), steps.console)
    steps.begin("check of the image sets")
    wrong = problems(operator, one_of("reader").client("medical-imaging"), samples)
    steps.end()
    return became, wrong


def upload_samples(found: deployed.Deployed, directory: Path) -> list[Sample]:
    samples = write_samples(directory)
    upload_files(found.client("s3"), found.input_bucket, directory, files_under(directory), "")
    return samples


def wait(found: deployed.Deployed, files: int, console: Console) -> list[Study]:
    """Show the studies until every one of `files` has a fate."""
    deadline = time.monotonic() + LONGEST_IMPORT_SECONDS
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while time.monotonic() < deadline:
            became = studies(found.ledger, found.input_bucket)
            live.update(table(became), refresh=True)
            if settled(became) >= files:
                return became
            time.sleep(POLL_SECONDS)
    raise CommandError(
        f"after {LONGEST_IMPORT_SECONDS} s only {settled(became)} of {files} files have a fate",
        f"the log of the local AWS and of its functions is under {DEMO_STATE.relative_to(ROOT)}",
    )


def settled(became: list[Study]) -> int:
    return sum(one.uploaded - one.waiting for one in became)


def document(found: list[Study], wrong: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    """The demo for programs."""
    return {
        "studies": [asdict(one) for one in found],
        "totals": totals(found),
        "problems": wrong,
        "seconds": seconds,
    }
