"""What HealthImaging needs of the AWS around it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol


class Datum(NamedTuple):
    """A value of a CloudWatch metric, seen so many `times`."""

    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]
    times: int = 1


class Scope(NamedTuple):
    """The account and Region a request is signed for."""

    account: str
    region: str


class Credentials(NamedTuple):
    """A role session."""

    access_key_id: str
    secret_access_key: str
    session_token: str


class RoleRefused(Exception):  # noqa: N818 - what happened, not a fault of ours
    """The role does not exist, or its trust policy does not admit HealthImaging for this data store."""


class S3Refused(Exception):  # noqa: N818 - what happened, not a fault of ours
    """S3 refused a request of the job. The text is S3's error code."""


class JobS3(Protocol):
    """S3 with the rights of a job's role. Both methods raise S3Refused."""

    def objects(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and size of every object of the input bucket under the prefix, in the order of the keys."""

    def put(self, bucket: str, key: str, body: bytes) -> None: ...


class Aws(Protocol):
    """EventBridge, STS, IAM, KMS and CloudWatch, as a service of AWS reaches them."""

    def publish(
        self, scope: Scope, detail_type: str, detail: Mapping[str, Any], resources: list[str]
    ) -> None: ...

    def assume_role(
        self, role_arn: str, *, source_arn: str, scope: Scope, session_name: str
    ) -> Credentials: ...

    def may_pass_role(self, role_arn: str) -> bool: ...

    def may_invoke(self, function_arn: str) -> bool: ...

    def allows(self, action: str, resource_arn: str) -> bool:
        """Whether the caller of the request at hand may do that action of HealthImaging on the resource."""

    def bucket_owner(self, bucket: str) -> str | None:
        """The account that a bucket belongs to, if there is such a bucket."""

    def key_is_usable(self, scope: Scope, key_arn: str) -> bool: ...

    def put_metrics(self, scope: Scope, data: list[Datum]) -> None: ...
