"""The AWS clients of a function, made once and only those it uses.

They come from botocore: importing boto3 and making a resource of it takes a fifth of a function's start.
"""

import gc
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar

# Of what a start makes, nothing is garbage: looking for it takes a tenth of the start. See `started`.
gc.disable()

import botocore.session  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.loaders import Loader  # noqa: E402

from lambdas.adapters.dynamodb import ClientTable  # noqa: E402
from lambdas.adapters.queues import Queue  # noqa: E402
from lambdas.adapters.storage import Storage  # noqa: E402
from lambdas.settings import ImportSettings, setting  # noqa: E402

WORKERS = 16
CONFIG = Config(max_pool_connections=WORKERS, retries={"mode": "standard", "total_max_attempts": 4})
# Whether a start is tried again is the start function's decision: each try costs a turn.
ONCE = Config(retries={"total_max_attempts": 1})

T = TypeVar("T")


class OurServices(Loader):  # type: ignore[misc]
    """Service descriptions, without a look through the folders of all of AWS's services for their names."""

    def list_available_services(self, type_name: str) -> list[str]:
        return ["dynamodb", "medical-imaging", "s3", "sqs"]


def _session() -> Any:
    session = botocore.session.get_session()
    session.register_component("data_loader", OurServices())
    return session


SESSION = _session()


class WhenUsed:
    """A client that is made at its first call, for what not every event needs."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._client: Any = None
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
        return getattr(self._client, name)


def table() -> ClientTable:
    return _table(setting(os.environ, "LEDGER_TABLE"))


def pace_table(settings: ImportSettings) -> ClientTable | None:
    """That of the pace, where it is shared with other deployments."""
    return _table(settings.pace_table) if settings.pace_table else None


def _table(name: str) -> ClientTable:
    return ClientTable(SESSION.create_client("dynamodb", config=CONFIG), name)


def queues(*names: str) -> list[Queue]:
    """A queue for each environment variable that holds a queue's URL."""
    client = WhenUsed(lambda: SESSION.create_client("sqs", config=CONFIG))
    return [Queue(client, setting(os.environ, name)) for name in names]


def storage(settings: ImportSettings) -> Storage:
    """S3, which is asked in each bucket's own Region."""
    ours = SESSION.get_config_variable("region")
    far = {partner.region for partner in settings.partners} - {ours}
    in_region = {region: WhenUsed(partial(s3, region)) for region in far}
    elsewhere = {one.bucket: in_region[one.region] for one in settings.partners if one.region in far}
    return Storage(s3(ours), owner=settings.owner, elsewhere=elsewhere)


def s3(region: str) -> Any:
    return SESSION.create_client("s3", region_name=region, config=CONFIG)


def healthimaging(config: Config = CONFIG) -> Any:
    return SESSION.create_client("medical-imaging", config=config)


def now() -> datetime:
    return datetime.now(UTC)


def started(function: T) -> T:
    """The function, when all of it is made: what is made from here on is looked through for garbage."""
    gc.freeze()
    gc.enable()
    return function
