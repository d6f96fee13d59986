"""The network without a way out that the import's functions run in."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from config.deployment import Deployment
from config.network import Network
from healthimaging.closed_vpc import closed_vpc, endpoints_security_group, functions_security_group
from healthimaging.endpoints import Endpoints, gateway_endpoints
from healthimaging.functions import Placement
from stacks.data_stack import DataStack
from stacks.partner_stack import partner_buckets


class NetworkStack(Stack):
    """Private subnets in a VPC that is made or given, and endpoints that admit this deployment alone.

    It comes after the data stores, because the endpoints' policies name them.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, data: DataStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        network = deployment.network
        vpc = self._given(network) if network.vpc_id else self._made(network, data)
        subnets = ec2.SubnetSelection(subnets=vpc.isolated_subnets)
        self.placement = Placement(
            vpc=vpc,
            subnets=subnets,
            security_group=functions_security_group(self, "FunctionsGroup", vpc=vpc, cidr=network.cidr),
        )
        self.endpoints = Endpoints(
            self,
            "Endpoints",
            vpc=vpc,
            subnets=subnets,
            security_group=endpoints_security_group(self, "EndpointsGroup", vpc=vpc, cidr=network.cidr),
            datastores=list(data.datastores.values()),
            queues=f"ahi-{deployment.name}-import-*",
        )
        if network.vpc_id is None or network.route_table_ids:
            gateway_endpoints(
                self,
                vpc=vpc,
                subnets=subnets,
                buckets=data.storage.buckets,
                partners=partner_buckets(deployment),
                ledger=data.storage.ledger,
                pace=data.storage.pace,
                after_import=deployment.sources.after_import,
            )
        CfnOutput(self, "VpcId", value=vpc.vpc_id)

    def _made(self, network: Network, data: DataStack) -> ec2.IVpc:
        return closed_vpc(self, "Vpc", cidr=network.cidr, zones=network.zones, logs=data.functions)

    def _given(self, network: Network) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=str(network.vpc_id),
            vpc_cidr_block=network.cidr,
            availability_zones=[f"{self.region}{letter}" for letter in network.zones],
            isolated_subnet_ids=list(network.subnet_ids),
            isolated_subnet_route_table_ids=list(network.route_table_ids) or None,
        )
