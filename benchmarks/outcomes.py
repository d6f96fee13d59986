"""What a job says of each of its files, as short reasons that can be counted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Lines = Iterable[Mapping[str, Any]]

SERVER_ERROR = "InternalServerException"


def reasons(success: Lines, failure: Lines, warning: Lines) -> Counter[tuple[str, str]]:
    """How often each file is told of, and as what: pairs of key and reason, each of which should be once."""
    warned = {
        line["inputFile"]: " and ".join(each["type"] for each in line["importResponse"]["warnings"])
        for line in warning
    }
    imported = [line["inputFile"] for line in success]
    found = Counter((key, _imported(warned.get(key))) for key in imported)
    found.update((line["inputFile"], _failed(line["exception"])) for line in failure)
    return found


def untold(keys: Iterable[str], found: Counter[tuple[str, str]]) -> list[str]:
    """The keys that have no line, or more than one."""
    lines: Counter[str] = Counter()
    for (key, _), count in found.items():
        lines[key] += count
    wanted = set(keys)
    return sorted(key for key in wanted | lines.keys() if lines[key] != 1 or key not in wanted)


def _imported(warning: str | None) -> str:
    return f"imported with {warning}" if warning else "imported"


def _failed(exception: Mapping[str, str]) -> str:
    if exception["exceptionType"] == SERVER_ERROR:
        return f"{SERVER_ERROR}: {exception['message']}"
    return exception["message"]
