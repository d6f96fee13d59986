"""What should never happen is told in CloudTrail's records, and nothing else is."""

import json
from typing import Any

import pytest
from ministack.services import eventbridge

from healthimaging.nevers import Never, event_pattern, filter_patterns, what_should_never_happen

ROLE, BUCKET = "arn:aws:iam::111122223333:role/import", "uploads"
NEVERS = {
    never.name: never for never in what_should_never_happen(buckets=[BUCKET, "output"], import_roles=[ROLE])
}


def record(service: str, call: str, by: str | None = None, **parameters: str) -> dict[str, Any]:
    """An event as EventBridge gets it from CloudTrail; `by` is the service that made the call for someone."""
    user = {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/someone/session"}
    return {
        "id": "1",
        "source": f"aws.{service}",
        "account": "111122223333",
        "time": "2026-11-20T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": call,
            "userIdentity": {**user, "invokedBy": by} if by else user,
            "requestParameters": parameters,
        },
    }


def told(event: dict[str, Any]) -> list[str]:
    """The names of what `event` is, by EventBridge's rules for patterns."""
    names = []
    for never in NEVERS.values():
        asked = {"EventPattern": json.dumps(event_pattern(never)), "Event": json.dumps(event)}
        status, _, body = eventbridge._test_event_pattern(asked)
        assert status == 200, body
        names += [never.name] if json.loads(body)["Result"] else []
    return names


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (record("medical-imaging", "DeleteDatastore", datastoreId="d1"), "DatastoreDeleted"),
        (record("kms", "ScheduleKeyDeletion", keyId="k1"), "KeyDeleted"),
        (record("kms", "DisableKey", keyId="k1"), "KeyDeleted"),
        (record("cloudtrail", "StopLogging", name="t"), "TrailStopped"),
        (record("cloudtrail", "DeleteTrail", "cloudformation.amazonaws.com", name="t"), "TrailStopped"),
        (record("cloudtrail", "PutEventSelectors", trailName="t"), "TrailChanged"),
        (record("s3", "PutBucketPolicy", bucketName=BUCKET), "BucketPolicyChanged"),
        (record("s3", "DeleteBucketPolicy", bucketName="output"), "BucketPolicyChanged"),
        (record("sts", "AssumeRole", roleArn=ROLE), "ImportRoleAssumed"),
        (record("sts", "AssumeRole", "lambda.amazonaws.com", roleArn=ROLE), "ImportRoleAssumed"),
    ],
)
def test_what_should_never_happen_is_told(event: dict[str, Any], name: str) -> None:
    assert told(event) == [name]


@pytest.mark.parametrize(
    "event",
    [
        record("medical-imaging", "StartDICOMImportJob", datastoreId="d1"),
        record("kms", "Decrypt", keyId="k1"),
        record("cloudtrail", "UpdateTrail", "cloudformation.amazonaws.com", name="t"),
        record("s3", "PutBucketPolicy", "cloudformation.amazonaws.com", bucketName=BUCKET),
        record("s3", "PutBucketPolicy", bucketName="someone-elses"),
        record("sts", "AssumeRole", "medical-imaging.amazonaws.com", roleArn=ROLE),
        record("sts", "AssumeRole", roleArn="arn:aws:iam::111122223333:role/other"),
    ],
)
def test_what_happens_every_day_is_not_told(event: dict[str, Any]) -> None:
    assert told(event) == []


def test_a_metric_filter_says_the_same_as_the_rule() -> None:
    assert filter_patterns(NEVERS["ImportRoleAssumed"]) == [
        '{ ($.eventSource = "sts.amazonaws.com") && (($.eventName = "AssumeRole") || '
        '($.eventName = "AssumeRoleWithSAML") || ($.eventName = "AssumeRoleWithWebIdentity")) && '
        "(($.userIdentity.invokedBy NOT EXISTS) || "
        '($.userIdentity.invokedBy != "medical-imaging.amazonaws.com")) && '
        f'($.requestParameters.roleArn = "{ROLE}") }}'
    ]


@pytest.mark.parametrize("never", NEVERS.values(), ids=NEVERS)
def test_no_metric_filter_is_longer_than_cloudwatch_takes(never: Never) -> None:
    longest = what_should_never_happen(
        buckets=["b" * 63], import_roles=["arn:aws:iam::111122223333:role/" + "r" * 64]
    )
    (same,) = [each for each in longest if each.name == never.name]
    assert all(len(pattern) <= 1024 for pattern in filter_patterns(same))
