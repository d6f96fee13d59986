"""What tells people: alarms, their topic, one dashboard."""

from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from config.deployment import Deployment
from healthimaging.alarm_topic import alarm_topic
from healthimaging.alarms import ImportAlarms
from healthimaging.dashboard import import_dashboard
from stacks.data_stack import DataStack
from stacks.import_stack import ImportStack


class WatchStack(Stack):
    """Alarms on the import, and a dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        data: DataStack,
        imports: ImportStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        topic = alarm_topic(self, "Topic", key=data.key, emails=deployment.alarms.emails)
        ImportAlarms(
            self,
            "Alarms",
            dicom_import=imports.dicom_import,
            topic=topic,
            # Planned at the longest wait, then started and run: three times that is late, an hour at least.
            longest_wait=Duration.seconds(max(3600, 3 * deployment.import_timing.longest_wait_seconds)),
            # Three calls that stayed away, and no false alarm for a minute's delay.
            silence=Duration.minutes(max(15, 3 * deployment.import_timing.sweep_minutes)),
            no_import_hours=deployment.alarms.no_import_hours,
        )
        dashboard = import_dashboard(
            self, "Overview", dicom_import=imports.dicom_import, datastores=data.datastores
        )
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn)
        CfnOutput(self, "Dashboard", value=dashboard.dashboard_name)
