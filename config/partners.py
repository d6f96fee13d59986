"""Buckets of other accounts whose files are imported too."""

from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Account, Model, Region, StoreId

OWN_ACCOUNT = "accounts of others: {name} has {account}, the deployment's own, which has an input bucket"

PartnerId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")]


class Partner(Model):
    """One bucket that belongs to another account, and what is imported from it."""

    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The partner's bucket. It keeps versions."
    )
    account: Account = Field(
        description="The account that owns it, 12 digits in quotes; the bucket is refused while another does."
    )
    region: Region = Field(description="The bucket's Region, one that has HealthImaging.")
    data_store: StoreId = Field(description="The id of the data store that its files go to.")
    # A wildcard or a variable would mean more than itself where policies name the prefix.
    prefix: str = Field(
        default="",
        pattern=r"^([^/*?$]+/)*$",
        description='Keys that are imported and may be read: "" for all, else ending in "/".',
    )
    key_arn: Annotated[str, Field(pattern=r"^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$")] | None = (
        Field(
            default=None,
            description="ARN of the KMS key, not of an alias, that its objects are encrypted with; "
            "null where S3's own keys encrypt them.",
        )
    )

    @model_validator(mode="after")
    def _key_lies_beside_the_bucket(self) -> "Partner":
        if self.key_arn and self.key_arn.split(":")[3:5] != [self.region, self.account]:
            raise PydanticCustomError(
                "partner_key",
                "key_arn of a key beside the bucket: arn:aws:kms:{region}:{account}:key/...",
                {"region": self.region, "account": self.account},
            )
        return self


Partners = dict[PartnerId, Partner]


def check_partners(
    partners: Partners,
    *,
    account: str | None,
    region: str | None,
    has_network: bool,
) -> None:
    """Refuse partners that cannot be told apart, are no partners, or cannot be reached."""
    buckets = Counter(partner.bucket for partner in partners.values())
    for name, partner in partners.items():
        if buckets[partner.bucket] > 1:
            raise PydanticCustomError(
                "partner_twice",
                "a bucket of its own for each partner: {bucket} is named twice",
                {"bucket": partner.bucket},
            )
        if partner.account == account:
            raise PydanticCustomError("own_account", OWN_ACCOUNT, {"name": name, "account": partner.account})
        if has_network and partner.region != region:
            raise PydanticCustomError(
                "partner_out_of_reach",
                "with the network stack, buckets of {region} alone, which its S3 endpoint reaches: "
                "the bucket of {name} lies in {other}",
                {"region": region, "name": name, "other": partner.region},
            )
