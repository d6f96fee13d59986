"""From objects in a bucket to image sets: functions, the queues between them, and their schedules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from healthimaging.acknowledge import acknowledge_objects
from healthimaging.backfill import Backfill
from healthimaging.datastore import DatastoreBase
from healthimaging.functions import FunctionSettings, powertools_layer, toolkit_function
from healthimaging.grants import grant_bucket, grant_objects, grant_receive, grant_rows, grant_send
from healthimaging.import_role import ImportRole
from healthimaging.import_steps import QUEUES, SOURCE_RIGHTS, STEPS, Step, is_in_loop
from healthimaging.partner_events import PartnersBus, uploads_of
from healthimaging.partners import LISTERS, READERS, PartnerBucket
from healthimaging.queues import WorkQueue
from healthimaging.schedules import invoke_every

METRICS_NAMESPACE = "HealthImagingImport"
IMPORT_ENDED = ["Import Job Completed", "Import Job Failed"]


@dataclass(frozen=True, kw_only=True)
class ImportTarget:
    """A data store, the keys of the input bucket that go to it, and the role its jobs run as."""

    id: str
    prefix: str
    datastore: DatastoreBase
    role: ImportRole


@dataclass(frozen=True, kw_only=True)
class ImportStorage:
    """Where files come from, where jobs write, and where both are accounted for.

    `pace` is the table of the pace that is shared with other deployments; else it is in the ledger.
    """

    input: s3.IBucket
    output: s3.IBucket
    staging: s3.IBucket
    ledger: dynamodb.ITable
    inventory: s3.IBucket | None = None
    pace: dynamodb.ITable | None = None

    @property
    def buckets(self) -> list[s3.IBucket]:
        """All that hold files, or name them."""
        return [self.input, self.output, self.staging, *([self.inventory] if self.inventory else [])]


class DicomImport(Construct):
    """Imports what is uploaded to `storage.input`, and to the buckets of `partners`, into data stores.

    The functions' roles are called by `role_prefix` and the step, so that partners can name them in their
    policies; `bus_name` is that of the bus on which they tell of uploads. `settings` are the timings and
    quotas the functions go by; `lambdas/` reads them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[ImportTarget],
        storage: ImportStorage,
        settings: Mapping[str, Any],
        sweep_every: Duration,
        functions: FunctionSettings,
        role_prefix: str,
        bus_name: str,
        partners: Sequence[PartnerBucket] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self._targets, self._storage, self._functions = targets, storage, functions
        self._role_prefix, self._partners = role_prefix, partners
        self._after_import = settings["after_import"]
        self.queues = {
            name: WorkQueue(self, f"{name.title()}Queue", key=functions.key, function_timeout=step.timeout)
            for name, step in QUEUES.items()
        }
        layer = powertools_layer(self, "Powertools")
        environment = self._environment(settings)
        self.functions = {step.name: self._function(step, environment, layer) for step in STEPS}
        self._grant_rights()
        self._receive_events()
        if partners:
            self._receive_from_partners(bus_name)
        self.backfill = Backfill(
            self, "BackfillMachine", function=self.functions["backfill"], settings=functions
        )
        invoke_every(self, "PlanTick", self.functions["plan"], Duration.minutes(1))
        invoke_every(self, "SweepTick", self.functions["sweep"], sweep_every)

    def metric(self, metric_name: str, **options: Any) -> cloudwatch.Metric:
        """A metric that the functions publish, all under one name."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=metric_name,
            **{"dimensions_map": {"service": "import"}, "statistic": "Sum", **options},
        )

    def metric_imported_files(self, **options: Any) -> cloudwatch.Metric:
        """Files that are in an image set."""
        return self.metric("FilesImported", **options)

    def metric_failed_files(self, **options: Any) -> cloudwatch.Metric:
        """Files that HealthImaging or a rule refused."""
        return self.metric("FilesFailed", **options)

    def metric_copy_ratio(self, **options: Any) -> cloudwatch.MathExpression:
        """Copies to staging for each imported file: 0 where all is read in place."""
        using = {"copied": self.metric("FilesCopied"), "imported": self.metric_imported_files()}
        return cloudwatch.MathExpression(
            expression="copied / imported", using_metrics=using, label="copies to a file", **options
        )

    def metric_failed_jobs(self, **options: Any) -> cloudwatch.Metric:
        """Import jobs that failed as a whole."""
        return self.metric("JobsFailed", **options)

    def metric_jobs_in_flight(self, **options: Any) -> cloudwatch.Metric:
        """Import jobs that run now."""
        return self.metric("JobsInFlight", **{"statistic": "Maximum", **options})

    def metric_oldest_waiting_seconds(self, **options: Any) -> cloudwatch.Metric:
        """How long the file that has waited longest has waited."""
        return self.metric("OldestWaitingSeconds", **{"statistic": "Maximum", **options})

    def _environment(self, settings: Mapping[str, Any]) -> dict[str, str]:
        storage = self._storage
        stores = [
            {
                "id": target.id,
                "prefix": target.prefix,
                "datastore_id": target.datastore.datastore_id,
                "role_arn": target.role.role_arn,
            }
            for target in self._targets
        ]
        partners = [dict(partner.settings) for partner in self._partners]
        pace = storage.pace.table_name if storage.pace else ""
        urls = {f"{name.upper()}_QUEUE_URL": work.queue.queue_url for name, work in self.queues.items()}
        return {
            "LEDGER_TABLE": storage.ledger.table_name,
            "STAGING_BUCKET": storage.staging.bucket_name,
            "IMPORT_SETTINGS": Stack.of(self).to_json_string(
                {
                    **settings,
                    "input_bucket": storage.input.bucket_name,
                    "output_bucket": storage.output.bucket_name,
                    "stores": stores,
                    "partners": partners,
                    "pace_table": pace,
                }
            ),
            **urls,
        }

    def _function(
        self, step: Step, environment: Mapping[str, str], layer: lambda_.LayerVersion
    ) -> lambda_.Function:
        names = {"LEDGER_TABLE", "IMPORT_SETTINGS"}
        names |= {f"{name.upper()}_BUCKET" for name in step.buckets}
        names |= {f"{name.upper()}_QUEUE_URL" for name in step.sends_to}
        function = toolkit_function(
            self,
            step.name.title(),
            handler=f"lambdas.{step.name}.handle",
            settings=self._functions,
            description=step.description,
            timeout=step.timeout,
            memory_size=step.memory_size,
            environment={
                "POWERTOOLS_SERVICE_NAME": step.name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                **{name: environment[name] for name in sorted(names)},
            },
            layers=[layer],
            key_through=step.key_through,
            role_name=f"{self._role_prefix}{step.name}",
            may_loop=is_in_loop(step),
        )
        if step.queue:
            queue = self.queues[step.queue].queue
            grant_receive(queue, function)
            # The CDK's SqsEventSource would give the right to the queue's key with no kms:ViaService.
            function.add_event_source_mapping(
                "FromQueue",
                event_source_arn=queue.queue_arn,
                batch_size=step.batch_size,
                max_batching_window=step.batching_window,
                max_concurrency=step.max_concurrency,
                report_batch_item_failures=True,
            )
        return function

    def _grant_rights(self) -> None:
        storage, functions = self._storage, self.functions
        for each in STEPS:
            function = functions[each.name]
            grant_rows(storage.ledger, function, *each.rows, index=each.reads_index)
            if storage.pace and each.paces:
                grant_rows(storage.pace, function, *each.paces)
            for name in each.sends_to:
                grant_send(self.queues[name].queue, function)
        for step in ("plan", "stage", "start", "record", "sweep", "backfill"):
            grant_bucket(storage.input, functions[step], "s3:ListBucketVersions")
        grant_bucket(storage.staging, functions["stage"], "s3:ListBucketVersions")
        # Without ListBucket, S3 answers for an object that is gone as for one that is forbidden.
        grant_bucket(storage.input, functions["stage"], "s3:ListBucket")
        grant_bucket(storage.output, functions["record"], "s3:ListBucket")
        for step in ("register", "stage"):
            self._grant_objects(step, storage.input, "s3:GetObjectVersion")
        self._grant_objects("stage", storage.staging, "s3:PutObject", "s3:AbortMultipartUpload")
        self._grant_objects("record", storage.output, "s3:GetObject")
        if storage.inventory:
            grant_bucket(storage.inventory, functions["sweep"], "s3:ListBucket")
            self._grant_objects("sweep", storage.inventory, "s3:GetObject")
        for step, actions in SOURCE_RIGHTS[self._after_import].items():
            self._grant_objects(step, storage.input, *actions)
        for target in self._targets:
            target.datastore.grant(functions["start"], "StartDICOMImportJob", "ListDICOMImportJobs")
            target.datastore.grant(functions["record"], "GetDICOMImportJob")
            target.datastore.grant(functions["sweep"], "GetDICOMImportJob", "ListDICOMImportJobs")
            target.role.grant_pass_to_healthimaging(functions["start"])
        for partner in self._partners:
            for step in LISTERS:
                partner.grant_listing(self._role(step), "s3:ListBucketVersions")
            for step in READERS:
                partner.grant_reading(self._role(step), "s3:GetObjectVersion")

    def _role(self, step: str) -> iam.Role:
        role = self.functions[step].role
        assert isinstance(role, iam.Role)
        return role

    def _grant_objects(self, step: str, bucket: s3.IBucket, *actions: str) -> None:
        role = self._role(step)
        grant_objects(bucket, role, *actions)
        acknowledge_objects(role, "It handles whatever people upload and every job's results.", bucket)

    def _receive_events(self) -> None:
        self.queues["uploads"].receive_events(
            "ObjectCreated",
            description="Objects uploaded to the input bucket",
            pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [self._storage.input.bucket_name]}},
            },
        )
        # To start for the slot that is free, to record for what became of the files.
        for name in ("start", "results"):
            self.queues[name].receive_events(
                "ImportEnded",
                description="Import jobs of this deployment's data stores that ended",
                pattern={
                    "source": ["aws.medical-imaging"],
                    "detail-type": IMPORT_ENDED,
                    "detail": {"datastoreId": [target.datastore.datastore_id for target in self._targets]},
                },
            )

    def _receive_from_partners(self, bus_name: str) -> None:
        bus = PartnersBus(self, "Partners", name=bus_name, partners=self._partners).bus
        for partner in self._partners:
            self.queues["uploads"].receive_events(
                f"CreatedBy{partner.id.capitalize()}",
                description=f"Objects uploaded to the bucket of the partner {partner.id}",
                pattern=uploads_of(partner),
                bus=bus,
            )
