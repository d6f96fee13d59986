"""Buckets, the ledger and the keys: encrypted, private, and kept where they should be."""

import json
from typing import Any

import pytest

DATA_BUCKETS = ("Input", "Output", "Staging")


def bucket(templates: Any, name: str) -> dict[str, Any]:
    found = templates.resources("Data", "AWS::S3::Bucket")
    (resource,) = [each for logical_id, each in found.items() if logical_id.startswith(name)]
    return dict(resource)


@pytest.mark.parametrize("name", DATA_BUCKETS)
def test_a_data_bucket_is_encrypted_private_owned_and_logged(sandbox: Any, name: str) -> None:
    properties = bucket(sandbox, name)["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0].startswith("Key")
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "AccessLogs" in str(properties["LoggingConfiguration"]["DestinationBucketName"])


@pytest.mark.parametrize(
    ("kind", "policy_kind"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    ],
)
def test_every_bucket_queue_and_topic_refuses_plain_http(
    kind: str, policy_kind: str, production: Any
) -> None:
    assert list(production.all_of(kind))
    for stack in production.by_stack:
        refusing = [
            json.dumps(policy["Properties"])
            for policy in production.resources(stack, policy_kind).values()
            if '"aws:SecureTransport": "false"' in json.dumps(policy)
        ]
        for name in production.resources(stack, kind):
            assert any(f'"{name}"' in policy for policy in refusing), f"{stack} {name}"


def test_uploads_are_announced_to_eventbridge_without_a_function(sandbox: Any) -> None:
    configuration = bucket(sandbox, "Input")["Properties"]["NotificationConfiguration"]
    assert configuration == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not list(sandbox.all_of("Custom::S3BucketNotifications"))


def test_uploads_keep_their_old_versions_and_staged_copies_expire(sandbox: Any) -> None:
    uploads = bucket(sandbox, "Input")["Properties"]
    staged = bucket(sandbox, "Staging")["Properties"]
    assert uploads["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = uploads["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert "ExpirationInDays" not in rule
    (rule,) = staged["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 1


@pytest.mark.parametrize("name", ["sandbox", "production"])
def test_unfinished_uploads_go_everywhere(name: str, request: Any) -> None:
    for logical_id, resource in request.getfixturevalue(name).all_of("AWS::S3::Bucket"):
        rules = resource["Properties"]["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), logical_id


def test_the_ledger_is_encrypted_recoverable_and_listed_by_state(production: Any) -> None:
    (table,) = production.resources("Data", "AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]
    (index,) = properties["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "listed"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["listed", "at"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


@pytest.mark.parametrize(("name", "policy"), [("sandbox", "Delete"), ("production", "Retain")])
def test_buckets_and_ledger_stay_only_where_data_is_kept(name: str, policy: str, request: Any) -> None:
    templates = request.getfixturevalue(name)
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"):
        for _, resource in templates.all_of(kind):
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == policy
    (table,) = templates.resources("Data", "AWS::DynamoDB::Table").values()
    assert table["Properties"]["DeletionProtectionEnabled"] is (policy == "Retain")


def test_every_key_rotates_and_waits_a_month_before_it_is_deleted(two_stores: Any) -> None:
    keys = list(two_stores.all_of("AWS::KMS::Key"))
    assert len(keys) == 4
    for _, key in keys:
        assert key["Properties"]["EnableKeyRotation"] is True
        assert key["Properties"]["PendingWindowInDays"] == 30
    assert len(list(two_stores.all_of("AWS::KMS::Alias"))) == 4


def test_a_key_admits_no_service_without_a_condition(two_stores: Any) -> None:
    for _, key in two_stores.all_of("AWS::KMS::Key"):
        for statement in key["Properties"]["KeyPolicy"]["Statement"]:
            assert statement["Principal"] != "*"
            assert "Service" not in statement["Principal"] or statement["Condition"]


def test_the_outputs_name_what_people_and_the_cli_need(two_stores: Any) -> None:
    outputs = two_stores.by_stack["Data"]["Outputs"]
    assert {
        "InputBucket",
        "OutputBucket",
        "StagingBucket",
        "LedgerTable",
        "DatastoreMainId",
        "DatastoreSlidesId",
    } <= outputs.keys()
