"""What IAM lets a caller do with HealthImaging."""

import re
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from iam_users import User
from local_aws import ACCOUNT, EVERYTHING, REGION, LocalAws, Store
from raw_requests import raw_request

from emulator.model import operations

ZEROS = "0" * 32


def imaging_of_a_user(aws: LocalAws, *statements: dict[str, Any]) -> Any:
    """HealthImaging for a new user with those rights."""
    return User(aws, *statements).imaging


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
        resources = [store.arn, *(f"{store.arn}/imageset/{each}" for each in granted)]
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
        sender = User(aws, {"Action": action, "Resource": "*"}).client("sqs")
        sender.send_message_batch(QueueUrl=url, Entries=batch)

    with pytest.raises(ClientError, match="AccessDenied"):
        send("sqs:ReceiveMessage")
    send("sqs:SendMessage")


@pytest.fixture
def encrypted(store: Store, aws: LocalAws) -> str:
    """The key that everything in the store's bucket is encrypted with."""
    key: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    store.s3.put_bucket_encryption(Bucket=store.bucket, ServerSideEncryptionConfiguration=rules)
    store.upload({"in/1.dcm": ct_file()})
    return key


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (["kms:GenerateDataKey"], "the role is denied s3:GetObject on the input"),
        (["kms:Decrypt"], "the output cannot be written with the role: AccessDenied"),
        (["kms:Decrypt", "kms:GenerateDataKey"], None),
    ],
)
def test_a_role_needs_its_rights_to_the_key_of_its_buckets(
    store: Store, encrypted: str, actions: list[str], message: str | None
) -> None:
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    right = {"Effect": "Allow", "Action": actions, "Resource": encrypted, "Condition": via}

    job = store.run(dataAccessRoleArn=store.new_role([EVERYTHING, right]))

    assert job["jobStatus"] == ("FAILED" if message else "COMPLETED")
    assert message is None or message in job["message"]


def test_a_key_that_is_another_s_does_not_open_the_bucket(store: Store, encrypted: str) -> None:
    right = {"Effect": "Allow", "Action": "kms:*", "Resource": encrypted[:-1] + "x"}

    assert store.run(dataAccessRoleArn=store.new_role([EVERYTHING, right]))["jobStatus"] == "FAILED"


OPERATIONS = {each.name: each for each in operations()}
STORE = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{ZEROS}"


def resources_of(operation: Any) -> list[str]:
    """What a policy must name to allow the operation on the resources that are all zeros."""
    uri = operation.http["requestUri"]
    if "{resourceArn}" in uri:
        return [STORE]
    if "mageSetId}" in uri:
        return [STORE, f"{STORE}/imageset/{ZEROS}"]
    return [STORE] if "{datastoreId}" in uri else ["*"]


def denied(user: User, aws: LocalAws, operation: Any) -> bool:
    uri = operation.http["requestUri"].replace("{resourceArn}", quote(STORE, safe=""))
    path = re.sub(r"{\w+}", ZEROS, uri)
    answered = raw_request(aws, operation.http["method"], path, keys=user.keys)
    return answered.status == 403 and answered.headers["x-amzn-errortype"].startswith("AccessDenied")


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_needs_its_own_action_on_the_resources_that_it_names(aws: LocalAws, name: str) -> None:
    operation = OPERATIONS[name]
    action, resources = f"medical-imaging:{name}", resources_of(operation)

    assert not denied(User(aws, {"Action": action, "Resource": resources}), aws, operation)
    assert denied(User(aws, {"NotAction": action, "Resource": "*"}), aws, operation)
    for missing in resources:
        elsewhere = [each for each in resources if each != missing] + [missing[:-1] + "1"]
        assert denied(User(aws, {"Action": action, "Resource": elsewhere}), aws, operation)


@pytest.fixture(scope="module")
def tagged(aws: LocalAws) -> Store:
    """A data store of team `a`, with one image set of it and one of nobody."""
    found = Store(aws, tags={"team": "a"})
    found.import_files({"1.dcm": ct_file(), "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5")})
    arn = f"{found.arn}/imageset/{found.search()[0]['imageSetId']}"
    found.imaging.tag_resource(resourceArn=arn, tags={"team": "a"})
    return found


def of_team(team: str) -> dict[str, Any]:
    condition = {"StringEquals": {"aws:ResourceTag/team": team}}
    return {"Action": "medical-imaging:Get*", "Resource": "*", "Condition": condition}


