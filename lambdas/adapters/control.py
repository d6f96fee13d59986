"""The row that says whether the import runs."""

from lambdas.adapters.table import Table
from lambdas.importing.control import Mode

CONTROL = {"pk": "control", "sk": "/"}


class Control:
    """The mode in the ledger's table; without a row the import runs."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mode(self) -> Mode:
        item = self._table.get(CONTROL)
        return Mode(item["mode"]) if item else Mode.RUNNING

    def set(self, mode: Mode) -> None:
        """The last one who asks has it; the functions obey from their next message on."""
        self._table.update(
            CONTROL,
            "SET #mode = :mode",
            "attribute_not_exists(#pk) OR #pk = :pk",
            {":mode": str(mode), ":pk": CONTROL["pk"]},
        )
