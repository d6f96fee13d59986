"""The examples that the AWS CLI installs with itself, as its help shows them."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = re.compile(r"^(?P<lead>.*?) ?::\n\n+(?P<body>(?:    .*\n|\n)+)", re.MULTILINE)
FILE_NAME = re.compile(r"Contents of ``(.+)``")
# What the examples print wrong: a comma is missing, and the member is not called so in the service's model.
ERRATA = {'"HTJ2K"\n': '"HTJ2K",\n', "lastUpdatedAt": "updatedAt"}


class Example(NamedTuple):
    """`number` counts the examples of the command, `files` are those that it reads, by name."""

    command: str
    number: int
    text: str
    files: dict[str, str]
    output: Any

    def __str__(self) -> str:
        return f"{self.command}-{self.number}"


def examples() -> list[Example]:
    """Every example of the service, by command."""
    spec = importlib.util.find_spec("awscli")
    assert spec is not None
    assert spec.submodule_search_locations is not None, "run `make install`"
    folder = Path(spec.submodule_search_locations[0], "examples", "medical-imaging")
    return [each for page in sorted(folder.glob("*.rst")) for each in _examples(page)]


def _examples(page: Path) -> Iterator[Example]:
    found: list[Example] = []
    for block in BLOCK.finditer(page.read_text(encoding="utf-8") + "\n"):
        lead, body = block["lead"], block["body"].strip()
        if body.startswith("aws "):
            found.append(Example(page.stem, len(found) + 1, body, {}, None))
        elif file_name := FILE_NAME.match(lead):
            found[-1].files[file_name[1]] = body
        elif lead == "Output":
            found[-1] = found[-1]._replace(output=_json(body))
        else:
            raise ValueError(f"{page.name} has a block that is no command, file or output: {lead}")
    yield from found


def _json(body: str) -> Any:
    for printed, meant in ERRATA.items():
        body = body.replace(printed, meant)
    return json.loads(body)
