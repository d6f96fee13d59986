"""What the parts of a deployment file are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


StoreId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")]
Region = Literal["us-east-1", "us-west-2", "ap-southeast-2", "eu-west-1", "eu-west-2"]
TagKey = Annotated[str, Field(min_length=1, max_length=128)]
Account = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