def test_a_grant_by_tag_is_one_on_what_bears_the_tag(aws: LocalAws, tagged: Store) -> None:
    mine, theirs = imaging_of_a_user(aws, of_team("a")), imaging_of_a_user(aws, of_team("b"))

    mine.get_datastore(datastoreId=tagged.id)
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.get_datastore(datastoreId=tagged.id)
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.get_datastore(datastoreId=Store(aws).id)


def test_an_image_set_must_bear_the_tag_of_its_data_store(aws: LocalAws, tagged: Store) -> None:
    mine = imaging_of_a_user(aws, of_team("a"))
    with_tag, without = (each["imageSetId"] for each in tagged.search())

    mine.get_image_set(datastoreId=tagged.id, imageSetId=with_tag)
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.get_image_set(datastoreId=tagged.id, imageSetId=without)


def only_tag(key: str, **condition: Any) -> list[dict[str, Any]]:
    actions = [f"medical-imaging:{name}" for name in ("CreateDatastore", "TagResource", "UntagResource")]
    test = {"ForAllValues:StringEquals": {"aws:TagKeys": [key]}, **condition}
    return [{"Action": actions, "Resource": "*", "Condition": test}]


def test_the_tags_of_a_request_are_judged(aws: LocalAws) -> None:
    store = Store(aws)
    team_a = {"StringEqualsIfExists": {"aws:RequestTag/team": "a"}}
    imaging = imaging_of_a_user(aws, *only_tag("team", **team_a))

    imaging.tag_resource(resourceArn=store.arn, tags={"team": "a"})
    imaging.untag_resource(resourceArn=store.arn, tagKeys=["team"])
    imaging.create_datastore(tags={"team": "a"})
    for refused in (
        lambda: imaging.tag_resource(resourceArn=store.arn, tags={"team": "b"}),
        lambda: imaging.tag_resource(resourceArn=store.arn, tags={"team": "a", "cost": "1"}),
        lambda: imaging.untag_resource(resourceArn=store.arn, tagKeys=["cost"]),
        lambda: imaging.create_datastore(tags={"team": "b"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_a_data_store_with_tags_needs_the_right_to_tag(aws: LocalAws) -> None:
    imaging = imaging_of_a_user(aws, {"Action": "medical-imaging:CreateDatastore", "Resource": "*"})

    imaging.create_datastore()
    with pytest.raises(ClientError, match="medical-imaging:TagResource"):
        imaging.create_datastore(tags={"team": "a"})


def test_a_data_store_with_an_authorizer_needs_the_right_to_invoke_it(aws: LocalAws) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:authorizer"
    create = {"Action": "medical-imaging:CreateDatastore", "Resource": "*"}

    for rights in ([], [{"Action": "lambda:InvokeFunction", "Resource": f"{function}-2"}]):
        with pytest.raises(ClientError, match=f"AccessDenied.*lambda:InvokeFunction.*{function}"):
            imaging_of_a_user(aws, create, *rights).create_datastore(lambdaAuthorizerArn=function)
    invoke = {"Action": "lambda:InvokeFunction", "Resource": function}
    imaging_of_a_user(aws, create, invoke).create_datastore(lambdaAuthorizerArn=function)


@pytest.mark.parametrize(
    ("key", "value", "path", "status"),
    [
        ("StudyInstanceUID", "1.2.3", "/studies/1.2.3/series/1.2.3.4/metadata", 200),
        ("StudyInstanceUID", "1.2.3", "/studies/1.2.3/instances", 200),
        ("StudyInstanceUID", "1.2.3", "/studies/1.2.3/series", 200),
        ("StudyInstanceUID", "1.2.3", "/instances", 403),
        ("StudyInstanceUID", "1.2", "/studies/1.2.3/series/1.2.3.4/metadata", 403),
        ("SeriesInstanceUID", "1.2.3.4", "/studies/1.2.3/series/1.2.3.4/metadata", 200),
        ("SeriesInstanceUID", "1.2.3.5", "/studies/1.2.3/series/1.2.3.4/metadata", 403),
        # Neither SearchDICOMSeries knows a series, nor SearchDICOMStudies a study.
        ("SeriesInstanceUID", "1.2.3.4", "/studies/1.2.3/series", 403),
        ("StudyInstanceUID", "1.2.3", "/studies", 403),
    ],
)
def test_dicomweb_is_granted_by_study_and_by_series(
    aws: LocalAws, tagged: Store, key: str, value: str, path: str, status: int
) -> None:
    condition = {"StringEquals": {f"medical-imaging:{key}": value}}
    user = User(aws, {"Action": "medical-imaging:*", "Resource": "*", "Condition": condition})

    assert user.dicomweb(tagged).get(path).status == status
