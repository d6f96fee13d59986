"""The AWS CLI as one process that runs a command for each line of JSON it reads.

Importing the CLI takes longer than a command, so it is imported once, and each command runs in a fork.
"""

import json
import os
import sys

import awscli.clidriver


def main() -> None:
    # Loads what every command loads.
    awscli.clidriver.create_clidriver()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            run(asked["arguments"], asked["folder"])
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(arguments: list[str], folder: str) -> None:
    """Be `aws` with those arguments in that folder, where `stdout` and `stderr` are written."""
    os.chdir(folder)
    for descriptor, name in enumerate(("stdout", "stderr"), start=1):
        os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY), descriptor)
    sys.argv = ["aws", *arguments]
    try:
        code = awscli.clidriver.main()
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
