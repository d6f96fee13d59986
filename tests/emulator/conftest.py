"""On an account only those tests run that need nothing but boto3."""

import inspect

import pytest
from backends import aws, store
from local_aws import ON_AWS

__all__ = ["aws", "store"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
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
