"""What a partner grants: statements for its bucket's policy and its key's, which admit our roles by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.deployment import Deployment
from config.names import import_role_name, role_prefix

Statement = dict[str, Any]

LIST, READ = "list", "read"
# The functions that read a partner's objects, and those that list their versions.
FUNCTIONS: Mapping[str, Sequence[str]] = {
    LIST: ("plan", "stage", "start", "record", "sweep"),
    READ: ("register", "stage"),
}


def partner_policies(deployment: Deployment, name: str, account: str) -> dict[str, Any]:
    """Bucket policy and, where there is a key, key policy of the partner `name`; we are in `account`."""
    partner = deployment.partners[name]
    bucket = f"arn:aws:s3:::{partner.bucket}"
    objects = f"{bucket}/{partner.prefix}*"
    us, import_role, functions = _principals(deployment, partner.data_store, account)
    below = {"StringLike": {"s3:prefix": f"{partner.prefix}*"}} if partner.prefix else {}

    def allow(
        what: str, action: str, resource: str, roles: Sequence[str], conditions: Any = None
    ) -> Statement:
        named = {"ArnEquals": {"aws:PrincipalArn": list(roles)}, **(conditions or {})}
        return _statement(_sid(deployment, what), "Allow", us, action, resource, named)

    jobs, list_versions, read_versions = [import_role], functions[LIST], functions[READ]
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    policies = {
        "bucket_policy": _document(
            allow("JobsList", "s3:ListBucket", bucket, jobs, below),
            allow("JobsRead", "s3:GetObject", objects, jobs),
            allow("FunctionsList", "s3:ListBucketVersions", bucket, list_versions, below),
            allow("FunctionsRead", "s3:GetObjectVersion", objects, read_versions),
            _statement(_sid(deployment, "WithoutTls"), "Deny", us, "s3:*", [bucket, f"{bucket}/*"], tls),
        )
    }
    if partner.key_arn:
        through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{partner.region}.amazonaws.com"}}
        decrypt = allow("Decrypts", "kms:Decrypt", "*", [*jobs, *read_versions], through_s3)
        policies["key_policy"] = _document(decrypt)
    return policies


def _principals(
    deployment: Deployment, store_id: str, account: str
) -> tuple[str, str, Mapping[str, Sequence[str]]]:
    """Our account, the role of its import jobs, and the roles of its functions.

    The account is the principal and a condition names the roles: S3 refuses a policy that names a role which
    does not exist, and would turn its name into an id that a role made anew has no more.
    """

    def arn(role: str) -> str:
        return f"arn:aws:iam::{account}:role/{role}"

    prefix = role_prefix(deployment.name, deployment.region)
    functions = {what: [arn(prefix + step) for step in steps] for what, steps in FUNCTIONS.items()}
    job_role = import_role_name(deployment.name, deployment.region, store_id)
    return f"arn:aws:iam::{account}:root", arn(job_role), functions


def _sid(deployment: Deployment, what: str) -> str:
    """A partner may serve several deployments, and a policy's sids are letters and digits that differ."""
    return "".join(part.title() for part in ("ahi", *deployment.name.split("-"))) + what


def _statement(
    sid: str, effect: str, principal: str, action: str, resource: str | list[str], conditions: Any
) -> Statement:
    return {
        "Sid": sid,
        "Effect": effect,
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": resource,
        "Condition": conditions,
    }


def _document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
