"""One local AWS for all tests of a run, with IAM enforced."""

from collections.abc import Iterator

import pytest
from local_aws import LocalAws, Store, free_port

from emulator import server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    state = tmp_path_factory.mktemp("state")
    port = free_port()
    pid = server.start(state, port, throttle=0)
    yield LocalAws(f"http://127.0.0.1:{port}", state, pid)
    server.stop(pid)


@pytest.fixture
def store(aws: LocalAws) -> Store:
    return Store(aws)
