"""What the functions tell the outside: log lines and metrics, of ids and counts alone.

An object key, a folder or an error's text may name a patient, so none is ever logged: of an error
only its type, its AWS code and the place it came from.
"""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

Handler = Callable[[dict[str, Any], Any], Any]

FILES_REGISTERED = "FilesRegistered"
FILES_IMPORTED = "FilesImported"
FILES_NOT_PRIMARY = "FilesNotPrimary"
FILES_WARNED = "FilesWarned"
FILES_FAILED = "FilesFailed"
FILES_SKIPPED = "FilesSkipped"
FILES_COPIED = "FilesCopied"
SOURCES_TAGGED = "SourcesTagged"
SOURCES_DELETED = "SourcesDeleted"
SOURCES_LEFT = "SourcesLeft"
JOBS_STARTED = "JobsStarted"
STARTS_THROTTLED = "StartsThrottled"
JOBS_COMPLETED = "JobsCompleted"
JOBS_FAILED = "JobsFailed"
JOBS_IN_FLIGHT = "JobsInFlight"
OLDEST_WAITING_SECONDS = "OldestWaitingSeconds"

logger = Logger()
# One dimension for all functions, so that an alarm on a count needs no metric math.
metrics = Metrics(service="import")


class StoppedError(Exception):
    """A function stopped; the error behind it is in the log line before."""


def measure(name: str, value: float) -> None:
    """Publish a metric with the invocation's end."""
    unit = MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count
    metrics.add_metric(name=name, unit=unit, value=value)


def described(error: BaseException) -> dict[str, str]:
    """What may be logged of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "lambdas" in Path(frame.filename).parts] or frames
    description = {"error": type(error).__name__}
    if ours:
        description["at"] = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    if isinstance(error, ClientError):
        description["code"] = error.response["Error"]["Code"]
        description["operation"] = error.operation_name
    return description


def observed(handle: Handler) -> Handler:
    """Log with the invocation's id, publish its metrics, and let no error's text out."""

    @logger.inject_lambda_context
    @wraps(handle)
    def wrapped(event: dict[str, Any], context: Any) -> Any:
        try:
            return handle(event, context)
        except Exception as error:
            logger.error("stopped", extra=described(error))
            raise StoppedError(type(error).__name__) from None
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return wrapped
