"""Onto a local AWS with the real CDK CLI: bootstrap and synth side by side, then deploy."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cli import cdk
from cli.errors import CommandError
from cli.local import ACCOUNT, LocalAws
from config.deployment import deployment_file, load_deployment
from emulator.environment import client_environment

STACKS_AT_ONCE = "4"


def copied(name: str, state: Path) -> Path:
    """The file of a deployment copied into `state`: app.py keeps the locks of data stores beside the file,
    and those of a local AWS that is thrown away are thrown away with it."""
    state.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(deployment_file(name), state))


def deploy(server: LocalAws, file: Path, tell: Callable[[str], None]) -> None:
    """Deploy the deployment of `file`; `tell` hears each step as it begins."""
    deployment = load_deployment(str(file))
    if deployment.account not in (None, ACCOUNT):
        raise CommandError(
            f"the deployment {deployment.name} is for the account {deployment.account} only",
            "leave `account` out of its file, or deploy it with `cdk deploy --all` on that account",
        )
    environment = client_environment(server.endpoint, server.ca, deployment.region)
    logs, assembly = server.state / "logs", server.state / "cdk.out"
    shutil.rmtree(assembly, ignore_errors=True)
    synth = [
        "synth",
        "--quiet",
        "--output",
        str(assembly),
        "--context",
        f"deployment={file.resolve()}",
    ]

    tell("cdk bootstrap and cdk synth")
    bootstrap = ["bootstrap", f"aws://{ACCOUNT}/{deployment.region}"]
    with ThreadPoolExecutor() as pool:
        steps = [
            pool.submit(cdk.run, bootstrap, environment, logs / "bootstrap.log", server.state),
            pool.submit(cdk.run, synth, environment, logs / "synth.log"),
        ]
    for step in steps:
        step.result()

    tell("cdk deploy --all")
    deploy_all = ["deploy", "--all", "--require-approval", "never", "--app", str(assembly)]
    cdk.run(
        [*deploy_all, "--concurrency", STACKS_AT_ONCE, "--progress", "events"],
        environment,
        logs / "deploy.log",
    )
