"""The rows of a folder's files: all of them, a part, or what waits."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lambdas.adapters import rows
from lambdas.adapters.rows import Item
from lambdas.adapters.table import Table
from lambdas.importing.files import File, Status


def files(table: Table, bucket: str, folder: str) -> Iterator[File]:
    """Every version's row."""
    return _files(_items(table, bucket, folder))


def part(table: Table, bucket: str, folder: str, most: int) -> tuple[list[File], bool]:
    """All rows, and True; of a folder with more than `most`, about so many from the first that waits, and
    False. A name has all its versions there, or none."""
    found = list(islice(files(table, bucket, folder), most + 1))
    if len(found) <= most:
        return found, True
    first = next(waiting(table, bucket, folder, "#sk, #version"), None)
    if first is None:
        return [], False
    values = {":pk": rows.partition(bucket, folder), ":first": first["sk"].removesuffix(first["version"])}
    found = list(islice(_files(table.query("#pk = :pk AND #sk > :first", values)), most + 1))
    last = found[-1].name
    if len(found) > most and any(file.name != last for file in found):
        found = [file for file in found if file.name != last]
    return found, False


def waiting(table: Table, bucket: str, folder: str, attributes: str) -> Iterator[Item]:
    """These attributes of what waits: DynamoDB leaves the rest out, also where millions are imported."""
    return _items(
        table,
        bucket,
        folder,
        {":waiting": str(Status.WAITING)},
        FilterExpression="#status = :waiting",
        ProjectionExpression=attributes,
    )


def _items(
    table: Table, bucket: str, folder: str, values: Item | None = None, **options: Any
) -> Iterator[Item]:
    key = {":pk": rows.partition(bucket, folder)}
    return table.query("#pk = :pk", {**key, **(values or {})}, **options)


def _files(items: Iterable[Item]) -> Iterator[File]:
    return (rows.to_file(item) for item in items if rows.is_file(item))
