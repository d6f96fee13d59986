"""The pinned CDK CLI on the Node of a Python package: `python -m cli.cdk synth` runs it by hand."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.errors import CommandError
from cli.node import node_folder
from cli.repository import CDK, ROOT

# Neither telemetry, nor notices, nor a look for a newer version: nothing here asks the internet.
SILENT = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true"}
APP_ENDED = "Subprocess exited with error"
LONGEST_SECONDS = 600
SILENT_OPTIONS = ["--no-notices", "--no-version-reporting"]


def check_installed() -> None:
    """Refuse what could not be deployed, before anything is started."""
    if not CDK.exists():
        raise CommandError("the CDK CLI is not installed", "run `make install`")


def command(arguments: Sequence[str]) -> list[str]:
    """The words that run the CDK CLI."""
    check_installed()
    return [str(node_folder() / "node"), str(CDK), *arguments, *SILENT_OPTIONS]


def with_node(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment`, in which the app finds this Python and jsii finds this Node."""
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), str(node_folder()), environment.get("PATH", "")]
    )
    return {**environment, **SILENT, "PATH": path}


def run(arguments: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path = ROOT) -> None:
    """Run one CDK command in `folder`; all it prints goes to `log`.

    Where the folder has no cdk.json there is no app, and none is synthesized.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        finished = subprocess.run(  # noqa: S603 - our own words
            command(arguments),
            cwd=folder,
            env=with_node(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    if finished.returncode:
        raise CommandError(
            f"`cdk {arguments[0]}` ended with exit code {finished.returncode}: {reason(log)}",
            f"its whole output is in {log}",
        )


def reason(log: Path) -> str:
    """The words of a CDK log that say what went wrong, or its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if line]
    if lines and APP_ENDED in lines[-1] and lines[:-1]:
        # What app.py refuses it refuses in sentences; of a traceback the last line is the telling one.
        return "\n".join(lines[-2:-1] if any(line.startswith("Traceback") for line in lines) else lines[:-1])
    refused = [line for line in lines if "_FAILED " in line][:1]
    telling = [line for line in lines if "rror" in line or "❌" in line][-1:]
    return (refused or telling or lines[-1:] or ["it printed nothing"])[0]


if __name__ == "__main__":
    os.chdir(ROOT)
    words = command(sys.argv[1:])
    os.execve(words[0], words, with_node(os.environ))  # noqa: S606 - our own words
