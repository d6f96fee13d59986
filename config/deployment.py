"""The typed model of one deployment, read from `config/<name>.yaml`."""

from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from config.errors import DeploymentError, explain
from config.model import Model, Region, StoreId, TagKey
from config.names import LONGEST_ROLE_NAME, import_role_name
from config.network import Network
from config.partners import OWN_ACCOUNT, Partners, check_partners
from config.people import People
from config.reading import read_yaml

FOLDER = Path(__file__).parent
GIB = 1024**3
REGION_QUOTAS: Mapping[str, Mapping[str, int]] = {"ap-southeast-2": {"concurrent_jobs": 20}}

# IAM Identity Center's limit of a permission set's name.
PERMISSION_SET_NAME = 32
RoleName = Annotated[str, Field(pattern=r"^([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$", max_length=576)]
TagValue = Annotated[str, Field(max_length=256)]
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]  # fmt: skip


class DataStore(Model):
    """One HealthImaging data store. Its name and its format can never change once it is deployed."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9._/#-]+$",
        max_length=256,
        description="DatastoreName. Never changes once deployed.",
    )
    prefix: str = Field(
        default="",
        pattern=r"^([^/]+/)*$",
        description='Keys of the input bucket that go to this store: "" for all, else ending in "/".',
    )
    lossless_storage_format: Literal["HTJ2K", "JPEG_2000_LOSSLESS"] = Field(
        default="HTJ2K", description="How pixels are stored. Never changes once deployed."
    )


class Quotas(Model):
    """The account's HealthImaging quotas in this Region. Raise one here after AWS has raised it."""

    start_rate: float = Field(
        default=1.0, gt=0, le=1000, description="StartDICOMImportJob calls a second, to begin with."
    )
    start_burst: int = Field(default=2, ge=1, le=1000, description="StartDICOMImportJob calls at once.")
    start_rate_ceiling: float = Field(
        default=10.0,
        validate_default=True,
        gt=0,
        le=1000,
        description="Never more calls a second than this, whatever is learned.",
    )
    concurrent_jobs: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Import jobs at a time in one data store; 20 in ap-southeast-2.",
    )
    delete_rate: float = Field(
        default=0.25, gt=0, le=1000, description="DeleteImageSet calls a second, by `ahi destroy` alone."
    )
    files_per_job: int = Field(default=5000, ge=1, le=1_000_000, description="Files in one import job.")
    bytes_per_job: int = Field(default=10 * GIB, ge=1, le=10 * GIB, description="Bytes in one import job.")
    folders_per_job: int = Field(
        default=10_000, ge=1, le=10_000, description="Nested folders in one import job."
    )
    bytes_per_file: int = Field(default=10 * GIB, ge=1, le=10 * GIB, description="Bytes in one DICOM file.")

    @field_validator("start_rate_ceiling")
    @classmethod
    def _is_above_the_rate(cls, ceiling: float, info: ValidationInfo) -> float:
        rate = info.data.get("start_rate", 0)
        if ceiling < rate:
            raise PydanticCustomError("ceiling", "at least start_rate, which is {rate}", {"rate": rate})
        return ceiling


class ImportTiming(Model):
    """When a folder counts as complete."""

    # A delayed SQS message carries the quiet period, and SQS delays 900 s at most.
    quiet_seconds: int = Field(ge=1, le=900, description="A folder with no upload for so long is imported.")
    longest_wait_seconds: int = Field(
        ge=1, le=86_400, description="A folder that never falls quiet is imported after so long."
    )
    sweep_minutes: int = Field(
        ge=1, le=1440, description="How often lost events and stuck jobs are looked for."
    )

    drain_minutes: int = Field(
        default=60,
        ge=1,
        le=10_080,
        description="What is due starts within so long. Where jobs in place would take longer, studies are "
        "copied into jobs that they share.",
    )
    complete_marker: str | None = Field(
        default=None,
        pattern=r"^[^/]+$",
        max_length=255,
        description="An object of this name says that its folder, and all below, are complete: they are "
        "imported at once. The marker itself never is.",
    )

    @field_validator("longest_wait_seconds")
    @classmethod
    def _waits_at_least_the_quiet_period(cls, longest: int, info: ValidationInfo) -> int:
        quiet = info.data.get("quiet_seconds", 0)
        if longest < quiet:
            raise PydanticCustomError(
                "longest_wait", "at least quiet_seconds, which is {quiet}", {"quiet": quiet}
            )
        return longest


