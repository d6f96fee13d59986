"""`ahi up`: a local AWS, running and deployed."""

from typing import Annotated

import typer

from cli import cdk, deployed, local, options, output, protect, repository, users
from cli.deploy import deploy
from config.deployment import deployment_file, load_deployment


def up(
    deployment: options.Deployment = "sandbox",
    port: Annotated[
        int | None,
        typer.Option(help=f"Where it listens; {local.DEFAULT_PORT} the first time, then as before"),
    ] = None,
    json: options.Json = False,
) -> None:
    """Start the local AWS unless it runs, and deploy onto it with the CDK CLI.

    What it holds is kept when it stops: files that were waiting are imported after the next start.
    """
    cdk.check_installed()
    region = load_deployment(deployment).region
    with output.progress().status("starting the local AWS") as shown:
        server = local.start(repository.LOCAL_STATE, port)
        deploy(server, deployment_file(deployment), shown.update)
    deployed.use(server, region)
    found = deployed.look_up(load_deployment(deployment))
    users.make_users(server.state, found.deployment, found.client("iam"))
    protect.set_stack_policy(found.deployment, found.client("cloudformation"))
    if json:
        output.write_json(
            {
                "endpoint": server.endpoint,
                "ca": str(server.ca),
                "bucket": found.input_bucket,
                "outputs": found.outputs,
            }
        )
        return
    facts = {"endpoint": server.endpoint, "ca": server.ca, "bucket": found.input_bucket}
    output.facts().print(*(f"{name:10}{fact}" for name, fact in facts.items()), sep="\n", soft_wrap=True)
