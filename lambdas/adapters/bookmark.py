"""The rows that say how far the sweep came, one for each bucket."""

from lambdas.adapters.table import Table

PARTITION = "sweep"


class Bookmark:
    """The key after which the next sweep of a bucket goes on; None is the beginning."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def key(self, bucket: str) -> str | None:
        item = self._table.get(_row(bucket))
        return item.get("after") if item else None

    def keep(self, bucket: str, key: str | None) -> None:
        """Two sweeps at once may overwrite each other's: then some keys are looked at twice."""
        if key is None:
            self._table.update(_row(bucket), "REMOVE #after", "attribute_exists(#pk)", {})
        else:
            self._table.update(
                _row(bucket),
                "SET #after = :after",
                "attribute_not_exists(#pk) OR #pk = :pk",
                {":after": key, ":pk": PARTITION},
            )


def _row(bucket: str) -> dict[str, str]:
    # No bucket's name holds a slash, so none is taken for the inventory's row.
    return {"pk": PARTITION, "sk": f"/{bucket}"}
