"""`python -m benchmarks.local_import`: 5,000 small DICOM files through the stacks on the local AWS.

They lie in seven layouts. While they are uploaded and imported, the processes of all functions are
killed three times, at random. At the end the ledger, the manifests of all jobs and the image sets must agree
that each file was imported once. Prints one table and writes `results/local_import.json`.
"""

import argparse
import gzip
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.layouts import Laid, mixed
from benchmarks.processes import PROC, family
from benchmarks.provenance import ROOT, described, keep, provenance
from cli import deployed, local
from cli.deploy import copied, deploy
from cli.studies import folders
from config.deployment import load_deployment
from lambdas.importing.files import File, Status

SCALE = 100
KILLS = 3
SECONDS_BETWEEN_KILLS = (5.0, 30.0)
SECONDS_BETWEEN_LOOKS = 1.0
LONGEST_SECONDS = 1_800
AT_ONCE = 16
# MiniStack runs each function in a process of this file.
WORKER = b"_worker.py"


def measure(scale: int, seed: int) -> dict[str, Any]:
    """Deploy, upload, kill, wait, and count."""
    origin, laid = provenance("lambdas", "healthimaging", "stacks", "emulator"), mixed(scale)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state = Path(folder)
        server = local.start(state, local.free_port())
        try:
            deploy(server, copied("sandbox", state), lambda step: Console(stderr=True).print(step))
            deployed.use(server, load_deployment("sandbox").region)
            found = deployed.look_up(load_deployment("sandbox"))
            return {**origin, "seed": seed, **run(found, server.pid, laid, random.Random(seed))}  # noqa: S311
        finally:
            local.stop(state)


def run(found: deployed.Deployed, server: int, laid: Sequence[Laid], chance: random.Random) -> dict[str, Any]:
    began = time.monotonic()
    with ThreadPoolExecutor(1) as aside:
        uploading = aside.submit(upload, found, laid)
        killed = [kill(server, chance) for _ in range(KILLS)]
        uploads = uploading.result()
    files = settled(found, sum(one.files for one in laid))
    seconds = round(time.monotonic() - began, 1)
    return {
        "files": sum(one.files for one in laid),
        "seconds": seconds,
        "files_per_second": round(sum(one.files for one in laid) / seconds, 1),
        "objects": uploads,
        "killed": killed,
        **counted(found, files),
        "layouts": {one.name: layout(one, files) for one in laid},
    }


def upload(found: deployed.Deployed, laid: Sequence[Laid]) -> int:
    """How many objects were put, DICOM files and markers."""
    s3 = found.client("s3")

    def put(item: tuple[str, bytes]) -> None:
        s3.put_object(Bucket=found.input_bucket, Key=item[0], Body=item[1])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return len(list(pool.map(put, (item for one in laid for item in one.uploads()))))


def kill(server: int, chance: random.Random) -> int:
    """After a while, end all processes of functions at once; answers how many there were."""
    time.sleep(chance.uniform(*SECONDS_BETWEEN_KILLS))
    while not (functions := [pid for pid in family(server) if WORKER in _command(pid)]):
        time.sleep(0.1)
    for pid in functions:
        os.kill(pid, signal.SIGKILL)
    return len(functions)


