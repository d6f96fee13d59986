"""What AWS bills for an import, by the million files."""

from collections.abc import Mapping
from typing import Any

from lambdas.importing.prices import read_prices

MILLION = 1_000_000


def billed(used: Mapping[str, float], files: int) -> dict[str, Any]:
    """`used` counts calls and billed units by name, of an import of so many files."""
    dollars = read_prices().of_each(used)
    return {
        "calls": dict(used),
        "dollars_per_million": round(sum(dollars.values()) / files * MILLION, 2),
        "dollars_by_name": {name: round(cost / files * MILLION, 3) for name, cost in dollars.items() if cost},
    }
