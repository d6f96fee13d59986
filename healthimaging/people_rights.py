"""What each role of people may do, as the statements of one policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from healthimaging.datastore import DatastoreBase
from healthimaging.dicom_import import DicomImport, ImportStorage

Conditions = Mapping[str, Mapping[str, Any]]

IMAGE_SET_READS = ("GetImageSet", "GetImageSetMetadata", "GetImageFrame", "ListImageSetVersions")
IMAGE_SET_WRITES = ("UpdateImageSetMetadata", "CopyImageSet", "DeleteImageSet")
IMAGE_SET_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
JOB_READS = ("GetDatastore", "ListDICOMImportJobs", "GetDICOMImportJob")
# The actions that know medical-imaging:StudyInstanceUID, and of these the ones that know the series' too.
# (Service Authorization Reference, "Actions, resources, and condition keys for AWS HealthImaging".)
BY_SERIES = (
    "GetDICOMInstance",
    "GetDICOMInstanceFrames",
    "GetDICOMInstanceMetadata",
    "GetDICOMSeriesMetadata",
    "GetDICOMBulkdata",
    "SearchDICOMInstances",
)
BY_STUDY = (*BY_SERIES, "SearchDICOMSeries")
DICOMWEB_READS = (*BY_STUDY, "SearchDICOMStudies")
DICOMWEB_WRITES = ("StoreDICOM", "StoreDICOMStudy")
SEARCH = "SearchImageSets"
STACKS = ("access", "audit", "data", "import", "network", "people", "watch")


@dataclass(frozen=True, kw_only=True)
class TeamStore:
    """A data store that a team works with, and the keys of the input bucket that go to it."""

    id: str
    prefix: str
    datastore: DatastoreBase


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """A deployment as its people meet it. `has_all` says that `stores` are all of its data stores."""

    stack_prefix: str
    stores: Sequence[TeamStore]
    has_all: bool
    storage: ImportStorage
    dicom_import: DicomImport
    key: kms.IKey


@dataclass(frozen=True, kw_only=True)
class Fence:
    """What keeps readers to a part of their data stores. Empty, it keeps them from nothing."""

    matching_tag: str | None = None
    studies: Sequence[str] = ()
    series: Sequence[str] = ()
    tagged: Conditions = field(init=False)

    def __post_init__(self) -> None:
        tag = self.matching_tag
        own = {f"aws:ResourceTag/{tag}": f"${{aws:PrincipalTag/{tag}}}"} if tag else {}
        object.__setattr__(self, "tagged", {"StringEquals": own} if own else {})

    @property
    def named(self) -> Conditions:
        """The tag's condition and those on UIDs, which DICOMweb alone knows."""
        uids = {"Study": self.studies, "Series": self.series}
        given = {
            f"medical-imaging:{name}InstanceUID": list(values) for name, values in uids.items() if values
        }
        return {"StringEquals": {**self.tagged.get("StringEquals", {}), **given}} if given else self.tagged


