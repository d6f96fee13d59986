"""The network has no way out, and its endpoints admit this deployment alone."""

from collections.abc import Callable
from typing import Any

import pytest
from policies import ACCOUNT, decision, resolved, role

from config.deployment import Deployment
from config.network import Network

HEALTHIMAGING = ("medical-imaging", "runtime-medical-imaging", "dicom-medical-imaging")

# Called by Lambda, EventBridge Scheduler and Step Functions, which do not stand in the network.
BY_OTHERS = ("logs", "xray", "kms", "ec2", "iam", "lambda", "states")
BY_LAMBDA = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def endpoints(templates: Any) -> dict[str, dict[str, Any]]:
    return {
        resolved(each["Properties"]["ServiceName"]).rpartition(".")[2]: each["Properties"]
        for each in templates.resources("Network", "AWS::EC2::VPCEndpoint").values()
    }


def test_the_functions_reach_these_services_and_no_others(two_stores: Any) -> None:
    assert endpoints(two_stores).keys() == {*HEALTHIMAGING, "sqs", "s3", "dynamodb"}


def test_interface_endpoints_answer_under_the_services_own_names(two_stores: Any) -> None:
    for name in (*HEALTHIMAGING, "sqs"):
        assert endpoints(two_stores)[name]["PrivateDnsEnabled"] is True


@pytest.mark.parametrize("name", HEALTHIMAGING)
def test_an_endpoint_admits_this_deployments_data_stores_and_no_others(name: str, two_stores: Any) -> None:
    policy = endpoints(two_stores)[name]["PolicyDocument"]
    (statement,) = resolved(policy)["Statement"]
    stores = [arn for arn in statement["Resource"] if not arn.endswith("/imageset/*")]
    assert len(stores) == 2
    other = f"arn:aws:medical-imaging:us-east-1:{ACCOUNT}:datastore/{'0' * 32}"

    def read(store: str, caller: str = role("Reader")) -> str:
        return decision(
            policy, "medical-imaging:GetImageFrame", caller=caller, resource=f"{store}/imageset/1"
        )

    for store in stores:
        assert read(store) == "Allow"
        assert read(store, role("Reader", "444455556666")) == "ImplicitDeny"
    assert read(other) == "ImplicitDeny"


def test_every_endpoint_admits_this_accounts_principals_alone(two_stores: Any) -> None:
    for name, endpoint in endpoints(two_stores).items():
        for statement in resolved(endpoint["PolicyDocument"])["Statement"]:
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, name
            assert statement["Resource"] != "*", name


def test_the_gateway_of_s3_leads_to_the_deployments_buckets(two_stores: Any) -> None:
    policy = endpoints(two_stores)["s3"]["PolicyDocument"]
    elsewhere = "arn:aws:s3:::somewhere-else/file"
    assert decision(policy, "s3:PutObject", caller=role("any"), resource=elsewhere) == "ImplicitDeny"


OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"sources": {"after_import": "tag"}},
    {"sources": {"after_import": "delete"}, "sweep": {"reads": "inventory"}},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_whatever_a_function_of_the_import_may_do_its_endpoint_admits(
    make_templates: Callable[[Deployment], Any],
    two_stores_deployment: Deployment,
    options: dict[str, Any],
) -> None:
    """But for what Lambda does with the function's role, such as taking messages."""
    given = two_stores_deployment.model_dump()
    templates = make_templates(Deployment.model_validate({**given, **options}))
    admitted = {
        action
        for endpoint in endpoints(templates).values()
        for statement in endpoint["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    needed = {
        action
        for policy in templates.resources("Import", "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
        if action.split(":")[0] not in BY_OTHERS and action not in BY_LAMBDA
    }
    assert "medical-imaging:*" in admitted
    assert {each for each in needed if not each.startswith("medical-imaging:")} <= admitted
    assert {each.split(":")[0] for each in needed} == {"medical-imaging", "s3", "dynamodb", "sqs"}


def test_nothing_leads_out(two_stores: Any) -> None:
    for kind in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Route"):
        assert not two_stores.resources("Network", f"AWS::EC2::{kind}")
    for subnet in two_stores.resources("Network", "AWS::EC2::Subnet").values():
        assert subnet["Properties"]["MapPublicIpOnLaunch"] is False


def test_security_groups_let_https_in_from_the_network_and_out_to_the_endpoints(two_stores: Any) -> None:
    groups = two_stores.resources("Network", "AWS::EC2::SecurityGroup")
    (functions,) = [each["Properties"] for name, each in groups.items() if "Functions" in name]
    (ends,) = [each["Properties"] for name, each in groups.items() if "Endpoints" in name]
    assert "SecurityGroupIngress" not in functions
    assert {(rule["FromPort"], rule["ToPort"]) for rule in functions["SecurityGroupEgress"]} == {(443, 443)}
    assert not any(rule.get("CidrIp") == "0.0.0.0/0" for rule in functions["SecurityGroupEgress"])
    (entry,) = ends["SecurityGroupIngress"]
    assert (entry["FromPort"], entry["ToPort"]) == (443, 443)
    assert entry["CidrIp"] != "0.0.0.0/0"
    # What the CDK writes for a group that lets nothing out: a rule that nothing matches.
    assert [rule["CidrIp"] for rule in ends["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_every_function_of_the_import_runs_in_the_private_subnets(two_stores: Any) -> None:
    functions = two_stores.resources("Import", "AWS::Lambda::Function")
    assert functions
    for name, function in functions.items():
        assert len(function["Properties"]["VpcConfig"]["SubnetIds"]) == 2, name


def test_a_functions_own_code_may_not_make_network_interfaces(two_stores: Any) -> None:
    statements = two_stores.statements("Import", "ImportStartRole")
    (denied,) = [each for each in statements if each["Effect"] == "Deny"]
    assert "ec2:CreateNetworkInterface" in denied["Action"]
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_every_flow_is_logged(two_stores: Any) -> None:
    (log,) = two_stores.resources("Network", "AWS::EC2::FlowLog").values()
    assert log["Properties"]["TrafficType"] == "ALL"


def test_a_given_vpc_gets_endpoints_and_nothing_else(
    two_stores_deployment: Deployment, make_templates: Callable[[Deployment], Any]
) -> None:
    given = Network(
        vpc_id="vpc-0000000a",
        cidr="10.0.0.0/16",
        zones=("a", "b"),
        subnet_ids=("subnet-0000000a", "subnet-0000000b"),
        route_table_ids=("rtb-0000000a", "rtb-0000000b"),
    )
    templates = make_templates(two_stores_deployment.model_copy(update={"network": given}))
    kinds = {each["Type"] for each in templates.by_stack["Network"]["Resources"].values()}
    rules = {"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"}
    assert kinds - {"AWS::CDK::Metadata"} == {*rules, "AWS::EC2::VPCEndpoint"}
    found = endpoints(templates)
    assert {endpoint["VpcId"] for endpoint in found.values()} == {"vpc-0000000a"}
    assert found["s3"]["RouteTableIds"] == ["rtb-0000000a", "rtb-0000000b"]
    for function in templates.resources("Import", "AWS::Lambda::Function").values():
        assert function["Properties"]["VpcConfig"]["SubnetIds"] == ["subnet-0000000a", "subnet-0000000b"]
