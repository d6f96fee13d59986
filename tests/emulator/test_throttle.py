"""Throttling: how often each action may be called."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from local_aws import ACCOUNT, REGION, LocalAws, free_port
from test_import_run import World

from emulator import server
from emulator.aws import Scope
from emulator.dicomweb.routes import Request
from emulator.errors import ResourceNotFoundException, ThrottlingException
from emulator.model import operations
from emulator.service import Service
from emulator.throttle import LIMITS, Throttle

SCOPE = Scope(ACCOUNT, REGION)
# Far from zero, where adding small waits to a clock would lose nothing.
BEGAN = 1_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> float:
        return self.now


def passes(throttle: Throttle, action: str, scope: Scope = SCOPE) -> bool:
    try:
        throttle.take(scope, action)
    except ThrottlingException:
        return False
    return True


def test_every_operation_of_the_model_has_a_limit() -> None:
    assert {each.name for each in operations()} <= LIMITS.keys()


@pytest.mark.parametrize("action", LIMITS)
def test_after_a_rest_as_many_calls_pass_as_the_burst(action: str) -> None:
    throttle = Throttle(clock=Clock())

    passed = [passes(throttle, action) for _ in range(LIMITS[action].burst + 1)]
    assert passed == [True] * LIMITS[action].burst + [False]


@pytest.mark.parametrize("action", LIMITS)
def test_once_the_burst_is_spent_calls_pass_at_the_rate(action: str) -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    while passes(throttle, action):
        pass
    clock.now += 0.9 / LIMITS[action].rate
    assert not passes(throttle, action)
    clock.now += 0.2 / LIMITS[action].rate
    assert passes(throttle, action)


@given(st.sampled_from(sorted(LIMITS)), st.lists(st.floats(0, 30), max_size=200))
def test_never_more_pass_than_the_burst_and_what_the_rate_allows_since(
    action: str, waits: list[float]
) -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    passed = 0
    for wait in waits:
        clock.now += wait
        passed += passes(throttle, action)

    assert passed <= LIMITS[action].burst + (clock.now - BEGAN) * LIMITS[action].rate + 0.001


def test_a_refused_call_costs_nothing() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    passes(throttle, "DeleteImageSet")
    passed = False
    for _ in range(41):
        clock.now += 0.1
        passed = passed or passes(throttle, "DeleteImageSet")

    assert passed


def test_accounts_regions_and_actions_do_not_count_together() -> None:
    throttle = Throttle(clock=Clock())
    others = [Scope("123456789012", REGION), Scope(ACCOUNT, "eu-west-1")]
    passes(throttle, "CopyImageSet")

    assert not passes(throttle, "CopyImageSet")
    assert passes(throttle, "DeleteImageSet")
    assert all(passes(throttle, "CopyImageSet", scope) for scope in others)


@pytest.mark.parametrize(("factor", "passing"), [(2, 4), (0.5, 1), (0.01, 1)])
def test_a_factor_changes_every_limit(factor: float, passing: int) -> None:
    throttle = Throttle(factor, clock=Clock())

    assert [passes(throttle, "StartDICOMImportJob") for _ in range(5)].count(True) == passing


def test_a_factor_of_zero_limits_nothing() -> None:
    throttle = Throttle(0, clock=Clock())

    assert all(passes(throttle, "CreateDatastore") for _ in range(100))


def test_an_action_without_a_documented_limit_is_not_throttled() -> None:
    throttle = Throttle(clock=Clock())

    assert all(passes(throttle, "StoreDICOM") for _ in range(100))


@pytest.fixture(scope="module")
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server as people start it."""
    state, port = tmp_path_factory.mktemp("state"), free_port()
    pid = server.start(state, port)
    yield LocalAws(state, port, pid)
    server.stop(pid)


def imaging(aws: LocalAws, account: str, attempts: int) -> Any:
    return boto3.client(
        "medical-imaging",
        endpoint_url=aws.endpoint,
        verify=aws.verify,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


def hammer(client: Any) -> None:
    for _ in range(100):
        client.list_datastores()


def test_a_client_that_hammers_is_throttled(throttled: LocalAws) -> None:
    client = imaging(throttled, "000000000001", attempts=1)
    with pytest.raises(ClientError) as refusal:
        hammer(client)

    response = refusal.value.response
    assert response["Error"]["Code"] == "ThrottlingException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert isinstance(refusal.value, client.exceptions.ThrottlingException)


def test_dicomweb_is_throttled_too(tmp_path: Path) -> None:
    # One call in twenty seconds, so that a busy machine is not too slow to be throttled.
    service = Service(tmp_path, World(), "https://127.0.0.1:1", throttle=0.001)
    labels = {"datastore": "0" * 32, "study": "1", "series": "2", "instance": "3"}
    request = Request(SCOPE, "/", labels, {}, {}, b"")
    with pytest.raises(ResourceNotFoundException):
        service.dicomweb["GetDICOMInstance"](request)

    with pytest.raises(ThrottlingException):
        service.dicomweb["GetDICOMInstance"](request)


def test_a_client_that_retries_gets_through(throttled: LocalAws) -> None:
    client = imaging(throttled, "000000000002", attempts=10)
    retried = 0
    began = time.monotonic()
    while not retried and time.monotonic() - began < 10:
        retried = client.list_datastores()["ResponseMetadata"]["RetryAttempts"]

    assert retried
