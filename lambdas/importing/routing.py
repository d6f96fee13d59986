"""Which data store takes a key, and which objects are no DICOM file to begin with."""

from collections.abc import Iterable
from dataclasses import dataclass

FOLDER_MARKER = "folder marker"
COMPLETE_MARKER = "says that its folder is complete"
EMPTY = "empty"
TOO_LARGE = "too large"
NO_DATA_STORE = "no data store for this prefix"
NO_VERSION = (
    "its bucket keeps no versions, so nobody could tell which content was read: its owner turns "
    "versioning on and puts the file there again"
)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A data store and the keys that go to it: those that begin with `prefix`."""

    id: str
    prefix: str
    datastore_id: str
    role_arn: str
    output_uri: str

    @property
    def account(self) -> str:
        """The account of the deployment, and of its buckets."""
        return self.role_arn.split(":")[4]


@dataclass(frozen=True, kw_only=True)
class Partner:
    """A bucket of another account: the keys that begin with `prefix` go to the data store `store`."""

    id: str
    bucket: str
    account: str
    region: str
    store: str
    prefix: str


def store_for(key: str, stores: Iterable[Store]) -> Store | None:
    """The store whose prefix the key begins with; the longest prefix wins."""
    takers = [store for store in stores if key.startswith(store.prefix)]
    return max(takers, key=lambda store: len(store.prefix), default=None)


def skip_rule(key: str, size: int, store: Store | None, bytes_per_file: int) -> str | None:
    """Why the object is not imported, or None when it is."""
    if key.endswith("/"):
        return FOLDER_MARKER
    if size == 0:
        return EMPTY
    if size > bytes_per_file:
        return TOO_LARGE
    return None if store else NO_DATA_STORE
