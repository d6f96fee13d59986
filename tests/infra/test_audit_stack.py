"""What the trails record, where the records lie, and who hears of what should never happen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policies import ACCOUNT, decision, resolved

from config.deployment import Deployment, load_deployment

RUNBOOK = Path(__file__).parents[2] / "docs" / "guides" / "runbook.md"


def only(templates: Any, kind: str, begins: str = "") -> dict[str, Any]:
    found = templates.resources("Audit", kind)
    (resource,) = [each for name, each in found.items() if name.startswith(begins)]
    return dict(resolved(resource["Properties"]))


def trails(templates: Any) -> dict[str, dict[str, Any]]:
    return {
        each["Properties"]["TrailName"]: each["Properties"]
        for each in templates.resources("Audit", "AWS::CloudTrail::Trail").values()
    }


def selected(trail: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {each["Field"]: each.get("Equals") or each["StartsWith"] for each in selector["FieldSelectors"]}
        for selector in trail["AdvancedEventSelectors"]
    ]


def test_management_events_and_both_kinds_of_image_events_are_recorded(production: Any) -> None:
    management, data = (
        trails(production)["ahi-production-management"],
        trails(production)["ahi-production-data"],
    )
    assert selected(management) == [{"eventCategory": ["Management"]}]
    *images, objects = selected(data)
    assert images == [
        {"eventCategory": ["Data"], "resources.type": ["AWS::MedicalImaging::Datastore"]},
        {"eventCategory": ["Data"], "resources.type": ["AWS::MedicalImaging::Imageset"]},
    ]
    assert objects["resources.type"] == ["AWS::S3::Object"]
    assert len(objects["resources.ARN"]) == 3


def test_the_inventory_names_objects_too_so_its_bucket_is_recorded(
    make_templates: Callable[[Deployment], Any],
) -> None:
    given = load_deployment("production").model_dump()
    templates = make_templates(Deployment.model_validate({**given, "sweep": {"reads": "inventory"}}))
    *_, objects = selected(trails(templates)["ahi-production-data"])
    assert [arn for arn in objects["resources.ARN"] if "Inventory" in str(arn)]


def test_every_trail_is_on_encrypted_validated_and_of_all_regions(production: Any) -> None:
    assert len(trails(production)) == 2
    for trail in trails(production).values():
        assert trail["IsLogging"] is True
        assert trail["IsMultiRegionTrail"] is True
        assert trail["EnableLogFileValidation"] is True
        assert "Key" in str(trail["KMSKeyId"])


def test_events_that_name_objects_and_studies_reach_no_log_group(production: Any) -> None:
    assert "CloudWatchLogsLogGroupArn" in trails(production)["ahi-production-management"]
    assert "CloudWatchLogsLogGroupArn" not in trails(production)["ahi-production-data"]


def test_records_are_locked_for_as_long_as_logs_are_kept(production: Any) -> None:
    bucket = only(production, "AWS::S3::Bucket", "TrailRecords")
    assert bucket["ObjectLockEnabled"] is True
    rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Mode": "COMPLIANCE", "Days": 2192}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].startswith("<Key")
    for name, resource in production.resources("Audit", "AWS::S3::Bucket").items():
        assert resource["DeletionPolicy"] == "Retain", name


def test_cloudtrail_writes_for_these_two_trails_alone(production: Any) -> None:
    policies = [
        *production.resources("Audit", "AWS::S3::BucketPolicy").values(),
        *production.resources("Audit", "AWS::KMS::Key").values(),
    ]
    admitted = [
        statement
        for resource in policies
        for statement in resolved(
            resource["Properties"].get("PolicyDocument") or resource["Properties"]["KeyPolicy"]
        )["Statement"]
        if statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    ]
    assert len(admitted) == 5
    for statement in admitted:
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert [arn.rpartition("/")[2] for arn in sources] == [
            "ahi-production-management",
            "ahi-production-data",
        ]


def test_cloudtrail_may_use_the_key_of_a_bucket_with_a_bucket_key(production: Any) -> None:
    (key,) = production.resources("Audit", "AWS::KMS::Key").values()
    trail = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/ahi-production-data"
    asked = {"caller": "arn:aws:iam::999999999999:role/service", "service": "cloudtrail.amazonaws.com"}
    for action in ("kms:DescribeKey", "kms:Decrypt"):
        allowed = decision(resolved(key["Properties"]["KeyPolicy"]), action, **asked, aws__SourceArn=trail)
        assert allowed == "Allow", action


def test_a_trail_is_made_when_its_role_may_write(production: Any) -> None:
    (waits,) = [
        each["DependsOn"]
        for each in production.resources("Audit", "AWS::CloudTrail::Trail").values()
        if "CloudWatchLogsRoleArn" in each["Properties"]
    ]
    assert [name for name in waits if name.startswith("TrailLogsRoleDefaultPolicy")]


def test_a_rule_publishes_to_the_encrypted_topic_though_it_names_no_account_to_the_key(
    production: Any,
) -> None:
    (key,) = production.resources("Audit", "AWS::KMS::Key").values()
    asked = {"caller": "arn:aws:iam::999999999999:role/service", "service": "events.amazonaws.com"}
    for account, wanted in ((ACCOUNT, "Allow"), ("444455556666", "ImplicitDeny")):
        topic = {"kms__EncryptionContext__aws__sns__topicArn": f"arn:aws:sns:us-east-1:{account}:topic"}
        policy = resolved(key["Properties"]["KeyPolicy"])
        assert decision(policy, "kms:GenerateDataKey", **asked, **topic) == wanted


def test_each_never_has_a_rule_and_an_alarm_that_reach_the_topic(production: Any) -> None:
    (topic,) = production.resources("Audit", "AWS::SNS::Topic")
    rules = production.resources("Audit", "AWS::Events::Rule").values()
    alarms = production.resources("Audit", "AWS::CloudWatch::Alarm").values()
    assert len(rules) == len(alarms) == 6
    for rule in rules:
        assert [target["Arn"] for target in rule["Properties"]["Targets"]] == [{"Ref": topic}]
    for alarm in alarms:
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["AlarmDescription"].endswith("docs/guides/runbook.md#never")
    assert re.search(r"^## Never$", RUNBOOK.read_text(), re.M)


def test_each_import_role_and_bucket_is_watched(two_stores: Any) -> None:
    filters = [
        str(resolved(each["Properties"]["FilterPattern"]))
        for each in two_stores.resources("Audit", "AWS::Logs::MetricFilter").values()
    ]
    assert len([each for each in filters if "roleArn" in each]) == 2
    assert len([each for each in filters if "bucketName" in each]) == 4
    assert len(set(filters)) == len(filters)


def test_a_message_says_who_called_what_and_not_with_which_request(production: Any) -> None:
    for rule in production.resources("Audit", "AWS::Events::Rule").values():
        (target,) = rule["Properties"]["Targets"]
        said = target["InputTransformer"]["InputPathsMap"].values()
        assert not any("requestParameters" in path for path in said)


def test_the_stacks_that_hold_what_is_kept_cannot_be_deleted(production: Any, sandbox: Any) -> None:
    assert production.protected == {"Audit", "Data"}
    assert sandbox.protected == frozenset()
