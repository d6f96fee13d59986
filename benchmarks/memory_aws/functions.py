"""The functions of the import, made over a world's AWS as each makes itself over its environment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.healthimaging import MemoryHealthImaging
from benchmarks.memory_aws.s3 import INPUT, MemoryS3
from lambdas.adapters.imaging import Imaging
from lambdas.adapters.inventories import Inventories
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.queues import Queue
from lambdas.adapters.quota import Quota
from lambdas.adapters.storage import Storage
from lambdas.committing import Committer
from lambdas.finishing import Finisher
from lambdas.halving import Halver
from lambdas.importing.sources import AfterImport
from lambdas.plan import Plan
from lambdas.planning import Planner
from lambdas.record import Recorder
from lambdas.register import Register
from lambdas.settings import ImportSettings
from lambdas.stage import Stager
from lambdas.start import Starter
from lambdas.sweep import Sweeper, swept
from lambdas.tagging import Tagger


class Aws(Protocol):
    """What the functions meet; it is the client of the queues as well."""

    settings: ImportSettings
    table: MemoryTable
    s3: MemoryS3
    imaging: MemoryHealthImaging
    ledger: Ledger

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Functions:
    register: Register
    plan: Plan
    stager: Stager
    starter: Starter
    recorder: Recorder
    sweeper: Sweeper


def make_functions(world: Aws, measure: Callable[[str, float], None]) -> Functions:
    """One worker each, so that calls come in one order."""
    quota, imaging = Quota(world.table), Imaging(world.imaging)
    storage = Storage(world.s3, owner=world.settings.owner)
    uploads, plans, stages, starts, results = (
        Queue(world, name) for name in ("uploads", "plan", "stage", "start", "results")
    )
    tagger = Tagger(
        ledger=world.ledger,
        storage=storage,
        is_ours=lambda bucket: world.settings.partner(bucket) is None,
        measure=measure,
    )
    finisher = Finisher(
        ledger=world.ledger,
        quota=quota,
        plans=plans,
        timing=world.settings.timing,
        measure=measure,
        tag=tagger.tag if world.settings.sources.after_import is AfterImport.TAG else None,
    )
    common: dict[str, Any] = {"ledger": world.ledger, "now": world.now}
    register = Register(
        **common,
        storage=storage,
        plans=plans,
        settings=world.settings,
        measure=measure,
        workers=1,
    )
    committer = Committer(
        **common,
        finisher=finisher,
        stages=stages,
        starts=starts,
        settings=world.settings,
        staging_bucket="staging",
    )
    plan = Plan(
        **common,
        quota=quota,
        plans=plans,
        settings=world.settings,
        planner=Planner(
            **common,
            quota=quota,
            storage=storage,
            committer=committer,
            settings=world.settings,
            workers=1,
        ),
        committer=committer,
        measure=measure,
    )
    stager = Stager(
        **common,
        storage=storage,
        starts=starts,
        staging_bucket="staging",
        finisher=finisher,
        measure=measure,
        workers=1,
    )
    starter = Starter(
        **common,
        quota=quota,
        storage=storage,
        imaging=imaging,
        stages=stages,
        starts=starts,
        settings=world.settings,
        staging_bucket="staging",
        finisher=finisher,
        sleep=world.sleep,
        measure=measure,
    )
    recorder = Recorder(
        **common,
        storage=storage,
        imaging=imaging,
        finisher=finisher,
        halver=Halver(
            ledger=world.ledger,
            stages=stages,
            deployment=world.settings.deployment,
            staging_bucket="staging",
        ),
        results=results,
        measure=measure,
    )
    inventory_uri = world.settings.inventory_uri
    inventories = Inventories(storage, inventory_uri, world.table) if inventory_uri else None
    sweeper = Sweeper(
        **common,
        quota=quota,
        imaging=imaging,
        uploads=uploads,
        starts=starts,
        results=results,
        settings=world.settings,
        buckets=swept(world.settings, INPUT, storage, world.ledger, inventories, measure, workers=1),
        finisher=finisher,
    )
    return Functions(
        register=register, plan=plan, stager=stager, starter=starter, recorder=recorder, sweeper=sweeper
    )
