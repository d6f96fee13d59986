"""What people of each team do with their rights, on a day like any other: all that a team may do is done."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from pydicom import Dataset
from sandbox import Sandbox

from cli.complete import plan_queue
from cli.deployed import Deployed
from cli.files import all_files
from config.people import policy_name

QUEUES = ("Uploads", "Plan", "Stage", "Start", "Results")
FUNCTIONS = ("Register", "Plan", "Stage", "Start", "Record", "Sweep", "Backfill")
STACKS = ("data", "access", "import", "people", "watch")
# What the local AWS answers for what it does not have; IAM has let the call through by then.
NOT_THERE = (
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ResourceNotFoundException",
    "TrailNotFoundException",
)


def asked(client: Any, operation: str, **parameters: Any) -> None:
    """Ask for what the local AWS may not have."""
    try:
        getattr(client, operation)(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise


def importer(sandbox: Sandbox) -> None:
    """Sees what became of the uploads, and breaks off one."""
    found = sandbox.as_one_of("importer")
    assert list(all_files(found.ledger))
    assert found.ledger.control.mode()
    plan_queue(found).send({"bucket": found.input_bucket, "folder": "nowhere/", "complete": True})
    jobs(found)
    s3, where = found.client("s3"), {"Bucket": found.input_bucket, "Key": "nowhere/large.dcm"}
    begun = s3.create_multipart_upload(**where)
    s3.abort_multipart_upload(**where, UploadId=begun["UploadId"])


def jobs(found: Deployed) -> None:
    imaging, store = found.client("medical-imaging"), found.outputs["DatastoreMainId"]
    imaging.get_datastore(datastoreId=store)
    (job, *_) = imaging.list_dicom_import_jobs(datastoreId=store)["jobSummaries"]
    imaging.get_dicom_import_job(datastoreId=store, jobId=job["jobId"])


def reader(sandbox: Sandbox, image_set: str, source: Dataset) -> None:
    reads(sandbox.as_one_of("reader"), image_set, source)


def reads(found: Deployed, image_set: str, source: Dataset) -> None:
    """By both interfaces."""
    imaging, store = found.client("medical-imaging"), {"datastoreId": found.outputs["DatastoreMainId"]}
    imaging.get_datastore(**store)
    assert imaging.search_image_sets(**store)["imageSetsMetadataSummaries"]
    where = {**store, "imageSetId": image_set}
    imaging.get_image_set(**where)
    imaging.list_image_set_versions(**where)
    imaging.get_image_set_metadata(**where)
    asked(imaging, "get_image_frame", **where, imageFrameInformation={"imageFrameId": "0" * 32})
    for path, status in dicomweb_paths(source).items():
        assert by_dicomweb(found, path) == status, path


def dicomweb_paths(source: Dataset) -> dict[str, int]:
    """A path for each right to DICOMweb, with the status of its answer."""
    study = f"/studies/{source.StudyInstanceUID}"
    series = f"{study}/series/{source.SeriesInstanceUID}"
    instance = f"{series}/instances/{source.SOPInstanceUID}"
    found = (f"{study}/series", "/studies", f"{series}/instances", f"{series}/metadata")
    return {
        **dict.fromkeys((*found, instance, f"{instance}/metadata", f"{instance}/frames/1"), 200),
        f"{instance}/bulkdata/{'0' * 32}": 404,
    }


def by_dicomweb(found: Deployed, path: str) -> int:
    """The status of a GET below the data store, signed with the person's own key."""
    assert found.keys
    endpoint, store = os.environ["AWS_ENDPOINT_URL"], found.outputs["DatastoreMainId"]
    request = AWSRequest("GET", f"{endpoint}/datastore/{store}{path}")
    keys = Credentials(found.keys["aws_access_key_id"], found.keys["aws_secret_access_key"])
    SigV4Auth(keys, "medical-imaging", found.deployment.region).add_auth(request)
    trusted = os.environ.get("AWS_CA_BUNDLE", True)
    return int(URLLib3Session(verify=trusted).send(request.prepare()).status_code)


def steward(sandbox: Sandbox, image_set: str, source: Dataset) -> None:
    """Reads, and changes a copy that goes at the end."""
    found = sandbox.as_one_of("steward")
    reads(found, image_set, source)
    imaging, store = found.client("medical-imaging"), {"datastoreId": found.outputs["DatastoreMainId"]}
    version = imaging.get_image_set(**store, imageSetId=image_set)["versionId"]
    copied = imaging.copy_image_set(
        **store,
        sourceImageSetId=image_set,
        copyImageSetInformation={"sourceImageSet": {"latestVersionId": version}},
    )["destinationImageSetProperties"]
    copy = {**store, "imageSetId": copied["imageSetId"]}
    change = json.dumps({"SchemaVersion": "1.1", "Patient": {"DICOM": {"PatientName": "Changed"}}})
    sandbox.until_active(copy)
    imaging.update_image_set_metadata(
        **copy,
        latestVersionId=imaging.get_image_set(**copy)["versionId"],
        updateImageSetMetadataUpdates={"DICOMUpdates": {"updatableAttributes": change.encode()}},
    )
    sandbox.until_active(copy)
    arn = copied["imageSetArn"]
    imaging.tag_resource(resourceArn=arn, tags={"seen": "yes"})
    assert imaging.list_tags_for_resource(resourceArn=arn)["tags"] == {"seen": "yes"}
    imaging.untag_resource(resourceArn=arn, tagKeys=["seen"])
    imaging.delete_image_set(**copy)


