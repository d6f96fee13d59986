"""What a function is told by its environment. A missing name stops the function at its start."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from lambdas.importing.limits import Limits
from lambdas.importing.overwrites import Overwrites
from lambdas.importing.pacer import Rate
from lambdas.importing.routing import Partner, Store, store_for
from lambdas.importing.sources import AfterImport, Sources
from lambdas.importing.timing import Timing


@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """IMPORT_SETTINGS, the JSON that every import function shares."""

    deployment: str
    input_bucket: str
    timing: Timing
    rate: Rate
    concurrent_jobs: int
    limits: Limits
    bytes_per_file: int
    stores: tuple[Store, ...]
    overwrites: Mapping[str, Overwrites]
    drain_target: timedelta
    urgent_prefixes: tuple[str, ...]
    complete_marker: str | None
    sources: Sources
    inventory_uri: str | None
    partners: tuple[Partner, ...] = ()
    pace_table: str | None = None

    def slots(self, *, is_urgent: bool) -> int:
        """Jobs at a time in one data store. Where prefixes are urgent, a few places are kept for them."""
        kept = ceil(self.concurrent_jobs / 20) if self.urgent_prefixes and self.concurrent_jobs > 1 else 0
        return self.concurrent_jobs - (0 if is_urgent else kept)

    def store(self, store_id: str) -> Store | None:
        return next((store for store in self.stores if store.id == store_id), None)

    def partner(self, bucket: str) -> Partner | None:
        """Whose bucket it is, when it is not the deployment's own."""
        return next((partner for partner in self.partners if partner.bucket == bucket), None)

    def owner(self, bucket: str) -> str:
        """The account that the bucket must belong to."""
        partner = self.partner(bucket)
        return partner.account if partner else self.stores[0].account

    def store_of(self, bucket: str, key: str) -> Store | None:
        """The data store that takes the key. A partner's keys all go to one, a former partner's to none."""
        partner = self.partner(bucket)
        if partner:
            return self.store(partner.store) if key.startswith(partner.prefix) else None
        return store_for(key, self.stores) if bucket == self.input_bucket else None


def read_import_settings(text: str) -> ImportSettings:
    """Numbers may come as texts: CloudFormation writes tokens so."""
    given = json.loads(text)
    limits = Limits(
        files=int(given["files_per_job"]),
        bytes=int(given["bytes_per_job"]),
        folders=int(given["folders_per_job"]),
    )
    return ImportSettings(
        deployment=given["deployment"],
        input_bucket=given["input_bucket"],
        timing=Timing(
            quiet_seconds=float(given["quiet_seconds"]),
            longest_wait_seconds=float(given["longest_wait_seconds"]),
        ),
        rate=Rate(
            per_second=float(given["start_rate"]),
            burst=int(given["start_burst"]),
            ceiling=float(given["start_rate_ceiling"]),
            deployment=given["deployment"],
        ),
        concurrent_jobs=int(given["concurrent_jobs"]),
        limits=limits,
        bytes_per_file=min(int(given["bytes_per_file"]), limits.bytes),
        stores=tuple(
            Store(
                id=store["id"],
                prefix=store["prefix"],
                datastore_id=store["datastore_id"],
                role_arn=store["role_arn"],
                output_uri=f"s3://{given['output_bucket']}/{store['id']}/",
            )
            for store in given["stores"]
        ),
        overwrites={prefix: Overwrites(policy) for prefix, policy in given["overwrites"].items()},
        drain_target=timedelta(minutes=float(given["drain_minutes"])),
        urgent_prefixes=tuple(given["urgent_prefixes"]),
        complete_marker=given["complete_marker"] or None,
        sources=Sources(
            after_import=AfterImport(given["after_import"]),
            delete_after=timedelta(days=int(given["delete_after_days"])),
        ),
        inventory_uri=given["inventory_uri"] or None,
        partners=tuple(Partner(**partner) for partner in given["partners"]),
        pace_table=given["pace_table"] or None,
    )


def setting(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise LookupError(f"the environment variable {name} is not set: the Import stack sets it")
    return value
