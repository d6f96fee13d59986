"""What all functions share of the account's quotas: the slots of running jobs and the pace of starts."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from lambdas.adapters.rows import Item
from lambdas.adapters.table import Table
from lambdas.importing.files import Job
from lambdas.importing.pacer import Pace, Rate, begin, is_stale, started, take_ticket, throttled, turn

PACE = {"pk": "pace", "sk": "starts"}
TRIES = 10
# Jobs whose wait for a slot is noted: each write of the row is billed by its size. The others ask again.
MOST_WAITING = 100
# An urgent one is noted up to here: a backlog must not keep it from being called.
MOST_WAITING_URGENT = MOST_WAITING * 2


class Quota:
    """The slots in the ledger's `table`, a ClientTable, and the pace there too, or in `pace`, a table that
    deployments share."""

    def __init__(self, table: Any, pace: Any = None) -> None:
        self._table = Table(table)
        self._pace = Table(pace) if pace else self._table

    def take_slot(self, job: Job, concurrent_jobs: int) -> bool:
        """Whether the job holds one of its data store's slots now; one that holds one keeps it.

        One that gets none waits in the row, from where `next_waiting` calls it.
        """
        return self._take_slot(job, concurrent_jobs) or (
            # Where a slot came free between the two writes, nobody would call it.
            not self._wait(job, concurrent_jobs) and self._take_slot(job, concurrent_jobs)
        )

    def _take_slot(self, job: Job, concurrent_jobs: int) -> bool:
        return bool(
            self._table.update(
                _slots(job.datastore_id),
                "ADD #jobs :jobs DELETE #waiting :waiting",
                "attribute_not_exists(#jobs) OR size(#jobs) < :most OR contains(#jobs, :job)",
                {":jobs": {job.name}, ":waiting": {_place(job)}, ":job": job.name, ":most": concurrent_jobs},
            )
        )

    def _wait(self, job: Job, concurrent_jobs: int) -> bool:
        return bool(
            self._table.update(
                _slots(job.datastore_id),
                "ADD #waiting :waiting",
                "size(#jobs) >= :most AND (attribute_not_exists(#waiting) OR size(#waiting) < :many)",
                {
                    ":waiting": {_place(job)},
                    ":most": concurrent_jobs,
                    ":many": MOST_WAITING_URGENT if job.is_urgent else MOST_WAITING,
                },
            )
        )

    def next_waiting(self, datastore_id: str) -> str | None:
        """The name of the job that has waited longest for a slot, an urgent one before all others.

        It waits no longer then: no two callers are given the same.
        """
        item = self._table.get(_slots(datastore_id)) or {}
        for place in sorted(item.get("waiting", ())):
            if self._table.update(
                _slots(datastore_id),
                "DELETE #waiting :waiting",
                "contains(#waiting, :place)",
                {":waiting": {place}, ":place": place},
            ):
                return str(place).rpartition(" ")[2]
        return None

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

    def take_ticket(self, now: float, rate: Rate, *, is_urgent: bool = False) -> tuple[float, float] | None:
        """A ticket and when it is called; None when too many asked at once to be given one."""
        for _ in range(TRIES):
            seen, standing = self._standing()
            ticket, pace = take_ticket(begin(rate, now, standing), rate, is_urgent=is_urgent)
            if self._keep(seen, pace):
                return ticket, turn(pace, ticket, is_urgent=is_urgent)
        return None

    def turn(self, ticket: float, now: float, rate: Rate, *, is_urgent: bool = False) -> float | None:
        """When the ticket is called, as the rate is now; None when it was called too long ago."""
        _, standing = self._standing()
        pace = begin(rate, now, standing)
        if is_stale(pace, ticket, is_urgent=is_urgent):
            return None
        return turn(pace, ticket, is_urgent=is_urgent)

    def per_second(self, now: float, rate: Rate) -> float:
        """How fast jobs start now, by what was learned."""
        _, standing = self._standing()
        return begin(rate, now, standing).rate

    def started(self, now: float, rate: Rate) -> None:
        """Let the rate grow, if starts wait for it."""
        self._learn(now, rate, lambda pace: started(pace, rate))

    def throttled(
        self, ticket: float, asked_at: float, now: float, rate: Rate, *, is_urgent: bool = False
    ) -> None:
        """Cut the rate, and call the ticket again."""
        self._learn(now, rate, lambda pace: throttled(pace, ticket, asked_at, is_urgent=is_urgent))

    def _learn(self, now: float, rate: Rate, change: Callable[[Pace], Pace]) -> None:
        for _ in range(TRIES):
            seen, standing = self._standing()
            pace = begin(rate, now, standing)
            if (learned := change(pace)) == pace or self._keep(seen, learned):
                return

    def _standing(self) -> tuple[str | None, Pace | None]:
        """The row's text, and the pace that it tells of; a deployment of another day may have written it."""
        item = self._pace.get(PACE)
        if item is None:
            return None, None
        known, told = {one.name for one in fields(Pace)}, json.loads(item["value"])
        return item["value"], Pace(**{name: value for name, value in told.items() if name in known})

    def _keep(self, seen: str | None, pace: Pace) -> bool:
        # DynamoDB takes no floats: a text is exact, and is only ever compared for being the same.
        values: Item = {":value": json.dumps(asdict(pace))}
        condition = "attribute_not_exists(#pk)"
        if seen is not None:
            condition, values[":seen"] = "#value = :seen", seen
        return bool(self._pace.update(PACE, "SET #value = :value", condition, values))


def _place(job: Job) -> str:
    """In the order of places, urgent jobs come first, then those that were planned first."""
    return f"{0 if job.is_urgent else 1} {job.created_at.isoformat()} {job.name}"


def _slots(datastore_id: str) -> dict[str, str]:
    return {"pk": f"slots#{datastore_id}", "sk": "/"}
