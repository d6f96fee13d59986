"""What a deployment gets only where its file asks for it, and the rights of the backfill."""

from collections.abc import Callable
from typing import Any

import pytest

from config.deployment import Deployment, load_deployment


def deployment(**changes: Any) -> Deployment:
    return Deployment.model_validate({**load_deployment("sandbox").model_dump(), **changes})


@pytest.fixture(scope="module")
def tagging(make_templates: Callable[[Deployment], Any]) -> Any:
    return make_templates(deployment(sources={"after_import": "tag"}))


@pytest.fixture(scope="module")
def deleting(make_templates: Callable[[Deployment], Any]) -> Any:
    """It sweeps by inventory, too."""
    return make_templates(deployment(sources={"after_import": "delete"}, sweep={"reads": "inventory"}))


def words(action: str | list[str]) -> frozenset[str]:
    return frozenset({action} if isinstance(action, str) else action)


def actions(templates: Any, step: str) -> frozenset[str]:
    statements = templates.statements("Import", f"Import{step.title()}Role")
    return frozenset().union(*(words(statement["Action"]) for statement in statements))


CLEANING = {"s3:GetObjectVersionTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectVersion"}


def test_point_19_rights_on_sources_are_given_only_where_they_are_used(
    sandbox: Any, tagging: Any, deleting: Any
) -> None:
    assert not CLEANING & (actions(sandbox, "record") | actions(sandbox, "sweep"))
    assert CLEANING & actions(tagging, "record") == CLEANING - {"s3:DeleteObjectVersion"}
    assert not CLEANING & actions(tagging, "sweep")
    assert CLEANING & actions(deleting, "sweep") == {"s3:DeleteObjectVersion"}
    assert not CLEANING & actions(deleting, "record")


def test_point_15_the_inventory_lists_every_version_into_an_encrypted_bucket_of_its_own(
    deleting: Any,
) -> None:
    buckets = deleting.resources("Data", "AWS::S3::Bucket")
    (uploads,) = [each["Properties"] for name, each in buckets.items() if name.startswith("Input")]
    ((own, inventory),) = [
        (name, each["Properties"]) for name, each in buckets.items() if name.startswith("Inventory")
    ]
    (configured,) = uploads["InventoryConfigurations"]
    assert configured["IncludedObjectVersions"] == "All"
    assert set(configured["OptionalFields"]) == {"Size", "LastModifiedDate", "ETag"}
    assert configured["ScheduleFrequency"] == "Daily"
    assert configured["Destination"]["Format"] == "CSV"
    assert configured["Destination"]["BucketArn"] == {"Fn::GetAtt": [own, "Arn"]}
    (rule,) = inventory["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    policies = deleting.resources("Data", "AWS::S3::BucketPolicy").values()
    writers = [
        statement
        for policy in policies
        if policy["Properties"]["Bucket"] == {"Ref": own}
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "s3.amazonaws.com"}
    ]
    assert [one["Action"] for one in writers] == ["s3:PutObject"]


def test_point_15_the_key_lets_s3_write_inventories_only_where_there_is_one(
    sandbox: Any, deleting: Any
) -> None:
    assert "InventoryIsWritten" not in str(sandbox.resources("Data", "AWS::KMS::Key"))
    assert "InventoryIsWritten" in str(deleting.resources("Data", "AWS::KMS::Key"))
    assert not [name for name in sandbox.resources("Data", "AWS::S3::Bucket") if name.startswith("Inventory")]


def test_point_16_the_backfill_is_traced_and_its_log_holds_no_payload(sandbox: Any) -> None:
    (machine,) = sandbox.resources("Import", "AWS::StepFunctions::StateMachine").values()
    properties = machine["Properties"]
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_point_16_the_backfill_may_call_its_function_and_start_its_own_children(sandbox: Any) -> None:
    (name,) = sandbox.resources("Import", "AWS::StepFunctions::StateMachine")
    allowed = {
        words(statement["Action"]): statement["Resource"]
        for statement in sandbox.statements("Import", "ImportBackfillMachineRole")
        if statement["Resource"] != "*"
    }
    children = frozenset({"states:DescribeExecution", "states:StopExecution"})
    start = frozenset({"states:StartExecution"})
    assert allowed.keys() == {frozenset({"lambda:InvokeFunction"}), start, children}
    assert allowed[start] == {"Fn::GetAtt": [name, "Arn"]}
    endings = {str(each["Fn::Join"][1][-1]) for each in allowed[children]}
    assert endings == {":*", "/*"}
    assert all({"Fn::GetAtt": [name, "Name"]} in each["Fn::Join"][1] for each in allowed[children])
