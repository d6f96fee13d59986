"""Who works with a deployment: teams of people, and what each team may do."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Model, StoreId, TagKey

# An image set is read by these two, so only they can be kept to some of them.
FENCED = ("reader", "steward")

Role = Literal["importer", "reader", "steward", "auditor", "operator"]
TeamId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Uid = Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9+=,.@_-]{1,128}$")]


class Team(Model):
    """People with the same rights."""

    role: Role = Field(
        description="importer: uploads. reader: searches and reads image sets. steward: also updates, "
        "copies and deletes them. auditor: jobs, trails, keys and policies, no patient data. "
        "operator: the commands of `ahi`, and no image."
    )
    data_stores: tuple[StoreId, ...] = Field(
        default=(), strict=False, description="Ids of the data stores they work with; none means all."
    )
    groups: tuple[GroupName, ...] = Field(
        default=(),
        strict=False,
        description="IAM groups of this account, which exist, that get the policy.",
    )
    matching_tag: TagKey | None = Field(
        default=None,
        description="A reader or steward reaches only the data stores and image sets whose tag of this key "
        "has the value of the person's own tag. Search and DICOMweb, which no such tag fences, are denied.",
    )
    studies: tuple[Uid, ...] = Field(
        default=(), strict=False, description="A reader reads these StudyInstanceUIDs only, by DICOMweb."
    )
    series: tuple[Uid, ...] = Field(
        default=(), strict=False, description="A reader reads these SeriesInstanceUIDs only, by DICOMweb."
    )

    @model_validator(mode="after")
    def _fences_what_can_be_fenced(self) -> "Team":
        if self.matching_tag and self.role not in FENCED:
            raise PydanticCustomError("fence", "matching_tag for a reader or steward only")
        if (self.studies or self.series) and self.role != "reader":
            raise PydanticCustomError("fence", "studies and series for a reader only")
        return self


class People(Model):
    """Teams by an id that is part of their policy's name, `ahi-<deployment>-<region>-<id>`."""

    identity_center: (
        Annotated[str, Field(pattern=r"^arn:aws:sso:::instance/(sso)?ins-[A-Za-z0-9.-]{16}$")] | None
    ) = Field(
        default=None,
        description="ARN of the IAM Identity Center instance: each team becomes a permission set of it. "
        "Only its own account, or one it delegates to, can deploy that.",
    )
    teams: dict[TeamId, Team] = Field(default_factory=dict, description="Teams by an id.")

    def with_role(self, role: Role) -> Iterator[str]:
        """The ids of the teams with that role."""
        return (team_id for team_id, team in self.teams.items() if team.role == role)

    @model_validator(mode="after")
    def _attaches_in_one_way(self) -> "People":
        grouped = sorted(name for name, team in self.teams.items() if team.groups)
        if self.identity_center and grouped:
            raise PydanticCustomError(
                "attached_twice",
                "either identity_center, or groups as {teams} has",
                {"teams": " and ".join(grouped)},
            )
        return self


def policy_name(deployment: str, region: str, team_id: str) -> str:
    """IAM knows no Regions: one deployment's name may stand in several."""
    return f"ahi-{deployment}-{region}-{team_id}"
