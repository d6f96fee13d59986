"""The row that says how far the sweep came."""

from lambdas.adapters.table import Table

SWEEP = {"pk": "sweep", "sk": "/"}


class Bookmark:
    """The key after which the next sweep of the bucket goes on; None is the beginning."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def key(self) -> str | None:
        item = self._table.get(SWEEP)
        return item.get("after") if item else None

    def keep(self, key: str | None) -> None:
        """Two sweeps at once may overwrite each other's: then some keys are looked at twice."""
        if key is None:
            self._table.update(SWEEP, "REMOVE #after", "attribute_exists(#pk)", {})
        else:
            self._table.update(
                SWEEP,
                "SET #after = :after",
                "attribute_not_exists(#pk) OR #pk = :pk",
                {":after": key, ":pk": SWEEP["pk"]},
            )
