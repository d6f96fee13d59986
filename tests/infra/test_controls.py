"""What a reviewer asks of every resource, whichever stack it stands in (docs/guides/security-review.md)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from policies import resolved

from config.deployment import Deployment

SECRET = re.compile(r"secret|password|token|credential|apikey", re.IGNORECASE)
# What Step Functions asks of a role whose state machine has a log.
TAKES_NO_RESOURCE = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}


def functions(templates: Any) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in templates.all_of("AWS::Lambda::Function")}


def allowed(templates: Any) -> Iterator[tuple[str, str, str]]:
    """Role or policy, action and resource, for each thing that any principal of the templates may do."""
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for name, policy in templates.all_of(kind):
            for statement in resolved(policy["Properties"]["PolicyDocument"])["Statement"]:
                if statement["Effect"] == "Allow":
                    for action in listed(statement["Action"]):
                        for resource in listed(statement["Resource"]):
                            yield name, action, resource


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_no_resource_policy_allows_everyone(two_stores: Any) -> None:
    seen = set()
    for kind, document in POLICIES.items():
        for name, resource in two_stores.all_of(kind):
            for statement in resolved(resource["Properties"][document])["Statement"]:
                seen.add(kind)
                everyone = statement["Principal"] in ("*", {"AWS": "*"})
                assert statement["Effect"] == "Deny" or not everyone, name
    assert seen == POLICIES.keys()


def test_every_bucket_blocks_public_access(production: Any) -> None:
    for name, bucket in production.all_of("AWS::S3::Bucket"):
        blocked = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert list(blocked.values()) == [True] * 4, name


def test_every_bucket_is_versioned_but_for_copies_that_expire(production: Any) -> None:
    versioned = {
        re.sub(r"[0-9A-F]{8}$", "", name): "VersioningConfiguration" in bucket["Properties"]
        for name, bucket in production.all_of("AWS::S3::Bucket")
    }
    assert [name for name, is_versioned in versioned.items() if not is_versioned] == ["Staging"]


def test_every_queue_and_topic_is_under_the_customers_key(production: Any) -> None:
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        found = dict(production.all_of(kind))
        assert found
        for name, resource in found.items():
            assert "Key" in str(resolved(resource["Properties"]["KmsMasterKeyId"])), name


def test_deployments_whose_names_begin_alike_share_no_name(
    two_stores_deployment: Deployment, make_templates: Callable[[Deployment], Any]
) -> None:
    def names(deployment: str) -> set[str]:
        templates = make_templates(two_stores_deployment.model_copy(update={"name": deployment}))
        kinds = {"AWS::KMS::Alias": "AliasName", "AWS::CloudTrail::Trail": "TrailName"}
        given = [
            each["Properties"][name] for kind, name in kinds.items() for _, each in templates.all_of(kind)
        ]
        assert len(set(given)) == len(given) == 6
        return set(given)

    assert names("a").isdisjoint(names("a-data"))


def test_no_bucket_has_an_access_control_list(two_stores: Any) -> None:
    for name, bucket in two_stores.all_of("AWS::S3::Bucket"):
        assert "AccessControl" not in bucket["Properties"], name
        assert bucket["Properties"]["OwnershipControls"]["Rules"] == [
            {"ObjectOwnership": "BucketOwnerEnforced"}
        ]


def test_every_bucket_key_and_table_is_kept_where_data_is_kept(production: Any) -> None:
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table"):
        found = dict(production.all_of(kind))
        assert found
        for name, resource in found.items():
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain", name
    assert not list(production.all_of("Custom::S3AutoDeleteObjects"))


def test_every_role_is_assumed_by_one_service(two_stores: Any) -> None:
    for name, role in two_stores.all_of("AWS::IAM::Role"):
        for statement in resolved(role["Properties"]["AssumeRolePolicyDocument"])["Statement"]:
            assert list(statement["Principal"]) == ["Service"], name
            assert isinstance(statement["Principal"]["Service"], str), name


def test_no_role_has_a_policy_of_aws(two_stores: Any) -> None:
    for name, role in two_stores.all_of("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role["Properties"], name


@pytest.mark.parametrize("service", ["", "medical-imaging", "s3", "kms", "iam", "dynamodb", "sqs"])
def test_no_role_may_do_everything_of_a_service(service: str, two_stores: Any) -> None:
    everything = f"{service}:*" if service else "*"
    assert [name for name, action, _ in allowed(two_stores) if action == everything] == []


def test_no_role_changes_iam_and_only_the_start_function_passes_a_role(two_stores: Any) -> None:
    doing = {(name, action) for name, action, _ in allowed(two_stores) if action.startswith("iam:")}
    assert {action for _, action in doing} == {"iam:PassRole"}
    assert [name.startswith("ImportStartRole") for name, _ in doing] == [True]


@pytest.mark.parametrize("service", ["s3", "dynamodb", "sqs", "sns", "kms", "lambda", "iam", "logs"])
def test_rights_to_a_service_are_on_named_resources(service: str, two_stores: Any) -> None:
    rights = [each for each in allowed(two_stores) if each[1].startswith(f"{service}:")]
    anywhere = {action for _, action, resource in rights if resource == "*"}
    assert anywhere == (TAKES_NO_RESOURCE if service == "logs" else set())


def test_rights_to_healthimaging_are_on_this_deployments_data_stores(two_stores: Any) -> None:
    rights = [each for each in allowed(two_stores) if each[1].startswith("medical-imaging:")]
    assert rights
    anywhere = {(name[:13], action) for name, action, resource in rights if resource.endswith("*")}
    # CreateDatastore takes no resource, and whoever makes a data store asks whether it is active.
    assert {action.removeprefix("medical-imaging:") for _, action in anywhere} == {
        "CreateDatastore",
        "GetDatastore",
    }
    assert {name for name, _ in anywhere} == {"DatastoreSlid"}


def test_a_list_of_a_bucket_is_on_the_bucket_and_a_read_on_its_objects(two_stores: Any) -> None:
    for name, action, resource in allowed(two_stores):
        if action.startswith("s3:"):
            assert ("/" in resource) is ("Object" in action or "Multipart" in action), (name, action)


def test_every_functions_environment_is_under_the_deployments_key(two_stores: Any) -> None:
    for name, function in functions(two_stores).items():
        assert "Key" in str(resolved(function["KmsKeyArn"])), name


def test_no_function_is_told_a_secret(two_stores: Any) -> None:
    for name, function in functions(two_stores).items():
        told = function.get("Environment", {}).get("Variables", {})
        assert not [each for each in told if SECRET.search(each)], name


def test_no_function_can_be_called_from_outside(two_stores: Any) -> None:
    assert functions(two_stores)
    for kind in ("AWS::Lambda::Url", "AWS::Lambda::Permission"):
        assert not list(two_stores.all_of(kind))


def test_every_function_runs_on_a_runtime_that_is_supported_and_is_traced(two_stores: Any) -> None:
    for name, function in functions(two_stores).items():
        assert function["Runtime"] == "python3.14", name
        assert function["TracingConfig"] == {"Mode": "Active"}, name


def test_every_rule_is_on_and_leads_somewhere(two_stores: Any) -> None:
    for name, rule in two_stores.all_of("AWS::Events::Rule"):
        assert rule["Properties"].get("State", "ENABLED") == "ENABLED", name
        assert rule["Properties"]["Targets"], name


def test_every_alarm_is_on_and_tells_somebody(production: Any) -> None:
    for name, alarm in production.all_of("AWS::CloudWatch::Alarm"):
        assert alarm["Properties"].get("ActionsEnabled", True) is True, name
        assert alarm["Properties"]["AlarmActions"], name


def test_every_log_group_is_encrypted_and_kept_six_years(production: Any) -> None:
    groups = dict(production.all_of("AWS::Logs::LogGroup"))
    assert groups
    for name, group in groups.items():
        assert "Key" in str(resolved(group["Properties"]["KmsKeyId"])), name
        assert group["Properties"]["RetentionInDays"] >= 2192, name


@pytest.mark.parametrize(
    "kind", ["AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Lambda::Function"]
)
def test_what_holds_or_handles_data_says_so_in_its_tags(kind: str, production: Any) -> None:
    for name, resource in production.all_of(kind):
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        assert tags.items() >= {"data-class": "phi", "deployment": "production"}.items(), name
