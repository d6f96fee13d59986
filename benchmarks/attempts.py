"""Calls that somebody makes to the local AWS: what `benchmarks.denials` tries."""

import json
from collections.abc import Callable
from typing import Any

from benchmarks.clinic import Clinic
from config.names import PACE_TABLE

Attempt = Callable[[Clinic, str], Any]

NOWHERE = "0" * 32
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
COPY = {"sourceImageSet": {"latestVersionId": "1"}}


def images(store: str) -> dict[str, Attempt]:
    """What reads patients' data of a data store."""
    return {
        f"search {store}": search(store),
        f"read an image set of {store}": image_set("get_image_set", store),
        f"read metadata of {store}": image_set("get_image_set_metadata", store),
        f"read a frame of {store}": image_set(
            "get_image_frame", store, imageFrameInformation={"imageFrameId": NOWHERE}
        ),
    }


def powers(store: str) -> dict[str, Attempt]:
    """What nobody in the deployment may do."""
    return {
        f"delete the data store {store}": datastore("delete_datastore", store),
        f"assume the import role of {store}": lambda aws, who: aws.client("sts", who).assume_role(
            RoleArn=_import_role(aws, store), RoleSessionName="tried"
        ),
        f"use the key of {store}": lambda aws, who: aws.client("kms", who).generate_data_key(
            KeyId=_key(aws, store), KeySpec="AES_256"
        ),
        f"delete the key of {store}": lambda aws, who: aws.client("kms", who).schedule_key_deletion(
            KeyId=_key(aws, store)
        ),
        f"give the import role of {store} more rights": lambda aws, who: aws.client(
            "iam", who
        ).put_role_policy(
            RoleName=aws.resource("access", f"{store.capitalize()}ImportRole"),
            PolicyName="more",
            PolicyDocument=EVERYTHING,
        ),
    }


def search(store: str) -> Attempt:
    return datastore("search_image_sets", store)


def datastore(operation: str, store: str, **parameters: Any) -> Attempt:
    def attempt(aws: Clinic, who: str) -> Any:
        client = aws.client("medical-imaging", who)
        return getattr(client, operation)(datastoreId=_store(aws, store), **parameters)

    return attempt


def image_set(operation: str, store: str, **parameters: Any) -> Attempt:
    key = "sourceImageSetId" if operation == "copy_image_set" else "imageSetId"
    return datastore(operation, store, **{key: NOWHERE}, **parameters)


def job(store: str) -> Attempt:
    return datastore("get_dicom_import_job", store, jobId=NOWHERE)


def tag(store: str) -> Attempt:
    def attempt(aws: Clinic, who: str) -> Any:
        arn = f"arn:aws:medical-imaging:us-east-1:{'0' * 12}:datastore/{_store(aws, store)}"
        return aws.client("medical-imaging", who).tag_resource(
            resourceArn=f"{arn}/imageset/{NOWHERE}", tags={"project": "clinic"}
        )

    return attempt


def start(store: str, role: str) -> Attempt:
    return lambda aws, who: start_with(aws, who, store, _import_role(aws, role))


def start_with(aws: Clinic, who: str, store: str, role_arn: str) -> Any:
    return aws.client("medical-imaging", who).start_dicom_import_job(
        clientToken="denied",
        datastoreId=_store(aws, store),
        dataAccessRoleArn=role_arn,
        inputS3Uri=f"s3://{aws.outputs['InputBucket']}/{store}/",
        outputS3Uri=f"s3://{aws.outputs['OutputBucket']}/{store}/",
    )


def get(bucket: str, key: str) -> Attempt:
    return lambda aws, who: aws.client("s3", who).get_object(Bucket=aws.outputs[f"{bucket}Bucket"], Key=key)


def put(bucket: str, key: str) -> Attempt:
    return lambda aws, who: aws.client("s3", who).put_object(
        Bucket=aws.outputs[f"{bucket}Bucket"], Key=key, Body=b"x"
    )


def listing(bucket: str, prefix: str) -> Attempt:
    given = {"Prefix": prefix} if prefix else {}
    return lambda aws, who: aws.client("s3", who).list_objects_v2(
        Bucket=aws.outputs[f"{bucket}Bucket"], **given
    )


def ledger(operation: str, **parameters: Any) -> Attempt:
    return lambda aws, who: getattr(aws.client("dynamodb", who), operation)(
        TableName=aws.outputs["LedgerTable"], **parameters
    )


def pace(aws: Clinic, who: str) -> Any:
    """A change of how fast all deployments of the account start jobs."""
    return aws.client("dynamodb", who).update_item(
        TableName=PACE_TABLE,
        Key={"pk": {"S": "pace"}, "sk": {"S": "starts"}},
        UpdateExpression="REMOVE #value",
        ExpressionAttributeNames={"#value": "value"},
    )


def dead_letters(aws: Clinic, who: str) -> Any:
    """How many messages the start queue gave up on."""
    return aws.client("sqs", who).get_queue_attributes(
        QueueUrl=aws.outputs["StartDeadLettersUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )


def plain(attempt: Attempt) -> Attempt:
    """The same, said to have come over plain HTTP, as a proxy says that ends TLS."""
    return lambda aws, who: attempt(aws.over_plain_http(), who)


def beside(attempt: Attempt) -> Attempt:
    """The same, to the other deployment of the account."""
    return lambda aws, who: attempt(aws.beside, who)


def data(store: str) -> dict[str, Attempt]:
    """What of a deployment's data and work another deployment must not reach."""
    return {
        **images(store),
        **powers(store),
        f"start an import job of {store}": start(store, store),
        "read the uploads": get("Input", "x"),
        "write the uploads": put("Input", "x"),
        "list the results": listing("Output", f"{store}/"),
        "read the staged files": get("Staging", f"{store}/x"),
        "read the ledger": ledger("scan"),
        "take messages from a queue": lambda aws, who: aws.client("sqs", who).receive_message(
            QueueUrl=aws.outputs["StartQueueUrl"]
        ),
        "run a function": lambda aws, who: aws.client("lambda", who).invoke(
            FunctionName=aws.outputs["PlanFunction"], InvocationType="Event"
        ),
    }


def _store(aws: Clinic, store: str) -> str:
    return aws.outputs[f"Datastore{store.capitalize()}Id"]


def _import_role(aws: Clinic, store: str) -> str:
    return aws.role_arn(aws.resource("access", f"{store.capitalize()}ImportRole"))


def _key(aws: Clinic, store: str) -> str:
    return aws.resource("data", f"Datastore{store.capitalize()}Key")
