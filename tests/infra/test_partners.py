"""Partners' buckets: what our roles ask for, what the printed policies admit, and how uploads are told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks
from policies import decision, resolved, role

from app import make_partner_stack
from config.deployment import Deployment, load_deployment
from config.errors import DeploymentError
from config.partner_policy import partner_policies

US, RADNET = "000000000000", "111122223333"
BUCKET = "arn:aws:s3:::radnet-clinic"
KEY = f"arn:aws:kms:us-east-1:{RADNET}:key/11111111-2222-3333-4444-555555555555"
SENT, KEPT = f"{BUCKET}/sent/a", f"{BUCKET}/kept/a"


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load_deployment("tests/local/partner.yaml")


@pytest.fixture(scope="module")
def partnered(deployment: Deployment, make_templates: Callable[[Deployment], Any]) -> Any:
    return make_templates(deployment)


def asked(templates: Any) -> Iterator[tuple[str, str, str, Any]]:
    """Role, action, resource and condition of every right to something of the partner radnet."""
    roles = {
        name: found["Properties"].get("RoleName")
        for stack in ("Access", "Import")
        for name, found in templates.resources(stack, "AWS::IAM::Role").items()
    }
    for _, policy in templates.all_of("AWS::IAM::Policy"):
        for one in resolved(policy["Properties"]["PolicyDocument"]["Statement"]):
            for resource in as_list(one["Resource"]):
                if resource.startswith((BUCKET, KEY)):
                    for action in as_list(one["Action"]):
                        (ref,) = policy["Properties"]["Roles"]
                        yield roles[ref["Ref"]], action, resource, one["Condition"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def admitted(policies: Any) -> Iterator[tuple[str, str, str]]:
    """Role, action and resource of every right that the printed policies give."""
    for document in policies.values():
        for one in document["Statement"]:
            if one["Effect"] == "Allow":
                for arn in one["Condition"]["ArnEquals"]["aws:PrincipalArn"]:
                    yield arn.removeprefix(f"arn:aws:iam::{US}:role/"), one["Action"], one["Resource"]


def test_the_printed_policies_admit_what_our_roles_ask_for_and_nothing_else(
    deployment: Deployment, partnered: Any
) -> None:
    assert deployment.partners["radnet"].key_arn == KEY
    wanted = {
        (who, action, "*" if resource == KEY else resource) for who, action, resource, _ in asked(partnered)
    }
    assert wanted == set(admitted(partner_policies(deployment, "radnet", US)))
    assert ("ahi-clinic-us-east-1-import-main", "s3:GetObject", f"{BUCKET}/sent/*") in wanted


def test_every_right_to_a_partners_bucket_is_to_that_accounts(partnered: Any) -> None:
    conditions = [condition for _, action, _, condition in asked(partnered) if action.startswith("s3:")]
    assert conditions
    assert {one["StringEquals"]["aws:ResourceAccount"] for one in conditions} == {RADNET}


def test_a_partners_key_is_used_through_s3_of_its_region_only(partnered: Any) -> None:
    found = [(action, condition) for _, action, _, condition in asked(partnered) if action.startswith("kms:")]
    assert found
    for action, condition in found:
        assert action == "kms:Decrypt"
        assert condition == {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}


@pytest.mark.parametrize(
    ("who", "action", "resource", "keys", "expected"),
    [
        ("import-main", "s3:GetObject", SENT, {}, "Allow"),
        ("import-main", "s3:GetObject", KEPT, {}, "ImplicitDeny"),
        ("import-main", "s3:ListBucket", BUCKET, {"s3__prefix": "sent/a/"}, "Allow"),
        ("import-main", "s3:ListBucket", BUCKET, {}, "ImplicitDeny"),
        ("import-main", "s3:PutObject", SENT, {}, "ImplicitDeny"),
        ("register", "s3:GetObjectVersion", SENT, {}, "Allow"),
        ("register", "s3:ListBucketVersions", BUCKET, {"s3__prefix": "sent/"}, "ImplicitDeny"),
        ("sweep", "s3:ListBucketVersions", BUCKET, {"s3__prefix": "sent/"}, "Allow"),
        ("sweep", "s3:ListBucketVersions", BUCKET, {"s3__prefix": "kept/"}, "ImplicitDeny"),
        ("sweep", "s3:DeleteObjectVersion", SENT, {}, "ImplicitDeny"),
        ("another", "s3:GetObject", SENT, {}, "ImplicitDeny"),
    ],
)
def test_the_printed_bucket_policy_judges_each_role(
    deployment: Deployment, who: str, action: str, resource: str, keys: dict[str, str], expected: str
) -> None:
    policy = partner_policies(deployment, "radnet", US)["bucket_policy"]
    caller = role(f"ahi-clinic-us-east-1-{who}", US)
    assert decision(policy, action, caller=caller, resource=resource, **keys) == expected


def test_a_partner_without_a_key_or_a_prefix_is_told_of_neither(deployment: Deployment) -> None:
    policies = partner_policies(deployment, "mallory", US)
    assert policies.keys() == {"bucket_policy"}
    assert "s3:prefix" not in str(policies)


def test_the_bus_takes_s3s_upload_events_from_the_partners_accounts_alone(partnered: Any) -> None:
    ((_, bus),) = partnered.resources("Import", "AWS::Events::EventBus").items()
    assert bus["Properties"]["Name"] == "ahi-clinic-partners"
    statements = [
        each["Properties"]["Statement"]
        for each in partnered.resources("Import", "AWS::Events::EventBusPolicy").values()
    ]
    assert [one["Principal"]["AWS"] for one in statements] == [
        f"arn:aws:iam::{RADNET}:root",
        "arn:aws:iam::222233334444:root",
    ]
    for one in statements:
        assert (one["Effect"], one["Action"]) == ("Allow", "events:PutEvents")
        assert one["Condition"]["ForAllValues:StringEquals"] == {"events:source": "aws.s3"}
        assert one["Condition"]["StringEquals"] == {"events:detail-type": "Object Created"}


def test_a_rule_takes_the_uploads_of_its_partners_bucket_and_account(partnered: Any) -> None:
    rules = partnered.resources("Import", "AWS::Events::Rule").values()
    of_bus = [rule["Properties"] for rule in rules if "EventBusName" in rule["Properties"]]
    patterns = [rule["EventPattern"] for rule in of_bus]
    assert [(one["account"], one["detail"]["bucket"]["name"]) for one in patterns] == [
        ([RADNET], ["radnet-clinic"]),
        (["222233334444"], ["mallory-clinic"]),
    ]
    assert patterns[0]["detail"]["object"] == {"key": [{"prefix": "sent/"}]}
    assert "object" not in patterns[1]["detail"]
    (uploads,) = {str(target["Arn"]) for rule in of_bus for target in rule["Targets"]}
    assert "UploadsQueue" in uploads


def test_the_statements_of_a_queues_policy_have_ids_of_their_own(partnered: Any) -> None:
    for policy in partnered.resources("Import", "AWS::SQS::QueuePolicy").values():
        sids = [one["Sid"] for one in policy["Properties"]["PolicyDocument"]["Statement"] if "Sid" in one]
        assert len(sids) == len(set(sids))


def test_a_deployment_without_partners_has_no_bus_and_no_right_to_others_buckets(sandbox: Any) -> None:
    assert not sandbox.resources("Import", "AWS::Events::EventBus")
    assert "aws:ResourceAccount" not in str(sandbox.by_stack)


def partner_stack(context: dict[str, Any], tmp_path: Path, name: str = "radnet", **more: str) -> App:
    app = App(context={**context, **more}, outdir=str(tmp_path))
    packs = (AwsSolutionsChecks(app), HIPAASecurityChecks(app), NIST80053R5Checks(app))
    Validations.of(app).add_plugins(*packs)
    make_partner_stack(app, load_deployment("tests/local/partner.yaml"), name)
    return app


def test_the_partners_stack_has_a_rule_and_a_role_and_no_finding(
    context: dict[str, Any], tmp_path: Path
) -> None:
    (stack,) = partner_stack(context, tmp_path, account=US).synth().stacks
    assert (stack.environment.account, stack.environment.region) == (RADNET, "us-east-1")
    template = stack.template
    assert template.keys() == {"Resources"}
    by_type = {each["Type"]: each["Properties"] for each in template["Resources"].values()}
    assert by_type.keys() == {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Events::Rule"}
    bus = f"arn:aws:events:us-east-1:{US}:event-bus/ahi-clinic-partners"
    (statement,) = by_type["AWS::IAM::Policy"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", bus)
    (target,) = by_type["AWS::Events::Rule"]["Targets"]
    assert target["Arn"] == bus
    assert by_type["AWS::Events::Rule"]["EventPattern"]["account"] == [RADNET]


def test_a_partner_that_is_none_is_refused_with_those_there_are(
    context: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(
        DeploymentError, match=r"nobody: no such partner of clinic\. There are radnet, mallory"
    ):
        partner_stack(context, tmp_path, "nobody")


def test_the_partners_stack_needs_to_know_our_account(context: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="-c account="):
        partner_stack(context, tmp_path)


def test_in_a_network_partners_are_read_through_its_endpoint(
    make_templates: Callable[[Deployment], Any], deployment: Deployment
) -> None:
    given = deployment.model_dump() | {"stacks": ("network",)}
    templates = make_templates(Deployment.model_validate(given))
    endpoints = templates.resources("Network", "AWS::EC2::VPCEndpoint").values()
    admitted_there = [
        (action, resource)
        for endpoint in endpoints
        for one in resolved(endpoint["Properties"]["PolicyDocument"]["Statement"])
        for action in as_list(one["Action"])
        for resource in as_list(one["Resource"])
        if "radnet" in str(resource)
    ]
    assert admitted_there == [
        ("s3:ListBucketVersions", BUCKET),
        ("s3:GetObjectVersion", f"{BUCKET}/sent/*"),
    ]
