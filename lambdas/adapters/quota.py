"""What all functions share of the account's quotas: the slots of running jobs and the pace of starts."""

from typing import Any

from lambdas.adapters.rows import Item
from lambdas.adapters.table import Table
from lambdas.importing.pacer import Rate, take_turn

PACE = {"pk": "pace", "sk": "/"}
TRIES = 10


class Quota:
    """The slots and the pace in the ledger's `table`, a boto3 DynamoDB Table resource."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def take_slot(self, datastore_id: str, job: str, concurrent_jobs: int) -> bool:
        """Whether the job holds one of the data store's slots now; one that holds one keeps it."""
        return bool(
            self._table.update(
                _slots(datastore_id),
                "ADD #jobs :jobs",
                "attribute_not_exists(#jobs) OR size(#jobs) < :most OR contains(#jobs, :job)",
                {":jobs": {job}, ":job": job, ":most": concurrent_jobs},
            )
        )

    def free_slot(self, datastore_id: str, job: str) -> None:
        self._table.update(
            _slots(datastore_id),
            "DELETE #jobs :jobs",
            "contains(#jobs, :job)",
            {":jobs": {job}, ":job": job},
        )

    def slots(self, datastore_id: str) -> frozenset[str]:
        """The names of the jobs that hold a slot."""
        item = self._table.get(_slots(datastore_id)) or {}
        return frozenset(item.get("jobs", ()))

    def take_turn(self, now: float, rate: Rate) -> float | None:
        """When the caller may start a job; None when too many asked at once to be given a turn."""
        for _ in range(TRIES):
            item = self._table.get(PACE)
            value = float(item["value"]) if item else 0.0
            turn, following = take_turn(value, now, rate)
            if self._pace(item, following):
                return turn
        return None

    def _pace(self, seen: Item | None, following: float) -> bool:
        # DynamoDB takes no floats: a text is exact, and is only ever compared for being the same.
        values: Item = {":value": repr(following)}
        condition = "attribute_not_exists(#pk)"
        if seen:
            condition, values[":seen"] = "#value = :seen", seen["value"]
        return bool(self._table.update(PACE, "SET #value = :value", condition, values))


def _slots(datastore_id: str) -> dict[str, str]:
    return {"pk": f"slots#{datastore_id}", "sk": "/"}
