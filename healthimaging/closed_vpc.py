"""A network without a way out, and the functions' place in it."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from healthimaging import prefix_lists
from healthimaging.acknowledge import acknowledge, acknowledge_inline_policy
from healthimaging.functions import FunctionSettings, encrypted_log_group

HTTPS = ec2.Port.tcp(443)


def closed_vpc(
    scope: Construct, construct_id: str, *, cidr: str, zones: Sequence[str], logs: FunctionSettings
) -> ec2.Vpc:
    """A VPC of private subnets, one a zone, with no gateway to the internet and a log of every flow."""
    vpc = ec2.Vpc(
        scope,
        construct_id,
        ip_addresses=ec2.IpAddresses.cidr(cidr),
        # Named, because to look them up takes the account's credentials at synth.
        availability_zones=[f"{Stack.of(scope).region}{letter}" for letter in zones],
        nat_gateways=0,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
    )
    _log_flows(vpc, logs)
    acknowledge(
        vpc,
        "CloudFormation cannot change a VPC's default security group. Nothing is put into it, and no subnet "
        "has a route out.",
        "VPCDefaultSecurityGroupClosed",
    )
    return vpc


def _log_flows(vpc: ec2.Vpc, settings: FunctionSettings) -> None:
    group = encrypted_log_group(vpc, "FlowLogs", settings)
    role = iam.Role(
        vpc,
        "FlowLogsRole",
        description="Lets the VPC write its flow log",
        assumed_by=iam.ServicePrincipal(
            "vpc-flow-logs.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(vpc).account}},
        ),
    )
    acknowledge_inline_policy(role)
    vpc.add_flow_log(
        "Flows",
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
        traffic_type=ec2.FlowLogTrafficType.ALL,
    )


def endpoints_security_group(
    scope: Construct, construct_id: str, *, vpc: ec2.IVpc, cidr: str
) -> ec2.SecurityGroup:
    """Admits HTTPS from within the VPC, whose addresses are `cidr`, and lets nothing out."""
    group = ec2.SecurityGroup(
        scope, construct_id, vpc=vpc, description="HTTPS from the VPC", allow_all_outbound=False
    )
    group.add_ingress_rule(ec2.Peer.ipv4(cidr), HTTPS, "HTTPS from the VPC")
    return group


def functions_security_group(
    scope: Construct, construct_id: str, *, vpc: ec2.IVpc, cidr: str
) -> ec2.SecurityGroup:
    """Admits nothing, and lets out HTTPS to the VPC's endpoints, S3 and DynamoDB."""
    group = ec2.SecurityGroup(
        scope, construct_id, vpc=vpc, description="HTTPS to the endpoints", allow_all_outbound=False
    )
    region = Stack.of(scope).region
    for peer, what in (
        (ec2.Peer.ipv4(cidr), "the interface endpoints"),
        (ec2.Peer.prefix_list(prefix_lists.S3[region]), "S3 through its gateway endpoint"),
        (ec2.Peer.prefix_list(prefix_lists.DYNAMODB[region]), "DynamoDB through its gateway endpoint"),
    ):
        group.add_egress_rule(peer, HTTPS, what)
    return group
