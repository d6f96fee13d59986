"""A job as the ledger's tests have it."""

from datetime import UTC, datetime
from typing import Any

from lambdas.importing.files import Job, JobState

NOW = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def job(name: str = "job", **given: Any) -> Job:
    values: dict[str, Any] = {
        "bucket": "input",
        "store": "main",
        "datastore_id": "d",
        "state": JobState.PLANNED,
        "files": 2,
        "bytes": 6,
        "in_place": True,
        "prefix": "s3://input/study/",
        "created_at": NOW,
        "at": NOW,
    }
    return Job(name=name, **(values | given))
