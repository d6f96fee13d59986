"""What AWS asks for the calls of an import: the list prices in `prices.json`, with their date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Dollars for a million of each call or unit, by name.

    Calls go by the name of their API operation. What is not billed by the call goes by its unit:
    WriteRequestUnit and ReadRequestUnit (DynamoDB), LambdaRequest, LambdaGigabyteSecond, S3Event,
    ManagementEvent, ScheduledInvocation, StateTransition, ExpressRequest, ExpressGigabyteSecond and
    InventoryObject.
    """

    region: str
    looked_up: date
    per_million: Mapping[str, float]

    def of_each(self, calls: Mapping[str, float]) -> dict[str, float]:
        """Dollars by name; a name without a price is refused, since it would be counted as free."""
        unpriced = sorted(calls.keys() - self.per_million.keys())
        if unpriced:
            raise KeyError(f"no price for {', '.join(unpriced)}: look it up and put it into {FILE.name}")
        return {name: number * self.per_million[name] / 1_000_000 for name, number in calls.items()}

    def dollars(self, calls: Mapping[str, float]) -> float:
        """What so many calls of each name cost together."""
        return sum(self.of_each(calls).values())


def read_prices() -> Prices:
    """The table that comes with the code."""
    given = json.loads(FILE.read_text(encoding="utf-8"))
    return Prices(
        region=given["region"],
        looked_up=date.fromisoformat(given["looked_up"]),
        per_million=given["per_million"],
    )
