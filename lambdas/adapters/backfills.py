"""How far each backfill is: its rows in the ledger's table.

A run is known by a random id, so that what names it elsewhere says nothing of the keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from lambdas.adapters.rows import Item, Key
from lambdas.adapters.table import Table, sets
from lambdas.importing.slicing import Slice

NOT_THERE = "attribute_not_exists(#pk)"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A backfill of `prefix`, cut into `slices` so far, up to the key `after`; `is_cut` says that is all.

    `execution` is the ARN of the execution that was started for it last.
    """

    id: str
    prefix: str
    slices: int = 0
    after: str | None = None
    is_cut: bool = False
    is_finished: bool = False
    execution: str | None = None


class Backfills:
    """Runs and their slices in `table`, a ClientTable."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def unfinished(self, bucket: str, prefix: str) -> Run | None:
        """The run of this prefix that is not at its end."""
        pointer = self._table.get(_pointer_key(bucket, prefix))
        run = self.run(pointer["run"]) if pointer else None
        return None if run is None or run.is_finished else run

    def begin(self, bucket: str, prefix: str, run_id: str) -> Run:
        """A new run; it takes the place of the prefix's last one."""
        item: Item = {**_run_key(run_id), "slices": 0, **({"prefix": prefix} if prefix else {})}
        self._table.put(item, NOT_THERE)
        self._table.update(
            _pointer_key(bucket, prefix),
            "SET #run = :run",
            "attribute_not_exists(#pk) OR #pk = :pk",
            {":run": run_id, ":pk": "backfill"},
        )
        return Run(id=run_id, prefix=prefix)

    def run(self, run_id: str) -> Run | None:
        item = self._table.get(_run_key(run_id))
        return _to_run(run_id, item) if item else None

    def note_execution(self, run: Run, arn: str) -> None:
        self._set(run, {"execution": arn})

    def add(self, run: Run, slice_: Slice) -> Run:
        """Put the run's next slice; the run as it is now, which another execution may have cut further.

        A slice that stands there already, from a call that was cut short, stays as it is.
        """
        key = _slice_key(run.id, run.slices)
        item = {**key, "until": slice_.until, **({"after": slice_.after} if slice_.after else {})}
        self._table.put(item, NOT_THERE)
        standing = self._table.get(key) or item
        change, values = sets({"slices": run.slices + 1, "after": standing["until"]})
        self._table.update(_run_key(run.id), change, "#slices = :seen", {**values, ":seen": run.slices})
        return self.run(run.id) or run

    def end_cutting(self, run: Run) -> None:
        self._set(run, {"is_cut": True})

    def finish(self, run: Run) -> None:
        self._set(run, {"is_finished": True})

    def slice(self, run_id: str, number: int) -> tuple[Slice, int | None] | None:
        """A slice, and of how many files `register` was told if it is done."""
        item = self._table.get(_slice_key(run_id, number))
        if item is None:
            return None
        return Slice(after=item.get("after"), until=item["until"]), item.get("told")

    def undone(self, run_id: str, most: int) -> list[int]:
        """The numbers of the first slices that are not done."""
        found = self._table.query(
            "#pk = :pk AND #sk BETWEEN :first AND :last",
            {":pk": f"backfill#{run_id}", ":first": "0", ":last": "9" * 9},
            FilterExpression="attribute_not_exists(#told)",
        )
        return [int(item["sk"]) for item, _ in zip(found, range(most), strict=False)]

    def done(self, run_id: str, number: int, told: int) -> None:
        self._table.update(
            _slice_key(run_id, number), "SET #told = :told", "attribute_not_exists(#told)", {":told": told}
        )

    def told(self, run_id: str) -> int:
        """Of how many files `register` was told so far."""
        found = self._table.query("#pk = :pk", {":pk": f"backfill#{run_id}"})
        return sum(item.get("told", 0) for item in found)

    def _set(self, run: Run, changes: Mapping[str, Any]) -> None:
        change, values = sets(dict(changes))
        self._table.update(_run_key(run.id), change, "attribute_exists(#pk)", values)


def _pointer_key(bucket: str, prefix: str) -> Key:
    return {"pk": "backfill", "sk": blake2b(f"{bucket}/{prefix}".encode(), digest_size=16).hexdigest()}


def _run_key(run_id: str) -> Key:
    return {"pk": f"backfill#{run_id}", "sk": "/"}


def _slice_key(run_id: str, number: int) -> Key:
    return {"pk": f"backfill#{run_id}", "sk": f"{number:09}"}


def _to_run(run_id: str, item: Item) -> Run:
    return Run(
        id=run_id,
        prefix=item.get("prefix", ""),
        slices=int(item["slices"]),
        after=item.get("after"),
        is_cut=item.get("is_cut", False),
        is_finished=item.get("is_finished", False),
        execution=item.get("execution"),
    )
