"""The two places a command writes to: facts to stdout, progress to stderr."""

import json
import sys
from typing import Any

from rich.console import Console


def facts() -> Console:
    """The console of people who read stdout; made anew so that a redirected stdout is seen."""
    return Console(file=sys.stdout, highlight=False)


def progress() -> Console:
    """The console for what is going on, which no program reads."""
    return Console(file=sys.stderr, highlight=False)


def write_json(document: Any) -> None:
    """Write the one JSON document of a command."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
