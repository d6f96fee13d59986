"""The ways to see what is in a bucket: its listing, or its newest inventory; each keeps its place."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from lambdas.adapters.inventories import Inventories
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.storage import Storage
from lambdas.importing.files import Version
from lambdas.importing.inventory import Place
from lambdas.telemetry import logger

LookAt = Callable[[Iterable[Version]], None]
IsTimeUp = Callable[[], bool]
Walk = Callable[[LookAt, IsTimeUp], None]


def by_listing(storage: Storage, ledger: Ledger, bucket: str, prefix: str = "") -> Walk:
    """All of the bucket under the prefix, from where the last walk had to stop."""

    def walk(look_at: LookAt, is_time_up: IsTimeUp) -> None:
        start = ledger.bookmark.key(bucket)
        position: str | None = None
        for page in storage.pages(bucket, start, prefix):
            look_at(page)
            if is_time_up():
                position = max((version.key for version in page), default=start)
                break
        if position != start:
            ledger.bookmark.keep(bucket, position)

    return walk


def by_inventory(inventories: Inventories) -> Walk:
    """The newest inventory, once: one that was begun is read to its end first."""

    def walk(look_at: LookAt, is_time_up: IsTimeUp) -> None:
        place = inventories.place()
        inventory = inventories.inventory(place.manifest) if place and not place.is_finished else None
        if place is None or inventory is None:
            newest = inventories.newest()
            if newest is None or (place and newest == place.manifest):
                return
            place, inventory = Place(manifest=newest), inventories.inventory(newest)
            if inventory is None:
                logger.info("the inventory is being written")
                return
        for versions, after in inventories.pages(inventory, place):
            look_at(versions)
            if is_time_up():
                inventories.keep(after)
                return
        inventories.keep(replace(place, is_finished=True))

    return walk
