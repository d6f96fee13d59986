"""The network that the import's functions run in, where the Network stack is on."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from config.model import Model

Cidr = Annotated[str, Field(pattern=r"^([0-9]{1,3}\.){3}[0-9]{1,3}/(1[6-9]|2[0-8])$")]
VpcId = Annotated[str, Field(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")]
SubnetId = Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]
RouteTableId = Annotated[str, Field(pattern=r"^rtb-([0-9a-f]{8}|[0-9a-f]{17})$")]
Zone = Literal["a", "b", "c", "d", "e", "f"]


class Network(Model):
    """A VPC that is made, or, with `vpc_id`, one that is there. Its subnets need no route out."""

    cidr: Cidr = Field(default="10.42.0.0/24", description="Addresses of the VPC.")
    zones: tuple[Zone, ...] = Field(
        default=("a", "b"),
        strict=False,
        min_length=1,
        description="Availability zones, by the letter after the Region. Each must have the endpoints: "
        "`aws ec2 describe-vpc-endpoint-services`.",
    )
    vpc_id: VpcId | None = Field(default=None, description="A VPC that is there; null to make one.")
    subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), strict=False, description="The given VPC's private subnets, one a zone, in their order."
    )
    route_table_ids: tuple[RouteTableId, ...] = Field(
        default=(),
        strict=False,
        description="Their route tables, which get the endpoints of S3 and DynamoDB; "
        "empty where they have them.",
    )

    @model_validator(mode="after")
    def _describes_one_vpc(self) -> Self:
        given = len(self.subnet_ids)
        if self.vpc_id is None and (given or self.route_table_ids):
            raise PydanticCustomError(
                "no_vpc", "vpc_id with subnet_ids and route_table_ids, or none of the three"
            )
        if self.vpc_id and (given != len(self.zones) or len(self.route_table_ids) not in (0, given)):
            raise PydanticCustomError("subnets", "one subnet, and one route table or none, for each of zones")
        if self.vpc_id and "cidr" not in self.model_fields_set:
            raise PydanticCustomError("no_cidr", "cidr beside vpc_id: the addresses of that VPC")
        return self
