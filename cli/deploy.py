"""Onto a local AWS with the real CDK CLI: bootstrap and synth side by side, then deploy."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cli import cdk
from cli.errors import CommandError
from cli.local import ACCOUNT, LocalAws
from config.deployment import deployment_file, load_deployment
from emulator.environment import client_environment

STACKS_AT_ONCE = "4"


def deploy(server: LocalAws, name: str, tell: Callable[[str], None]) -> None:
    """Deploy the deployment `name`; `tell` hears each step as it begins."""
    deployment = load_deployment(name)
    if deployment.account not in (None, ACCOUNT):
        raise CommandError(
            f"the deployment {deployment.name} is for the account {deployment.account} only",
            "leave `account` out of its file, or deploy it with `cdk deploy --all` on that account",
        )
    file, region = deployment_file(name).resolve(), deployment.region
    environment = client_environment(server.endpoint, region)
    logs, assembly = server.state / "logs", server.state / "cdk.out"
    shutil.rmtree(assembly, ignore_errors=True)
    synth = ["synth", "--quiet", "--all", "--output", str(assembly), "--context", f"deployment={file}"]

    tell("cdk bootstrap and cdk synth")
    with ThreadPoolExecutor() as pool:
        steps = [
            pool.submit(
                cdk.run, ["bootstrap", f"aws://{ACCOUNT}/{region}"], environment, logs / "bootstrap.log"
            ),
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