def auditor(sandbox: Sandbox) -> None:
    """Looks at all that is no patient's."""
    found = sandbox.as_one_of("auditor")
    of_imaging(found)
    of_trails(found)
    resources = list(resources_of(found))
    for kind, look in (("AWS::KMS::Key", at_key), ("AWS::IAM::Role", at_role)):
        for id in (id for type_, id in resources if type_ == kind):
            look(found, id)
    for name in ("Input", "Output", "Staging"):
        at_bucket(found, found.outputs[f"{name}Bucket"])
    iam, policy = (
        found.client("iam"),
        "arn:aws:iam::000000000000:policy/"
        + policy_name(found.deployment.name, found.deployment.region, "auditors"),
    )
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    iam.get_policy_version(PolicyArn=policy, VersionId=version)


def of_imaging(found: Deployed) -> None:
    imaging, store = found.client("medical-imaging"), found.outputs["DatastoreMainId"]
    imaging.list_datastores()
    arn = imaging.get_datastore(datastoreId=store)["datastoreProperties"]["datastoreArn"]
    imaging.list_dicom_import_jobs(datastoreId=store)
    imaging.list_tags_for_resource(resourceArn=arn)


def of_trails(found: Deployed) -> None:
    trails, cloudwatch = found.client("cloudtrail"), found.client("cloudwatch")
    trails.describe_trails()
    asked(trails, "get_event_selectors", TrailName="none")
    asked(trails, "get_trail_status", Name="none")
    trails.lookup_events()
    cloudwatch.describe_alarms()
    cloudwatch.describe_alarm_history()
    cloudwatch.list_metrics()
    metrics(cloudwatch)


def metrics(cloudwatch: Any) -> None:
    now = datetime.now(UTC)
    cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "invocations",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
    )


def resources_of(found: Deployed) -> Iterator[tuple[str, str]]:
    """Types and physical ids; on the way, what CloudFormation tells of each stack."""
    formation = found.client("cloudformation")
    for name in STACKS:
        stack = f"ahi-{found.deployment.name}-{name}"
        formation.describe_stacks(StackName=stack)
        formation.get_template(StackName=stack)
        for each in formation.list_stack_resources(StackName=stack)["StackResourceSummaries"]:
            yield each["ResourceType"], each["PhysicalResourceId"]


def at_key(found: Deployed, key: str) -> None:
    kms = found.client("kms")
    kms.describe_key(KeyId=key)
    kms.get_key_policy(KeyId=key, PolicyName="default")
    kms.get_key_rotation_status(KeyId=key)
    asked(kms, "list_grants", KeyId=key)


def at_role(found: Deployed, role: str) -> None:
    iam = found.client("iam")
    iam.get_role(RoleName=role)
    iam.list_attached_role_policies(RoleName=role)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.get_role_policy(RoleName=role, PolicyName=policy)


def at_bucket(found: Deployed, bucket: str) -> None:
    s3 = found.client("s3")
    for operation in (
        *("get_bucket_logging", "get_bucket_policy", "get_public_access_block", "get_bucket_versioning"),
        *("get_bucket_encryption", "get_bucket_lifecycle_configuration"),
    ):
        asked(s3, operation, Bucket=bucket)


def operator(sandbox: Sandbox) -> None:
    """Works with `ahi`, and follows the runbook: dead letters, logs, alarms, jobs."""
    for words in (("pause",), ("resume",), ("complete", "nowhere/"), ("drain", "--no-wait"), ("resume",)):
        sandbox.ahi(*words)
    found = sandbox.as_one_of("operator")
    jobs(found)
    for name in QUEUES:
        dead_letters(sandbox.find(), found, found.import_output(f"{name}DeadLettersUrl"))
    logs = found.client("logs")
    for name in FUNCTIONS:
        group = sandbox.log_group(name)
        logs.filter_log_events(logGroupName=group)
        asked(logs, "get_log_events", logGroupName=group, logStreamName="none")
    cloudwatch = found.client("cloudwatch")
    cloudwatch.describe_alarms()
    metrics(cloudwatch)


def dead_letters(administrator: Deployed, found: Deployed, url: str) -> None:
    """One is looked at and thrown away."""
    administrator.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    sqs = found.client("sqs")
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