def settled(found: deployed.Deployed, count: int) -> list[File]:
    """The DICOM files of the ledger, when all have a fate."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        rows = (row for one in folders(found.ledger) for row in found.ledger.files(one.bucket, one.path))
        files = [one for one in rows if one.name.endswith(".dcm")]
        if len(files) == count and all(one.status is not Status.WAITING for one in files):
            return files
        time.sleep(SECONDS_BETWEEN_LOOKS)
    fates = Counter(str(one.status) for one in files)
    raise SystemExit(f"after {LONGEST_SECONDS} s, of {count} files: {dict(fates)}")


def counted(found: deployed.Deployed, files: Sequence[File]) -> dict[str, Any]:
    """What the ledger, the manifests and the image sets say. A doubled import is a line too many."""
    ended = list(jobs(found))
    in_place = f"s3://{found.input_bucket}/"
    manifests = [manifest(found, job) for job in ended]
    return {
        "imported": sum(one.status is Status.IMPORTED for one in files),
        "failed": sum(one.status is Status.FAILED for one in files),
        "skipped": sum(one.status is Status.SKIPPED for one in files),
        "jobs": len(ended),
        "jobs_in_place": sum(one["inputS3Uri"].startswith(in_place) for one in ended),
        "files_that_jobs_imported": sum(one["jobSummary"]["numberOfImportedFiles"] for one in manifests),
        "instances_in_image_sets": instances(found),
    }


def jobs(found: deployed.Deployed) -> Iterator[dict[str, Any]]:
    """The properties of all import jobs."""
    imaging, datastore = found.client("medical-imaging"), found.outputs["DatastoreMainId"]
    for page in imaging.get_paginator("list_dicom_import_jobs").paginate(datastoreId=datastore):
        for one in page["jobSummaries"]:
            yield imaging.get_dicom_import_job(datastoreId=datastore, jobId=one["jobId"])["jobProperties"]


def manifest(found: deployed.Deployed, job: dict[str, Any]) -> dict[str, Any]:
    bucket, _, prefix = job["outputS3Uri"].removeprefix("s3://").partition("/")
    body = found.client("s3").get_object(Bucket=bucket, Key=f"{prefix}job-output-manifest.json")["Body"]
    answer: dict[str, Any] = json.loads(body.read())
    return answer


def instances(found: deployed.Deployed) -> int:
    """How many instances all image sets hold together."""
    imaging, datastore = found.client("medical-imaging"), found.outputs["DatastoreMainId"]
    total = 0
    for page in imaging.get_paginator("search_image_sets").paginate(datastoreId=datastore):
        for one in page["imageSetsMetadataSummaries"]:
            blob = imaging.get_image_set_metadata(datastoreId=datastore, imageSetId=one["imageSetId"])
            study = json.loads(gzip.decompress(blob["imageSetMetadataBlob"].read()))["Study"]
            total += sum(len(series["Instances"]) for series in study["Series"].values())
    return total


def layout(laid: Laid, files: Sequence[File]) -> dict[str, int]:
    paths = {path for path, _ in laid.folders}
    mine = [one for one in files if one.folder in paths]
    return {"files": len(mine), "jobs": len({one.job for one in mine})}


def wrong(found: dict[str, Any]) -> list[str]:
    """What is not as it must be: each file imported once, and nothing else."""
    names = ("imported", "files_that_jobs_imported", "instances_in_image_sets")
    return [
        f"{name} is {found[name]}, not {found['files']}" for name in names if found[name] != found["files"]
    ]


def table(found: dict[str, Any]) -> Table:
    shown = Table(title=f"Import on the local AWS, seed {found['seed']}: {described(found)}")
    shown.add_column("")
    shown.add_column("files", justify="right")
    shown.add_column("jobs", justify="right")
    for name, one in found["layouts"].items():
        shown.add_row(name, f"{one['files']:,}", f"{one['jobs']:,}")
    shown.add_section()
    shown.add_row("imported once", f"{found['files_that_jobs_imported']:,}", f"{found['jobs']:,}")
    shown.add_row("in place", "", f"{found['jobs_in_place']:,}")
    shown.add_row(f"in {found['seconds']} s, files a second", f"{found['files_per_second']}", "")
    shown.add_row(
        f"functions' processes killed in {len(found['killed'])} goes", f"{sum(found['killed'])}", ""
    )
    return shown


def _command(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_import", description=__doc__)
    parser.add_argument("--scale", type=int, default=SCALE, help="50 files each; fewer: nothing is written")
    parser.add_argument("--seed", type=int, default=None, help="the moments of the kills")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if arguments.seed is None else arguments.seed
    found = measure(arguments.scale, seed)
    Console(width=120).print(table(found))
    if problems := wrong(found):
        raise SystemExit("; ".join(problems))
    if arguments.scale >= SCALE:
        Console().print(f"written to {keep('local_import', found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
