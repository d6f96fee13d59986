"""Who did what, kept where nobody can change it, and alarms on what should never happen."""

from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from constructs import Construct

from config.deployment import Deployment
from healthimaging.alarm_topic import alarm_topic
from healthimaging.audit_trail import AuditTrail
from healthimaging.functions import FunctionSettings, encrypted_log_group
from healthimaging.keys import DeploymentKey
from healthimaging.never_alarms import NeverAlarms
from healthimaging.nevers import what_should_never_happen
from stacks.access_stack import AccessStack
from stacks.data_stack import DataStack


class AuditStack(Stack):
    """Trails, their key and bucket, and alarms. The records outlive the deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        data: DataStack,
        access: AccessStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=deployment.keep_data, **kwargs)
        key = DeploymentKey(
            self,
            "Key",
            alias=f"ahi-{deployment.name}/audit",
            removal_policy=RemovalPolicy.RETAIN,
            administrators=deployment.key_administrators,
            description="Encrypts the records of CloudTrail",
        )
        key.admit_rules_to_topics()
        logs = encrypted_log_group(
            self,
            "TrailLogs",
            FunctionSettings(
                key=key, log_days=deployment.retention.logs_days, removal_policy=RemovalPolicy.RETAIN
            ),
        )
        storage = data.storage
        trail = AuditTrail(
            self,
            "Trail",
            name=f"ahi-{deployment.name}",
            key=key,
            log_group=logs,
            days=deployment.retention.logs_days,
            buckets=storage.buckets,
        )
        watched = [*storage.buckets, trail.bucket]
        topic = alarm_topic(self, "Topic", key=key, emails=deployment.alarms.emails)
        NeverAlarms(
            self,
            "Never",
            nevers=what_should_never_happen(
                buckets=[bucket.bucket_name for bucket in watched],
                import_roles=[role.role_arn for role in access.import_roles.values()],
            ),
            trail_logs=logs,
            topic=topic,
        )
        CfnOutput(self, "AuditTopic", value=topic.topic_arn)
        CfnOutput(self, "RecordsBucket", value=trail.bucket.bucket_name)
