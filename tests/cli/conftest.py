"""What the commands find instead of a deployed ledger, and an environment of their own."""

import os
from collections.abc import Iterator

import pytest
from ledger_in_memory import DeployedInMemory, LedgerInMemory

from cli import deployed, local


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> LedgerInMemory:
    """The ledger that every command finds."""
    ledger = LedgerInMemory()
    monkeypatch.setattr(deployed, "find", lambda _name, **_: DeployedInMemory(ledger))
    return ledger


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local.LocalAws]:
    """A local AWS with nothing deployed."""
    state = tmp_path_factory.mktemp("aws")
    yield local.start(state, local.free_port())
    local.stop(state)


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """A command points its process at an AWS; the next test starts from what was."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