Prefix = Annotated[str, Field(pattern=r"^([^/]+/)*$")]


class Sweep(Model):
    """How the sweep sees what is in the input bucket."""

    reads: Literal["listing", "inventory"] = Field(
        default="listing",
        description="`listing` at each sweep, or S3 Inventory, for a bucket of tens of millions of objects: "
        "a lost upload event is then found when the next inventory is there.",
    )
    inventory_frequency: Literal["Daily", "Weekly"] = Field(
        default="Daily", description="How often S3 writes the inventory, where it is read."
    )


class Sources(Model):
    """What becomes of an uploaded file once it is imported. Nothing is done to any other."""

    after_import: Literal["keep", "tag", "delete"] = Field(
        default="keep",
        description="`tag` puts healthimaging-import=IMPORTED on that version; `delete` removes that version "
        "after delete_after_days.",
    )
    delete_after_days: int = Field(
        default=30, ge=1, le=3650, description="Days from the import to the deletion, where there is one."
    )


class Retention(Model):
    """How long what may go is kept."""

    logs_days: LogDays = Field(
        description="All logs. With the stack `audit` also what its trails record: until then nobody can "
        "delete that, not even the account's root."
    )
    staging_days: int = Field(ge=1, le=365, description="Copies made for an import job.")
    old_versions_days: int = Field(ge=1, le=36_500, description="Replaced versions of uploaded files.")
    incomplete_uploads_days: int = Field(
        ge=1, le=365, description="Parts of multipart uploads never finished."
    )


class Alarms(Model):
    """Who is told, and of what."""

    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = Field(
        default=(), strict=False, description="Addresses that are asked to subscribe to the alarms."
    )
    # A CloudWatch alarm looks back a week at most.
    no_import_hours: int | None = Field(
        default=None, ge=1, le=168, description="Alarm when nothing was imported for so long; null for never."
    )


