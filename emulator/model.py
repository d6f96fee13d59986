"""botocore's own model of HealthImaging: which operations there are, and what goes in and out."""

import functools
from typing import Any

import botocore.session

SERVICE = "medical-imaging"


@functools.cache
def service_model() -> Any:
    """The model the SDKs are made from."""
    return botocore.session.get_session().get_service_model(SERVICE)


@functools.cache
def operations() -> tuple[Any, ...]:
    return tuple(service_model().operation_model(name) for name in service_model().operation_names)
