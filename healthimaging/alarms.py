"""What wakes a person: each alarm names the page that says what to do."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from healthimaging.dicom_import import DicomImport

RUNBOOK = "docs/guides/runbook.md"
ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
ALARM = cloudwatch.TreatMissingData.BREACHING
FIVE_MINUTES = Duration.minutes(5)


class ImportAlarms(Construct):
    """Alarms of one import, all sent to `topic`.

    `longest_wait` is when a waiting file is late, `silence` when a function that a schedule calls is;
    `no_import_hours` is None where days without an import are normal.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dicom_import: DicomImport,
        topic: sns.ITopic,
        longest_wait: Duration,
        silence: Duration,
        no_import_hours: int | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._import = dicom_import
        self._dead_letters()
        self._functions()
        self._files(longest_wait)
        self._schedules(silence)
        self._backfill()
        if no_import_hours is not None:
            self._no_import(no_import_hours)
        for alarm in self._alarms():
            alarm.add_alarm_action(actions.SnsAction(topic))

    def _alarms(self) -> Iterator[cloudwatch.Alarm]:
        return (child for child in self.node.children if isinstance(child, cloudwatch.Alarm))

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        what: str,
        anchor: str,
        *,
        threshold: float = 1,
        comparison: cloudwatch.ComparisonOperator = ABOVE,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = QUIET,
    ) -> None:
        cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_description=f"{what}. What to do: {RUNBOOK}#{anchor}",
        )

    def _dead_letters(self) -> None:
        for name, work in self._import.queues.items():
            self._alarm(
                f"{name.title()}DeadLetters",
                work.dead_letters.metric_approximate_number_of_messages_visible(
                    period=FIVE_MINUTES, statistic="Maximum"
                ),
                f"A message of the {name} queue failed five times",
                "dead-letters",
            )

    def _functions(self) -> None:
        for name, function in self._import.functions.items():
            self._alarm(
                f"{name.title()}Errors",
                function.metric_errors(period=FIVE_MINUTES),
                f"The function {name} failed",
                "function-errors",
            )
            self._alarm(
                f"{name.title()}Throttles",
                function.metric_throttles(period=FIVE_MINUTES),
                f"The function {name} was throttled for a quarter of an hour",
                "function-throttles",
                periods=3,
            )

    def _files(self, longest_wait: Duration) -> None:
        self._alarm(
            "FilesFailed",
            self._import.metric_failed_files(period=FIVE_MINUTES),
            "A file failed: HealthImaging or a rule refused it",
            "failed-files",
        )
        self._alarm(
            "JobsFailed",
            self._import.metric_failed_jobs(period=FIVE_MINUTES),
            "An import job failed as a whole",
            "failed-jobs",
        )
        self._alarm(
            "OldestWaiting",
            self._import.metric_oldest_waiting_seconds(period=FIVE_MINUTES),
            "A file has waited far longer than it should",
            "waiting-files",
            threshold=longest_wait.to_seconds(),
        )

    def _schedules(self, silence: Duration) -> None:
        """A call that fails is made again by the next; that none comes any more no queue would tell."""
        for name in ("plan", "sweep"):
            self._alarm(
                f"{name.title()}Silent",
                self._import.functions[name].metric_invocations(period=silence),
                f"The function {name} is not called any more",
                "silent-functions",
                comparison=BELOW,
                missing=ALARM,
            )

    def _backfill(self) -> None:
        for outcome in ("Failed", "TimedOut", "Aborted"):
            self._alarm(
                f"Backfill{outcome}",
                self._import.backfill.metric_executions(outcome, period=FIVE_MINUTES),
                "A backfill ended before its end",
                "stopped-backfill",
            )

    def _no_import(self, hours: int) -> None:
        self._alarm(
            "NoImport",
            self._import.metric_imported_files(period=Duration.hours(1)),
            f"No file was imported for {hours} hours",
            "no-import",
            comparison=BELOW,
            periods=hours,
            missing=ALARM,
        )
