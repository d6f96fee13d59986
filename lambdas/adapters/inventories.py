"""S3 Inventory lists in their bucket, and the ledger's row that says how far they were read."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from lambdas.adapters.storage import Storage
from lambdas.adapters.table import Table, sets
from lambdas.importing.files import Version
from lambdas.importing.inventory import Inventory, Place, newest_manifest, read_manifest, to_version

PLACE = {"pk": "sweep", "sk": "inventory"}
ROWS_AT_ONCE = 5_000


class Inventories:
    """The inventories under `uri`, which ends in "/", and how far they were read, in `table`."""

    def __init__(self, storage: Storage, uri: str, table: Any) -> None:
        self._storage = storage
        self._bucket, _, self._prefix = uri.removeprefix("s3://").partition("/")
        self._table = Table(table)

    def place(self) -> Place | None:
        """Where the last sweep stopped, or the end of what it read; None when there was none."""
        item = self._table.get(PLACE)
        names = ("manifest", "file", "row", "is_finished")
        return Place(**{name: item[name] for name in names}) if item else None

    def keep(self, place: Place) -> None:
        change, values = sets(asdict(place))
        condition = "attribute_not_exists(#pk) OR #pk = :pk"
        self._table.update(PLACE, change, condition, {**values, ":pk": "sweep"})

    def newest(self) -> str | None:
        """The newest manifest's key. S3 writes the manifest when all files are there."""
        return newest_manifest(list(self._storage.folders(self._bucket, self._prefix)))

    def inventory(self, manifest: str) -> Inventory | None:
        """None when the manifest is not there: not yet, or no more."""
        document = self._storage.document(self._bucket, manifest)
        return read_manifest(document) if document else None

    def pages(self, inventory: Inventory, place: Place) -> Iterator[tuple[list[Version], Place]]:
        """Versions from `place` on, and the place after them. A file is unpacked as it comes."""
        for number in range(place.file, len(inventory.files)):
            row = place.row if number == place.file else 0
            rows = islice(self._rows(inventory.files[number]), row, None)
            while page := list(islice(rows, ROWS_AT_ONCE)):
                row += len(page)
                versions = [to_version(inventory.columns, one) for one in page]
                yield versions, Place(manifest=place.manifest, file=number, row=row)

    def _rows(self, key: str) -> Iterator[list[str]]:
        body = self._storage.body(self._bucket, key)
        if body:
            with gzip.GzipFile(fileobj=body) as unpacked:
                yield from csv.reader(io.TextIOWrapper(unpacked, encoding="utf-8", newline=""))
