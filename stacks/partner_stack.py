"""What a partner deploys in its own account: uploads to its bucket are told to the deployment."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from config.deployment import Deployment
from healthimaging.acknowledge import acknowledge_inline_policy
from healthimaging.partner_events import uploads_of
from healthimaging.partners import PartnerBucket


def partner_buckets(deployment: Deployment) -> list[PartnerBucket]:
    return [
        PartnerBucket(
            id=name,
            bucket=partner.bucket,
            account=partner.account,
            region=partner.region,
            store=partner.data_store,
            prefix=partner.prefix,
            key_arn=partner.key_arn,
        )
        for name, partner in deployment.partners.items()
    ]


class PartnerStack(Stack):
    """A rule in the bucket's Region, and the role that hands its events to the bus at `bus_arn`.

    It changes no bucket and no policy: CloudFormation would replace a policy as a whole.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, partner: PartnerBucket, bus_arn: str, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        role = iam.Role(
            self,
            "TellsOfUploads",
            description="Assumed by EventBridge to tell the deployment that imports the files of uploads",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
        )
        iam.Grant.add_to_principal(grantee=role, actions=["events:PutEvents"], resource_arns=[bus_arn])
        acknowledge_inline_policy(role)
        events.CfnRule(
            self,
            "Uploads",
            description="Uploads that a deployment of another account imports",
            event_pattern=uploads_of(partner),
            targets=[events.CfnRule.TargetProperty(id="Bus", arn=bus_arn, role_arn=role.role_arn)],
        )