class Deployment(Model):
    """One place the toolkit is deployed to."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{1,20}$", description="Part of the stack names. Never changes."
    )
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = Field(
        default=None, description="12 digits in quotes; null for the account of whoever deploys."
    )
    region: Region = Field(description="A Region that has HealthImaging.")
    data_stores: dict[StoreId, DataStore] = Field(
        min_length=1, description="Data stores by an id that never changes."
    )
    quotas: Quotas = Field(default=Quotas(), validate_default=True)
    import_timing: ImportTiming
    overwrites: dict[Prefix, Literal["import", "ignore", "reject"]] = Field(
        default_factory=dict,
        description="What a new version of an imported file does, by the longest prefix of its key: "
        "it is imported too (also without a prefix), ignored (SKIPPED) or rejected (FAILED).",
    )
    urgent_prefixes: tuple[Annotated[str, Field(pattern=r"^([^/]+/)+$")], ...] = Field(
        default=(),
        strict=False,
        description='Keys that begin so, each ending in "/", are imported before all that waits.',
    )
    sweep: Sweep = Sweep()
    sources: Sources = Sources()
    retention: Retention
    keep_data: bool = Field(
        description="Keep buckets and the ledger when the stacks are deleted. Data stores are always kept."
    )
    key_administrators: tuple[RoleName, ...] = Field(
        default=(),
        strict=False,
        description="Roles of this account, with their path, that alone may take a key away; "
        "CloudFormation changes keys as the app says. Empty: whoever the account's IAM policies allow.",
    )
    tags: dict[TagKey, TagValue] = Field(
        default_factory=dict,
        max_length=50,
        description="Tags of every resource; data stores get them through TagResource.",
    )
    alarms: Alarms = Alarms()
    network: Network = Network()
    people: People = People()
    stacks: tuple[Literal["watch", "network", "audit", "pace"], ...] = Field(
        default=(),
        strict=False,
        description="Optional stacks. Deployments of one account and Region that have `pace` share it.",
    )
    partners: Partners = Field(
        default_factory=dict, description="Buckets of other accounts that are imported from, by an id."
    )

    @field_validator("data_stores")
    @classmethod
    def _prefixes_do_not_overlap(cls, stores: dict[str, DataStore]) -> dict[str, DataStore]:
        for (one, outer), (other, inner) in permutations(stores.items(), 2):
            if inner.prefix.startswith(outer.prefix):
                raise PydanticCustomError(
                    "prefixes_overlap",
                    "prefixes that do not overlap: {one} and {other} both get the keys under {shared}",
                    {"one": one, "other": other, "shared": repr(inner.prefix)},
                )
        return stores

    @field_validator("data_stores")
    @classmethod
    def _ids_make_names_of_roles(
        cls, stores: dict[str, DataStore], info: ValidationInfo
    ) -> dict[str, DataStore]:
        for store_id in stores:
            name = import_role_name(info.data.get("name", ""), info.data.get("region", ""), store_id)
            if len(name) > LONGEST_ROLE_NAME:
                raise PydanticCustomError(
                    "role_name",
                    "ids that make names of roles of {longest} characters at most: {name} has {length}",
                    {"longest": LONGEST_ROLE_NAME, "name": name, "length": len(name)},
                )
        return stores

    @field_validator("partners")
    @classmethod
    def _partners_can_be_read(cls, partners: Partners, info: ValidationInfo) -> Partners:
        _check_stores((partner.data_store for partner in partners.values()), info)
        check_partners(
            partners,
            account=info.data.get("account"),
            region=info.data.get("region"),
            has_network="network" in info.data.get("stacks", ()),
        )
        return partners

    @field_validator("people")
    @classmethod
    def _teams_have_stores_and_names(cls, people: People, info: ValidationInfo) -> People:
        for name, team in people.teams.items():
            _check_stores(team.data_stores, info)
            whole = f"{info.data.get('name', '')}-{name}"
            if people.identity_center and len(whole) > PERMISSION_SET_NAME:
                raise PydanticCustomError(
                    "permission_set_name",
                    "ids of teams that make names of permission sets of 32 characters at most: {whole}",
                    {"whole": whole},
                )
        return people

    @field_validator("quotas", mode="before")
    @classmethod
    def _start_from_the_regions_quotas(cls, given: Any, info: ValidationInfo) -> Any:
        given = given.model_dump(exclude_unset=True) if isinstance(given, Quotas) else given
        regional = REGION_QUOTAS.get(info.data.get("region", ""), {})
        return {**regional, **given} if isinstance(given, dict) else given


def refuse_own_account(deployment: Deployment, account: str | None) -> None:
    """Where the file leaves the account out, only whoever deploys knows that a partner has the same."""
    for name, partner in deployment.partners.items():
        if partner.account == account:
            raise DeploymentError(f"partners: allowed are {OWN_ACCOUNT.format(name=name, account=account)}")


def _check_stores(ids: Iterable[str], info: ValidationInfo) -> None:
    stores = info.data.get("data_stores", {})
    if unknown := sorted(set(ids) - stores.keys()):
        raise PydanticCustomError(
            "no_such_store",
            "ids of data_stores, which are {known}: not {unknown}",
            {"known": ", ".join(stores), "unknown": ", ".join(unknown)},
        )


def deployment_file(name_or_path: str) -> Path:
    """`config/<name>.yaml`, or the path itself when it ends in .yaml."""
    path = Path(name_or_path) if name_or_path.endswith(".yaml") else FOLDER / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise DeploymentError(
            f"{name_or_path}: no such deployment. There are {known}, or give a path ending in .yaml."
        )
    return path


def load_deployment(name_or_path: str) -> Deployment:
    """Read and check one deployment; raises DeploymentError, whose text is for people."""
    path = deployment_file(name_or_path)
    try:
        return Deployment.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise DeploymentError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        raise DeploymentError(explain(path, Deployment, error)) from error
