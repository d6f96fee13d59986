"""What the import's functions read from their environment when they are imported."""

import json
from collections.abc import Mapping
from typing import Any

STORE = {
    "id": "main",
    "prefix": "",
    "datastore_id": "d" * 32,
    "role_arn": "arn:aws:iam::000000000000:role/import-main",
}
# So small that every limit is met.
SMALL: Mapping[str, Any] = {
    "deployment": "test",
    "quiet_seconds": 5,
    "longest_wait_seconds": 60,
    "start_rate": 1.0,
    "start_burst": 2,
    "start_rate_ceiling": 1.0,
    "concurrent_jobs": 3,
    "files_per_job": 20,
    "bytes_per_job": 10_000,
    "folders_per_job": 10_000,
    "bytes_per_file": 1_000,
    "overwrites": {"ignored/": "ignore", "rejected/": "reject"},
    "complete_marker": "_COMPLETE",
    "drain_minutes": 60,
    "urgent_prefixes": ["urgent/"],
    "after_import": "keep",
    "delete_after_days": 30,
    "inventory_uri": "",
    "pace_table": "",
    "input_bucket": "input",
    "output_bucket": "output",
    "stores": [STORE],
    "partners": [],
}
QUEUES = ("UPLOADS", "PLAN", "STAGE", "START", "RESULTS")


def environment(settings: Mapping[str, Any], log_level: str) -> dict[str, str]:
    """As the Import stack sets it, over the AWS in memory."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "HealthImagingImport",
        "POWERTOOLS_SERVICE_NAME": str(settings["deployment"]),
        "POWERTOOLS_LOG_LEVEL": log_level,
        "LEDGER_TABLE": "ledger",
        "STAGING_BUCKET": "staging",
        "IMPORT_SETTINGS": json.dumps(dict(settings)),
        **{f"{name}_QUEUE_URL": name.lower() for name in QUEUES},
    }