def importer(at: Workplace) -> list[iam.PolicyStatement]:
    """Uploads under their stores' prefixes, and sees what became of them."""
    bucket = at.storage.input
    prefixes = [store.prefix for store in at.stores]
    folders = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
    listed = {} if "" in prefixes else {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
    statements = [
        allow(["s3:ListBucket"], [bucket.bucket_arn], listed),
        # `ahi upload` compares what is there already with what it would send.
        allow(["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"], folders),
        _through(at, "s3", "kms:Decrypt", "kms:GenerateDataKey"),
        _describes_stacks(at, "data", "import"),
        allow(_imaging(JOB_READS), _stores(at)),
    ]
    if at.has_all:
        # The ledger does not tell data stores apart.
        statements += [*_reads_ledger(at), *_says_complete(at)]
    return statements


def reader(at: Workplace, fence: Fence) -> list[iam.PolicyStatement]:
    """Searches and reads image sets, within the fence.

    SearchImageSets ignores tags, and so does DICOMweb those of image sets; the native API knows no UID.
    What a fence does not hold is denied, since another policy may allow it.
    """
    reads: list[str] = []
    statements = [allow(_imaging(["GetDatastore"]), _stores(at), fence.tagged)]
    if fence.studies or fence.series:
        reads = [*(BY_SERIES if fence.series else BY_STUDY)]
        statements.append(allow(_imaging(reads), _stores(at), fence.named))
    else:
        reads = [*IMAGE_SET_READS]
        statements.append(allow(_imaging(reads), _image_sets(at), fence.tagged))
        if not fence.matching_tag:
            reads += [SEARCH, *DICOMWEB_READS]
            statements.append(allow(_imaging([SEARCH, *DICOMWEB_READS]), _stores(at)))
    unfenced = sorted({SEARCH, *IMAGE_SET_READS, *DICOMWEB_READS} - {*reads})
    return statements + ([deny(_imaging(unfenced), _image_sets(at))] if unfenced else [])


def steward(at: Workplace, fence: Fence) -> list[iam.PolicyStatement]:
    """Reads, updates, copies and deletes. Within a fence of tags it may not change tags."""
    changes = allow(_imaging(IMAGE_SET_WRITES), _image_sets(at), fence.tagged)
    tagged = fence.matching_tag is not None
    tags = [f"{store.datastore.datastore_arn}/imageset/*" for store in at.stores]
    tagging = (deny if tagged else allow)(_imaging(IMAGE_SET_TAGS[:2] if tagged else IMAGE_SET_TAGS), tags)
    return [*reader(at, fence), changes, tagging]


def auditor(at: Workplace) -> list[iam.PolicyStatement]:
    """Looks at jobs, trails, keys and policies. Patients' data is denied, whatever else may allow it.

    A job's own description holds the folder it read, which may name a patient; the list of jobs does not.
    """
    storage = at.storage
    buckets = [storage.input, storage.output, storage.staging]
    of_region = f"{at.stack_prefix}-{Stack.of(at.dicom_import).region}"
    # Partners know the names of the roles of jobs and functions; CloudFormation names all others.
    roles = [
        _arn(at, "iam", f"role/{name}-*", region="") for name in (of_region, *_stacks(at, "data", "import"))
    ]
    policies = _arn(at, "iam", f"policy/{of_region}-*", region="")
    # Queues have the names that CloudFormation gives them; all of them in one line keep the policy short.
    queues = [_arn(at, "sqs", f"{stack}-*") for stack in _stacks(at, "import")]
    keys = [at.key, *(store.datastore.encryption_key for store in at.stores)]
    return [
        allow(_imaging(["ListDatastores"]), ["*"]),
        allow(_imaging(["GetDatastore", "ListDICOMImportJobs", "ListTagsForResource"]), _stores(at)),
        allow(
            [
                "cloudtrail:DescribeTrails",
                "cloudtrail:GetEventSelectors",
                "cloudtrail:GetTrailStatus",
                "cloudtrail:LookupEvents",
                "cloudwatch:DescribeAlarmHistory",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
                "cloudwatch:ListMetrics",
            ],
            ["*"],
        ),
        allow(
            ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants"],
            [key.key_arn for key in keys if key],
        ),
        allow(
            [
                "s3:GetBucketLogging",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
            ],
            [bucket.bucket_arn for bucket in buckets],
        ),
        allow(
            ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            roles,
        ),
        allow(["iam:GetPolicy", "iam:GetPolicyVersion"], [policies]),
        _describes_stacks(
            at, *STACKS, more=("cloudformation:GetTemplate", "cloudformation:ListStackResources")
        ),
        deny(
            _imaging(
                [
                    SEARCH,
                    "GetDICOMImportJob",
                    "StartDICOMImportJob",
                    *IMAGE_SET_READS,
                    *IMAGE_SET_WRITES,
                    *DICOMWEB_READS,
                    *DICOMWEB_WRITES,
                ]
            ),
            _image_sets(at),
        ),
        deny(
            ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:PutObject"],
            [arn for bucket in buckets for arn in (bucket.bucket_arn, bucket.arn_for_objects("*"))],
        ),
        deny(
            ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
            [storage.ledger.table_arn, f"{storage.ledger.table_arn}/index/*"],
        ),
        deny(["sqs:ReceiveMessage"], queues),
    ]


def operator(at: Workplace) -> list[iam.PolicyStatement]:
    """Runs the import with `ahi` and the runbook: it reads the ledger, and no image."""
    groups = [
        group.log_group_arn
        for function in at.dicom_import.functions.values()
        if (group := function.log_group)
    ]
    return [
        _describes_stacks(at, "data", "import"),
        *_reads_ledger(at),
        allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], [at.storage.ledger.table_arn]),
        *_says_complete(at),
        *_backfills(at),
        allow(
            [
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ListMessageMoveTasks",
                "sqs:ReceiveMessage",
                "sqs:StartMessageMoveTask",
            ],
            _dead_letters(at),
        ),
        allow(["sqs:SendMessage"], _queues(at)),
        allow(["logs:FilterLogEvents", "logs:GetLogEvents"], groups),
        allow(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], ["*"]),
        allow(_imaging(JOB_READS), _stores(at)),
    ]


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions), resources=list(resources), conditions=conditions or None
    )


