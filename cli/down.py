"""`ahi down`: the local AWS stopped."""

from typing import Annotated

import typer

from cli import local, options, output


def down(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also delete all it holds, and the locks of its data stores")
    ] = False,
    json: options.Json = False,
) -> None:
    """Stop the local AWS. What it holds stays, unless --wipe is given."""
    with output.progress().status("stopping the local AWS"):
        stopped = local.stop(local.LOCAL_STATE)
    if wipe:
        local.wipe(local.LOCAL_STATE)
    if json:
        output.write_json({"stopped": stopped, "wiped": wipe})
        return
    output.facts().print("stopped" if stopped else "no local AWS was running")
    if wipe:
        output.facts().print("wiped")
