"""Where the tests of the API run: on one local AWS for all of them, or on an account with TEST_ON_AWS=1."""

from collections.abc import Iterator

import pytest
from local_aws import ON_AWS, AwsAccount, LocalAws, Store, free_port

from emulator import server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws | AwsAccount]:
    """The local one has IAM enforced and no throttling."""
    if ON_AWS:
        yield AwsAccount()
        return
    state = tmp_path_factory.mktemp("state")
    port = free_port()
    pid = server.start(state, port, throttle=0)
    yield LocalAws(state, port, pid)
    server.stop(pid)


@pytest.fixture
def store(aws: LocalAws | AwsAccount) -> Iterator[Store]:
    made = Store(aws)
    yield made
    if ON_AWS:
        made.delete()
