"""HTTP in and out: what the service model says, whatever the operation."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_aws import ACCOUNT, REGION, LocalAws, Store
from raw_requests import raw_request
from test_import_run import World

from emulator.aws import Scope
from emulator.model import operations
from emulator.routes import answer
from emulator.service import Service

ZEROS = "0" * 32


def error_of(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def message_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    message: str = caught.value.response["Error"]["Message"]
    return message


def raw(aws: LocalAws, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    answered = raw_request(aws, method, path, body)
    return answered.status, answered.json


def test_a_missing_member_is_refused(aws: LocalAws) -> None:
    imaging = aws.client("medical-imaging")

    code = error_of(imaging.start_dicom_import_job, datastoreId=ZEROS, clientToken="t")
    assert code == ("ValidationException", 400)


def test_every_broken_constraint_is_named(aws: LocalAws) -> None:
    imaging = aws.client("medical-imaging")

    message = message_of(
        imaging.create_datastore, clientToken="t", datastoreName="a b", losslessStorageFormat="PNG"
    )
    assert message.startswith("2 validation errors detected: ")
    assert "'datastoreName' failed to satisfy constraint: Member must satisfy regular expression" in message
    assert (
        "'losslessStorageFormat' failed to satisfy constraint: Member must satisfy enum value set" in message
    )


@pytest.mark.parametrize("size", [0, 51])
def test_a_number_out_of_bounds_is_refused(aws: LocalAws, size: int) -> None:
    code = error_of(aws.client("medical-imaging").list_datastores, maxResults=size)

    assert code == ("ValidationException", 400)


def test_a_text_longer_than_allowed_is_refused(aws: LocalAws) -> None:
    code = error_of(aws.client("medical-imaging").create_datastore, clientToken="t" * 65)

    assert code == ("ValidationException", 400)


def test_a_sensitive_value_is_not_repeated(store: Store) -> None:
    wrong = {"operator": "EQUAL", "values": [{"DICOMStudyInstanceUID": "Doe^Jane"}]}

    with pytest.raises(ClientError) as caught:
        store.search(wrong)
    assert "Doe" not in caught.value.response["Error"]["Message"]


def test_an_identifier_of_the_wrong_form_is_refused(aws: LocalAws) -> None:
    code = error_of(aws.client("medical-imaging").get_datastore, datastoreId="NOT-AN-ID")

    assert code == ("ValidationException", 400)


def test_what_does_not_exist_is_404(aws: LocalAws) -> None:
    code = error_of(aws.client("medical-imaging").get_datastore, datastoreId=ZEROS)

    assert code == ("ResourceNotFoundException", 404)


def test_every_operation_of_the_model_is_implemented(tmp_path: Path) -> None:
    service = Service(tmp_path, World(), "https://127.0.0.1:1")

    assert service.operations.keys() == {each.name for each in operations()}


@pytest.mark.parametrize(("force", "code"), [("true", 404), ("maybe", 400)])
def test_a_flag_in_the_query_is_true_or_false(aws: LocalAws, force: str, code: int) -> None:
    body = b'{"revertToVersionId": "1"}'
    path = f"/datastore/{ZEROS}/imageSet/{ZEROS}/updateImageSetMetadata?latestVersion=1&force={force}"

    assert raw(aws, "POST", path, body)[0] == code


@pytest.mark.parametrize("blob", ["{}", "\u00e9"])
def test_a_blob_that_is_not_base64_is_400(aws: LocalAws, blob: str) -> None:
    body = json.dumps({"DICOMUpdates": {"updatableAttributes": blob}}).encode()

    status, answered = raw(
        aws, "POST", f"/datastore/{ZEROS}/imageSet/{ZEROS}/updateImageSetMetadata?latestVersion=1", body
    )
    assert (status, answered["message"]) == (400, "a blob is not base64")


def test_a_path_of_no_operation_is_404(aws: LocalAws) -> None:
    status, body = raw(aws, "GET", "/nothing/here")

    assert status == 404
    assert body["message"] == "no operation of this service has this method and path"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_not_a_json_object_is_400(aws: LocalAws, body: bytes) -> None:
    assert raw(aws, "POST", "/datastore", body)[0] == 400


@pytest.mark.parametrize("value", [1, True, ["a"], {"a": 1}])
def test_a_member_of_another_type_is_400(aws: LocalAws, value: Any) -> None:
    body = json.dumps({"clientToken": uuid.uuid4().hex, "datastoreName": value}).encode()

    assert raw(aws, "POST", "/datastore", body)[0] == 400


def test_members_that_the_model_does_not_know_are_ignored(aws: LocalAws) -> None:
    body = json.dumps({"clientToken": uuid.uuid4().hex, "surprise": 1}).encode()

    assert raw(aws, "POST", "/datastore", body)[0] == 200


@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.name)
def test_every_operation_of_the_model_has_a_route(operation: Any) -> None:
    path = re.sub(r"{\w+}", ZEROS, operation.http["requestUri"])
    answered = answer({}, Scope(ACCOUNT, REGION), operation.http["method"], path, {}, b"")

    assert json.loads(answered.body)["message"] == f"this HealthImaging does not implement {operation.name}"


def test_a_fault_of_ours_tells_its_kind_and_no_value() -> None:
    def broken(_scope: Scope, _parameters: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("Doe^Jane")

    answered = answer({"ListDatastores": broken}, Scope(ACCOUNT, REGION), "GET", "/datastore", {}, b"")

    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (500, "InternalServerException")
    assert json.loads(answered.body)["message"] == "internal error - KeyError"
