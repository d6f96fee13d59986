"""What is deployed, and what the simulator assumes of AWS: one place for every number of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.memory_aws.environment import STORE, environment


@dataclass(frozen=True, kw_only=True)
class Function:
    """`at_once` bounds how many run at a time; `window` is how long a batch is gathered, in seconds."""

    timeout: int
    memory: int
    queue: str | None = None
    batch_size: int = 1
    window: float = 0.0
    at_once: int = 1


# As in healthimaging/import_steps.py, which needs the CDK; a test holds them together.
FUNCTIONS = {
    "register": Function(timeout=60, memory=512, queue="uploads", batch_size=100, window=1, at_once=20),
    "plan": Function(timeout=300, memory=1769, queue="plan", at_once=20),
    "stage": Function(timeout=300, memory=512, queue="stage", at_once=10),
    "start": Function(timeout=60, memory=1769, queue="start", at_once=30),
    "record": Function(timeout=300, memory=1769, queue="results", at_once=10),
    "sweep": Function(timeout=300, memory=512),
}
VISIBILITY_TIMEOUTS = 6
TICK_SECONDS = 60
SWEEP_SECONDS = 15 * 60

# Assumed: what one call takes on the wire, in seconds, and of one vCPU, which 1,769 MB of memory give.
WIRE = {
    "GetItem": 0.004,
    "PutItem": 0.005,
    "UpdateItem": 0.005,
    "Query": 0.008,
    "SendMessage": 0.008,
    "SendMessageBatch": 0.012,
    "GetObject": 0.025,
    "CopyObject": 0.100,
    "ListObjectVersions": 0.060,
    "StartDICOMImportJob": 0.300,
    "GetDICOMImportJob": 0.060,
    "ListDICOMImportJobs": 0.060,
}
CPU_OF_A_CALL = 0.001
# Measured with botocore 1.43: to read a row of a Query's answer, a version of a ListObjectVersions'.
CPU_OF_A_ROW, CPU_OF_A_VERSION = 0.000_05, 0.000_06
MEGABYTES_OF_A_CPU = 1769
WORKERS = 16
# Assumed: from an upload to its event's message, from a job's end to its event's, from there to a function.
S3_EVENT_SECONDS, JOB_EVENT_SECONDS, DELIVERY_SECONDS = 0.5, 1.0, 0.05

# Assumed of a job: AWS's own samples took 66 to 117 seconds, and no rate is published.
JOB_SECONDS, JOB_FILES_PER_SECOND = 60.0, 100.0

# The production deployment's.
SETTINGS: Mapping[str, Any] = {
    "deployment": "production",
    "quiet_seconds": 60,
    "longest_wait_seconds": 3600,
    "start_rate": 1.0,
    "start_burst": 2,
    "start_rate_ceiling": 20.0,
    "concurrent_jobs": 100,
    "files_per_job": 5_000,
    "bytes_per_job": 10_000_000_000,
    "folders_per_job": 10_000,
    "bytes_per_file": 10_000_000_000,
    "overwrites": {},
    "complete_marker": None,
    "drain_minutes": 60,
    "after_import": "keep",
    "delete_after_days": 30,
    "inventory_uri": "",
    "pace_table": "",
    "input_bucket": "input",
    "output_bucket": "output",
    "partners": [],
    "urgent_prefixes": ["urgent/"],
    "stores": [STORE],
}
# The functions read it when they are imported; what they make of it there is not used.
ENVIRONMENT = environment(SETTINGS, "CRITICAL")


def seconds_of(operation: str, answer: Any, memory: int, *, is_one_of_many: bool) -> float:
    """How long a call keeps a function; of those for each file sixteen wait at a time."""
    page = answer[0] if isinstance(answer, tuple) else answer or {}
    entries = len(page.get("Items", ())) * CPU_OF_A_ROW + len(page.get("Versions", ())) * CPU_OF_A_VERSION
    cpu = (CPU_OF_A_CALL + entries) * max(1.0, MEGABYTES_OF_A_CPU / memory)
    return max(cpu, WIRE[operation] / WORKERS) if is_one_of_many else cpu + WIRE[operation]
