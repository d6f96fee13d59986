"""The errors that every operation has, as boto3 tells them."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from local_aws import ACCOUNT, REGION, LocalAws, free_port, wait_for
from test_iam import imaging_of_a_user

from emulator import server
from emulator.model import operations

NOWHERE = "0" * 32
STORE, IMAGE_SET = {"datastoreId": NOWHERE}, {"datastoreId": NOWHERE, "imageSetId": NOWHERE}
RESOURCE = {"resourceArn": f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{NOWHERE}"}
# What the model asks for, of a data store that does not exist.
WELL_FORMED: dict[str, dict[str, Any]] = {
    "CopyImageSet": {
        "datastoreId": NOWHERE,
        "sourceImageSetId": NOWHERE,
        "copyImageSetInformation": {"sourceImageSet": {"latestVersionId": "1"}},
    },
    "CreateDatastore": {"clientToken": "token"},
    "DeleteDatastore": STORE,
    "DeleteImageSet": IMAGE_SET,
    "GetDICOMImportJob": {**STORE, "jobId": NOWHERE},
    "GetDatastore": STORE,
    "GetImageFrame": {**IMAGE_SET, "imageFrameInformation": {"imageFrameId": NOWHERE}},
    "GetImageSet": IMAGE_SET,
    "GetImageSetMetadata": IMAGE_SET,
    "ListDICOMImportJobs": STORE,
    "ListDatastores": {},
    "ListImageSetVersions": IMAGE_SET,
    "ListTagsForResource": RESOURCE,
    "SearchImageSets": STORE,
    "StartDICOMImportJob": {
        **STORE,
        "clientToken": "token",
        "dataAccessRoleArn": f"arn:aws:iam::{ACCOUNT}:role/none",
        "inputS3Uri": "s3://nowhere/in/",
        "outputS3Uri": "s3://nowhere/out/",
    },
    "TagResource": {**RESOURCE, "tags": {"a": "b"}},
    "UntagResource": {**RESOURCE, "tagKeys": ["a"]},
    "UpdateImageSetMetadata": {
        **IMAGE_SET,
        "latestVersionId": "1",
        "updateImageSetMetadataUpdates": {"revertToVersionId": "1"},
    },
}
OF_A_STORE = [name for name, given in WELL_FORMED.items() if given and name != "CreateDatastore"]


def refusal(imaging: Any, operation: str, **changed: Any) -> tuple[str, int]:
    """The code and the status that the operation is refused with."""
    with pytest.raises(ClientError) as refused:
        getattr(imaging, xform_name(operation))(**WELL_FORMED[operation] | changed)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_there_is_a_request_of_every_operation() -> None:
    assert WELL_FORMED.keys() == {each.name for each in operations()}


@pytest.mark.parametrize("operation", OF_A_STORE)
def test_what_does_not_exist_is_not_found(operation: str, aws: LocalAws) -> None:
    assert refusal(aws.client("medical-imaging"), operation) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("operation", WELL_FORMED)
def test_an_identifier_of_the_wrong_form_is_invalid(operation: str, aws: LocalAws) -> None:
    given = WELL_FORMED[operation]
    wrong = {name: "?" for name in given if name.endswith(("Id", "Arn", "Token"))} or {"maxResults": 0}
    assert refusal(aws.client("medical-imaging"), operation, **wrong) == ("ValidationException", 400)


@pytest.fixture(scope="module")
def failed(aws: LocalAws) -> str:
    """A data store that could not be made, because its key does not exist."""
    imaging = aws.client("medical-imaging")
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    made: str = imaging.create_datastore(clientToken=uuid.uuid4().hex, kmsKeyArn=key)["datastoreId"]
    wait_for(
        lambda: (
            imaging.get_datastore(datastoreId=made)["datastoreProperties"]["datastoreStatus"]
            == "CREATE_FAILED"
        )
    )
    return made


# A data store that failed, and its jobs, can be looked at. It can be tagged and deleted.
IN_ANY_STORE = ("DeleteDatastore", "GetDICOMImportJob", "GetDatastore", "ListDICOMImportJobs")
IN_AN_ACTIVE_STORE = [
    name for name in OF_A_STORE if name not in IN_ANY_STORE and "datastoreId" in WELL_FORMED[name]
]


@pytest.mark.parametrize("operation", IN_AN_ACTIVE_STORE)
def test_a_store_that_is_not_active_is_a_conflict(operation: str, failed: str, aws: LocalAws) -> None:
    imaging = aws.client("medical-imaging")
    assert refusal(imaging, operation, datastoreId=failed) == ("ConflictException", 409)


@pytest.fixture(scope="module")
def nobody(aws: LocalAws) -> Any:
    """HealthImaging for a user who may do nothing with it."""
    return imaging_of_a_user(aws, {"Action": "s3:ListAllMyBuckets", "Resource": "*"})


@pytest.mark.parametrize("operation", WELL_FORMED)
def test_who_was_granted_nothing_is_denied(operation: str, nobody: Any) -> None:
    assert refusal(nobody, operation) == ("AccessDeniedException", 403)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that lets one call of each operation pass."""
    state, port = tmp_path_factory.mktemp("slow"), free_port()
    pid = server.start(state, port, throttle=1e-6)
    yield LocalAws(state, port, pid)
    server.stop(pid)


@pytest.mark.parametrize("operation", WELL_FORMED)
def test_who_calls_too_often_is_throttled(operation: str, slow: LocalAws) -> None:
    imaging = slow.client("medical-imaging")
    with suppress(ClientError):
        getattr(imaging, xform_name(operation))(**WELL_FORMED[operation])
    assert refusal(imaging, operation) == ("ThrottlingException", 429)
