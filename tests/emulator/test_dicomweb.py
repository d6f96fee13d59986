"""Which requests are DICOMweb, what they are called, and who may send them."""

from typing import Any

import pytest
from ct_files import ct_file
from dicomweb_requests import DicomWeb
from iam_users import User
from local_aws import LocalAws, Store

from emulator.aws import Scope
from emulator.dicomweb.routes import ACTIONS, action_of, answer, is_dicomweb

SERIES = "/studies/1.2.3/series/1.2.3.4"
INSTANCE = f"{SERIES}/instances/1.2.3.4.1"
REQUESTS = [
    ("GET", "/studies", "SearchDICOMStudies"),
    ("GET", "/studies/1.2.3/series", "SearchDICOMSeries"),
    ("GET", "/series", "SearchDICOMSeries"),
    ("GET", f"{SERIES}/instances", "SearchDICOMInstances"),
    ("GET", "/studies/1.2.3/instances", "SearchDICOMInstances"),
    ("GET", "/instances", "SearchDICOMInstances"),
    ("POST", "/studies", "StoreDICOM"),
    ("POST", "/studies/1.2.3", "StoreDICOMStudy"),
    ("GET", f"{SERIES}/metadata", "GetDICOMSeriesMetadata"),
    ("GET", INSTANCE, "GetDICOMInstance"),
    ("GET", f"{INSTANCE}/metadata", "GetDICOMInstanceMetadata"),
    ("GET", f"{INSTANCE}/frames/1,2", "GetDICOMInstanceFrames"),
    ("GET", f"{INSTANCE}/bulkdata/0a", "GetDICOMBulkdata"),
]


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_every_documented_resource_is_its_action(method: str, path: str, action: str) -> None:
    assert action_of(method, f"/datastore/{'a' * 32}{path}") == action


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_a_slash_at_the_end_changes_nothing(method: str, path: str, action: str) -> None:
    assert action_of(method, f"/datastore/a{path}/") == action


@pytest.mark.parametrize(
    "path",
    ["/datastore//studies", "/datastore/a/studies//series", "/datastore/a/studies/1/frames/1", "/", ""],
)
def test_a_path_with_nothing_where_a_name_belongs_or_another_order_is_no_action(path: str) -> None:
    assert action_of("GET", path) is None


def test_every_action_has_a_request_above() -> None:
    assert {action for _, _, action in REQUESTS} == {action for action, _, _ in ACTIONS}


@pytest.mark.parametrize(
    "path", ["/datastore/a/studies", "/datastore/a/series/1", "/datastore/a/studies/1/x"]
)
def test_paths_of_dicomweb_are_dicomweb(path: str) -> None:
    assert is_dicomweb(path)


@pytest.mark.parametrize(
    "path", ["/datastore/a", "/datastore/a/imageSet/b", "/datastore/a/studiesX", "/studies"]
)
def test_paths_of_the_other_operations_are_not(path: str) -> None:
    assert not is_dicomweb(path)


def test_a_fault_of_ours_tells_its_kind_and_no_value() -> None:
    def broken(_request: Any) -> Any:
        raise KeyError("Doe^Jane")

    path = "/datastore/a/studies"
    answered = answer({"SearchDICOMStudies": broken}, Scope("0", "x"), "GET", path, {}, {}, b"")

    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (500, "InternalServerException")
    assert b"Doe" not in answered.body


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Store:
    found = Store(aws)
    found.import_files({"1.dcm": ct_file(SOPInstanceUID="1.2.3.4.1")})
    return found


def client_of_a_user(aws: LocalAws, store: Store, action: str, resource: str) -> DicomWeb:
    """DICOMweb for a new user with that one right."""
    return User(aws, {"Action": f"medical-imaging:{action}", "Resource": resource}).dicomweb(store)


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_who_holds_the_action_on_the_data_store_may(
    aws: LocalAws, store: Store, method: str, path: str, action: str
) -> None:
    answered = client_of_a_user(aws, store, action, store.arn).send(method, path)

    assert answered.status != 403


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_who_holds_another_action_may_not(
    aws: LocalAws, store: Store, method: str, path: str, action: str
) -> None:
    other = "GetDICOMInstance" if action != "GetDICOMInstance" else "GetDICOMInstanceMetadata"
    answered = client_of_a_user(aws, store, other, store.arn).send(method, path)

    assert answered.status == 403
    assert answered.headers["x-amzn-errortype"].startswith("AccessDeniedException")
    assert f"medical-imaging:{action}" in answered.json["message"]


def test_a_right_on_another_data_store_is_none_on_this(aws: LocalAws, store: Store) -> None:
    other = store.arn[:-32] + "0" * 32
    web = client_of_a_user(aws, store, "GetDICOMInstance", other)

    assert web.get(INSTANCE).status == 403
    assert client_of_a_user(aws, store, "GetDICOMInstance", store.arn).get(INSTANCE).status == 200


def test_who_signs_nothing_may_nothing(store: Store) -> None:
    web = DicomWeb(store, "AKIAUNKNOWN000000000", "wrong")

    assert web.get(INSTANCE).status == 403
