"""The environment that the functions read when they are imported."""

import json
import os

STORE = {
    "id": "main",
    "prefix": "",
    "datastore_id": "d" * 32,
    "role_arn": "arn:aws:iam::000000000000:role/import-main",
    "output_uri": "s3://output/main/",
}
SETTINGS = {
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
    "stores": [STORE],
}

os.environ |= {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "HealthImagingImport",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_LOG_LEVEL": "ERROR",
    "LEDGER_TABLE": "ledger",
    "INPUT_BUCKET": "input",
    "STAGING_BUCKET": "staging",
    "IMPORT_SETTINGS": json.dumps(SETTINGS),
    **{f"{name}_QUEUE_URL": name.lower() for name in ("UPLOADS", "PLAN", "STAGE", "START", "RESULTS")},
}
