"""What IAM lets a caller do with HealthImaging."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import REGION, LocalAws, Store


def client_of_a_user(aws: LocalAws, service: str, *statements: dict[str, Any]) -> Any:
    """A client for a new user with those rights."""
    iam, name = aws.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(inject_host_prefix=False),
    )


def imaging_of_a_user(aws: LocalAws, *statements: dict[str, Any]) -> Any:
    return client_of_a_user(aws, "medical-imaging", *statements)


def test_an_action_that_is_not_granted_is_denied(aws: LocalAws, store: Store) -> None:
    imaging = imaging_of_a_user(aws, {"Action": "medical-imaging:ListDatastores", "Resource": "*"})

    imaging.list_datastores()
    with pytest.raises(ClientError, match="AccessDenied"):
        imaging.get_datastore(datastoreId=store.id)


def test_a_grant_on_one_store_is_none_on_another(aws: LocalAws, store: Store) -> None:
    imaging = imaging_of_a_user(aws, {"Action": "medical-imaging:GetDatastore", "Resource": store.arn})

    imaging.get_datastore(datastoreId=store.id)
    with pytest.raises(ClientError, match="AccessDenied"):
        imaging.get_datastore(datastoreId=Store(aws).id)


def start(imaging: Any, store: Store) -> Any:
    return imaging.start_dicom_import_job(
        datastoreId=store.id,
        dataAccessRoleArn=store.role,
        inputS3Uri=f"s3://{store.bucket}/in/",
        outputS3Uri=f"s3://{store.bucket}/out/",
    )


START = {"Action": "medical-imaging:StartDICOMImportJob", "Resource": "*"}


@pytest.mark.parametrize(
    "passing",
    [
        [],
        [{"Action": "iam:PassRole", "Resource": "arn:aws:iam::000000000000:role/other"}],
        [
            {
                "Action": "iam:PassRole",
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
            }
        ],
    ],
    ids=["no role", "another role", "another service"],
)
def test_who_may_not_pass_the_role_starts_no_job(
    aws: LocalAws, store: Store, passing: list[dict[str, Any]]
) -> None:
    with pytest.raises(ClientError, match="iam:PassRole"):
        start(imaging_of_a_user(aws, START, *passing), store)


def test_who_may_pass_the_role_starts_a_job(aws: LocalAws, store: Store) -> None:
    condition = {"StringEquals": {"iam:PassedToService": "medical-imaging.amazonaws.com"}}
    passing = {"Action": "iam:PassRole", "Resource": store.role, "Condition": condition}
    store.upload({"in/1.dcm": ct_file()})

    assert start(imaging_of_a_user(aws, START, passing), store)["jobStatus"] == "SUBMITTED"


def test_a_copy_into_an_image_set_needs_a_grant_on_both(aws: LocalAws, store: Store) -> None:
    store.import_files({"1.dcm": ct_file(), "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5")})
    source, destination = (each["imageSetId"] for each in store.search())

    def copy(*granted: str) -> None:
        resources = [f"{store.arn}/imageset/{each}" for each in granted]
        imaging = imaging_of_a_user(aws, {"Action": "medical-imaging:CopyImageSet", "Resource": resources})
        imaging.copy_image_set(
            datastoreId=store.id,
            sourceImageSetId=source,
            copyImageSetInformation={
                "sourceImageSet": {"latestVersionId": "1"},
                "destinationImageSet": {"imageSetId": destination, "latestVersionId": "1"},
            },
            force=True,
        )

    with pytest.raises(ClientError, match=f"AccessDenied.*{destination}"):
        copy(source)
    copy(source, destination)


def test_a_right_to_send_messages_is_one_to_send_batches(aws: LocalAws) -> None:
    url = aws.client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    batch = [{"Id": "1", "MessageBody": "{}"}]

    def send(action: str) -> None:
        sender = client_of_a_user(aws, "sqs", {"Action": action, "Resource": "*"})
        sender.send_message_batch(QueueUrl=url, Entries=batch)

    with pytest.raises(ClientError, match="AccessDenied"):
        send("sqs:ReceiveMessage")
    send("sqs:SendMessage")
