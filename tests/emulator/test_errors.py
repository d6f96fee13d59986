"""Each error of the service model, as boto3 raises it, with the status that AWS documents."""

from collections.abc import Callable
from typing import Any

import pytest
from ct_files import ct_file
from iam_users import User
from local_aws import LocalAws, Store

from emulator.model import operations

ZEROS = "0" * 32


def conflict(store: Store, _user: User) -> None:
    store.import_files({"1.dcm": ct_file()})
    store.imaging.delete_datastore(datastoreId=store.id)


def quota_exceeded(store: Store, _user: User) -> None:
    store.import_files({"1.dcm": ct_file()})
    (image_set,) = store.search()
    too_long = b'{"Study": {"DICOM": {"StudyDescription": "' + b"a" * 11_000 + b'"}}}'
    store.imaging.update_image_set_metadata(
        datastoreId=store.id,
        imageSetId=image_set["imageSetId"],
        latestVersionId="1",
        updateImageSetMetadataUpdates={"DICOMUpdates": {"updatableAttributes": too_long}},
    )


ERRORS: dict[str, tuple[int, Callable[[Store, User], Any]]] = {
    "ValidationException": (400, lambda store, _: store.imaging.get_datastore(datastoreId="A")),
    "AccessDeniedException": (403, lambda store, user: user.imaging.get_datastore(datastoreId=store.id)),
    "ResourceNotFoundException": (404, lambda store, _: store.imaging.get_datastore(datastoreId=ZEROS)),
    "ConflictException": (409, conflict),
    "ServiceQuotaExceededException": (402, quota_exceeded),
}
# No request brings about the first: test_routes holds its shape. test_throttle raises the second.
ELSEWHERE = {"InternalServerException", "ThrottlingException"}
# Of GetImageFrame alone; no SDK sends what would bring them about, and AWS does not say what that is.
UNDOCUMENTED = {"NotAcceptableException", "BadRequestException"}


def test_every_error_of_the_model_is_raised_somewhere() -> None:
    named = {error.name for operation in operations() for error in operation.error_shapes}

    assert named == ERRORS.keys() | ELSEWHERE | UNDOCUMENTED


@pytest.mark.parametrize("name", ERRORS)
def test_a_refusal_is_raised_as_the_error_of_the_model(aws: LocalAws, store: Store, name: str) -> None:
    status, refused = ERRORS[name]
    user = User(aws, {"Action": "medical-imaging:ListDatastores", "Resource": "*"})

    with pytest.raises(getattr(store.imaging.exceptions, name)) as caught:
        refused(store, user)

    answered = caught.value.response
    assert answered["Error"]["Code"] == name
    assert answered["Error"]["Message"]
    assert answered["ResponseMetadata"]["HTTPStatusCode"] == status