def deny(actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(effect=iam.Effect.DENY, actions=list(actions), resources=list(resources))


def _reads_ledger(at: Workplace) -> list[iam.PolicyStatement]:
    table, pace = at.storage.ledger.table_arn, at.storage.pace
    return [
        allow(["dynamodb:GetItem", "dynamodb:Query"], [table]),
        allow(["dynamodb:Query"], [f"{table}/index/listed"]),
        *([allow(["dynamodb:GetItem"], [pace.table_arn])] if pace else []),
        _through(at, "dynamodb", "kms:Decrypt"),
    ]


def _says_complete(at: Workplace) -> list[iam.PolicyStatement]:
    return [
        allow(["sqs:SendMessage"], [at.dicom_import.queues["plan"].queue.queue_arn]),
        _through(at, "sqs", "kms:Decrypt", "kms:GenerateDataKey"),
    ]


def _backfills(at: Workplace) -> list[iam.PolicyStatement]:
    """Compares what lies in the input bucket with the ledger, and has the rest registered."""
    machine = at.dicom_import.backfill.state_machine
    executions = _arn(at, "states", f"execution:{machine.attr_name}:*")
    return [
        allow(["s3:ListBucketVersions"], [at.storage.input.bucket_arn]),
        allow(["states:StartExecution"], [machine.attr_arn]),
        allow(["states:DescribeExecution"], [executions]),
    ]


def _through(at: Workplace, service: str, *actions: str) -> iam.PolicyStatement:
    """The deployment's key, by that service only."""
    via = f"{service}.{Stack.of(at.dicom_import).region}.amazonaws.com"
    return allow(actions, [at.key.key_arn], {"StringEquals": {"kms:ViaService": via}})


def _describes_stacks(at: Workplace, *names: str, more: Sequence[str] = ()) -> iam.PolicyStatement:
    stacks = [_arn(at, "cloudformation", f"stack/{stack}/*") for stack in _stacks(at, *names)]
    return allow(["cloudformation:DescribeStacks", *more], stacks)


def _stacks(at: Workplace, *parts: str) -> list[str]:
    """Names in full: those of another deployment may begin with this one's."""
    return [f"{at.stack_prefix}-{part}" for part in parts]


def _imaging(actions: Sequence[str]) -> list[str]:
    return [f"medical-imaging:{action}" for action in actions]


def _stores(at: Workplace) -> list[str]:
    return [store.datastore.datastore_arn for store in at.stores]


def _image_sets(at: Workplace) -> list[str]:
    """Each action on an image set is judged for its data store as well."""
    return [arn for store in _stores(at) for arn in (store, f"{store}/imageset/*")]


def _queues(at: Workplace) -> list[str]:
    return [work.queue.queue_arn for work in at.dicom_import.queues.values()]


def _dead_letters(at: Workplace) -> list[str]:
    return [work.dead_letters.queue_arn for work in at.dicom_import.queues.values()]


def _arn(at: Workplace, service: str, resource: str, region: str | None = None) -> str:
    return Stack.of(at.dicom_import).format_arn(
        service=service, resource=resource, region=region, arn_format=ArnFormat.NO_RESOURCE_NAME
    )
