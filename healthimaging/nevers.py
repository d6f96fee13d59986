"""API calls that nobody should make, and how rules and metric filters tell them in CloudTrail's records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLOUDFORMATION = "cloudformation.amazonaws.com"
HEALTHIMAGING = "medical-imaging.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Never:
    """Calls of one service: all of them, or, with `where`, those whose request names one of these values.

    `where` is a request parameter and its values. `unless_by` is the service that may make the call.
    """

    name: str
    what: str
    service: str
    calls: tuple[str, ...]
    where: tuple[str, Sequence[str]] | None = None
    unless_by: str | None = None


def what_should_never_happen(*, buckets: Sequence[str], import_roles: Sequence[str]) -> tuple[Never, ...]:
    """For buckets by name and import roles by ARN. Keys, data stores and trails are all of the account's."""
    return (
        Never(
            name="DatastoreDeleted",
            what="A data store was deleted",
            service="medical-imaging",
            calls=("DeleteDatastore",),
        ),
        Never(
            name="KeyDeleted",
            what="A KMS key was disabled or scheduled for deletion",
            service="kms",
            calls=("DisableKey", "ScheduleKeyDeletion"),
        ),
        Never(
            name="TrailStopped",
            what="A CloudTrail trail was stopped or deleted",
            service="cloudtrail",
            calls=("StopLogging", "DeleteTrail"),
        ),
        Never(
            name="TrailChanged",
            what="What a CloudTrail trail records was changed by hand",
            service="cloudtrail",
            calls=("UpdateTrail", "PutEventSelectors"),
            unless_by=CLOUDFORMATION,
        ),
        Never(
            name="BucketPolicyChanged",
            what="The policy of a bucket was changed by hand",
            service="s3",
            calls=("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketAcl"),
            where=("bucketName", buckets),
            unless_by=CLOUDFORMATION,
        ),
        Never(
            name="ImportRoleAssumed",
            what="The import role was assumed by something else than HealthImaging",
            service="sts",
            calls=("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"),
            where=("roleArn", import_roles),
            unless_by=HEALTHIMAGING,
        ),
    )


def event_pattern(never: Never) -> Mapping[str, Any]:
    """The pattern of an EventBridge rule."""
    detail: dict[str, Any] = {
        "eventSource": [f"{never.service}.amazonaws.com"],
        "eventName": list(never.calls),
    }
    if never.where:
        parameter, values = never.where
        detail["requestParameters"] = {parameter: list(values)}
    if never.unless_by:
        detail["userIdentity"] = {"invokedBy": [{"exists": False}, {"anything-but": [never.unless_by]}]}
    return {
        "source": [f"aws.{never.service}"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": detail,
    }


def filter_patterns(never: Never) -> list[str]:
    """The patterns of metric filters, one a value of `where`, since each has 1024 characters at most."""
    calls = " || ".join(f'($.eventName = "{call}")' for call in never.calls)
    terms = [f'($.eventSource = "{never.service}.amazonaws.com")', f"({calls})"]
    if never.unless_by:
        by = "$.userIdentity.invokedBy"
        terms.append(f'(({by} NOT EXISTS) || ({by} != "{never.unless_by}"))')
    if not never.where:
        return [_all(terms)]
    parameter, values = never.where
    return [_all([*terms, f'($.requestParameters.{parameter} = "{value}")']) for value in values]


def _all(terms: Sequence[str]) -> str:
    return "{ " + " && ".join(terms) + " }"
