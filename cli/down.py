"""`ahi down`: the local AWS stopped."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from cli import local, options, output, repository


def down(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also delete all it holds, and its locks in config/locks")
    ] = False,
    json: options.Json = False,
) -> None:
    """Stop the local AWS. What it holds stays, unless --wipe is given."""
    with output.progress().status("stopping the local AWS"):
        stopped = local.stop(repository.LOCAL_STATE)
    if wipe:
        delete(repository.LOCAL_STATE, repository.LOCKS)
    if json:
        output.write_json({"stopped": stopped, "wiped": wipe})
        return
    output.facts().print("stopped" if stopped else "no local AWS was running")
    if wipe:
        output.facts().print("wiped")


def delete(state: Path, locks: Path) -> None:
    """Forget a stopped local AWS, and that its data stores ever were."""
    shutil.rmtree(state, ignore_errors=True)
    for lock in locks.glob(f"*.{local.ACCOUNT}.*"):
        lock.unlink()
