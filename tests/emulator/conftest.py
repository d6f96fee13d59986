"""Where the tests run, which of them on an account, and what of the service each covers."""

import inspect
from collections.abc import Iterator

import coverage_page
import covered
import pytest
from backends import aws, store
from local_aws import ON_AWS

__all__ = ["aws", "store"]

covered.watch_boto3()
_passed: set[str] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On an account only those tests run that need nothing but boto3."""
    if not ON_AWS:
        return
    chosen = [item for item in items if _runs_on_aws(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _runs_on_aws(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    return (
        item.get_closest_marker("also_on_aws") is not None
        and "aws" not in inspect.signature(item.function).parameters
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield
    _passed.add(item.nodeid)


def pytest_sessionfinish() -> None:
    if covered.RECORDING:
        covered.keep(_passed)
        coverage_page.write()
