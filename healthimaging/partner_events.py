"""The event bus on which partners' buckets tell of uploads."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_events as events
from constructs import Construct

from healthimaging.partners import PartnerBucket

UPLOADED = {"source": "aws.s3", "detail-type": "Object Created"}


class PartnersBus(Construct):
    """Takes S3's upload events from the partners' accounts, and none of their other events.

    A bus of its own, so that no other rule of the account meets what partners send.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, partners: Sequence[PartnerBucket]
    ) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.CfnEventBus(self, "Resource", name=name)
        for account in sorted({partner.account for partner in partners}):
            events.CfnEventBusPolicy(
                self,
                f"Account{account}",
                event_bus_name=self.bus.ref,
                statement_id=f"Account{account}",
                statement={
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "events:PutEvents",
                    "Resource": self.bus.attr_arn,
                    # As AWS's guide has it: a request may hold events of several sources.
                    "Condition": {
                        "ForAllValues:StringEquals": {"events:source": UPLOADED["source"]},
                        "StringEquals": {"events:detail-type": UPLOADED["detail-type"]},
                        "Null": {"events:source": "false"},
                    },
                },
            )


def uploads_of(partner: PartnerBucket) -> dict[str, Any]:
    """The pattern of the events that tell of uploads below the partner's prefix, from its account alone."""
    below = {"object": {"key": [{"prefix": partner.prefix}]}} if partner.prefix else {}
    return {
        **{name: [value] for name, value in UPLOADED.items()},
        "account": [partner.account],
        "detail": {"bucket": {"name": [partner.bucket]}, **below},
    }
