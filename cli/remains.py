"""What is still there of a deployment, and what `ahi destroy` says of it before anything is deleted."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.deployment import Deployment
from config.names import PACE_STACK

KEY_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Store:
    """A data store that exists."""

    id: str
    name: str
    image_sets: int


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket that exists, with all versions and delete markers in it."""

    name: str
    versions: int


@dataclass(frozen=True, kw_only=True)
class Remains:
    """Everything of a deployment that `ahi destroy` deletes, stacks in the order in which they go."""

    stacks: tuple[str, ...] = ()
    stores: tuple[Store, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    tables: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def image_sets(self) -> int:
        return sum(store.image_sets for store in self.stores)

    @property
    def versions(self) -> int:
        return sum(bucket.versions for bucket in self.buckets)

    def seconds(self, delete_rate: float) -> float:
        """What deleting the image sets takes at least; all else takes minutes."""
        return self.image_sets / delete_rate


def words(deployment: Deployment, account: str, remains: Remains) -> Iterator[str]:
    """What will be deleted, what stays, and how long it takes: a line each."""
    yield f"deployment  {deployment.name}, account {account}, {deployment.region}"
    for store in remains.stores:
        yield f"data store  {store.name}, {store.id}: {store.image_sets} image sets"
    for bucket in remains.buckets:
        yield f"bucket      {bucket.name}: {bucket.versions} object versions"
    for table in remains.tables:
        yield f"table       {table}"
    for stack in remains.stacks:
        yield f"stack       {stack}"
    for key in remains.keys:
        yield f"key         {key}: gone in {KEY_DAYS} days; until then `aws kms cancel-key-deletion` keeps it"
    if remains.keys and deployment.key_administrators:
        roles = ", ".join(deployment.key_administrators)
        yield f"needs       for the keys, one of {roles}: run it again as that role"
    yield from _what_stays(deployment)
    rate = deployment.quotas.delete_rate
    yield f"time        {duration(remains.seconds(rate))}: image sets are deleted at {rate:g} a second"


def _what_stays(deployment: Deployment) -> Iterator[str]:
    if deployment.keep_data:
        yield "stays       function logs until they expire; nobody reads them once the key is gone"
    if "pace" in deployment.stacks:
        yield f"stays       the stack {PACE_STACK}: other deployments may start jobs at its pace"
    if "audit" in deployment.stacks:
        yield "stays       the trails' records, their key and their log: who deleted this stands in them"


def duration(seconds: float) -> str:
    """`seconds` in the largest unit of which there is more than one."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds > length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
