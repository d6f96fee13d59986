"""Jobs and uploads in the deployed sandbox: nothing twice, one job a folder, nothing lost by a stop."""

import time
from pathlib import Path
from typing import Any

import pytest
from sandbox import Sandbox, Uploads
from small_studies import write_small_studies

# The sandbox waits five quiet seconds, and a little more, before it imports a folder.
LONGER_THAN_QUIET_SECONDS = 9


def jobs(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Every import job that HealthImaging knows."""
    found = sandbox.find()
    pages = (
        found.client("medical-imaging")
        .get_paginator("list_dicom_import_jobs")
        .paginate(datastoreId=found.outputs["DatastoreMainId"])
    )
    return [job for page in pages for job in page["jobSummaries"]]


def properties(sandbox: Sandbox, job_id: str) -> dict[str, Any]:
    found = sandbox.find()
    answer = found.client("medical-imaging").get_dicom_import_job(
        datastoreId=found.outputs["DatastoreMainId"], jobId=job_id
    )
    wanted: dict[str, Any] = answer["jobProperties"]
    return wanted


def test_two_hundred_files_in_ten_folders_start_ten_jobs_in_place(sandbox: Sandbox, uploads: Uploads) -> None:
    files = sandbox.files("small/")
    assert {one["status"] for one in files.values()} == {"IMPORTED"}
    bucket = sandbox.find().input_bucket
    started = [properties(sandbox, job["jobId"])["inputS3Uri"] for job in jobs(sandbox)]
    small = sorted(uri for uri in started if uri.startswith(f"s3://{bucket}/small/"))
    assert small == [f"s3://{bucket}/small/{folder.name}/" for folder in sorted(uploads.small.iterdir())]
    assert len({one["job_id"] for one in files.values()}) == 10


def test_uploading_twice_imports_nothing_twice(sandbox: Sandbox, uploads: Uploads) -> None:
    before = {job["jobId"] for job in jobs(sandbox)}
    again = [
        sandbox.ahi("upload", str(uploads.small), "--prefix", "small"),
        sandbox.ahi("upload", str(uploads.samples), "--prefix", "samples"),
    ]
    assert [one["uploaded"] for one in again] == [0, 0]
    assert again[0]["skipped"] == 200
    time.sleep(LONGER_THAN_QUIET_SECONDS)
    assert {job["jobId"] for job in jobs(sandbox)} == before


@pytest.mark.usefixtures("uploads")
def test_files_waiting_at_a_stop_are_imported_after_the_next_start(sandbox: Sandbox, tmp_path: Path) -> None:
    before = sandbox.files("samples/us-cine/")
    write_small_studies(tmp_path, studies=2, instances=6)
    sandbox.ahi("upload", str(tmp_path), "--prefix", "stopped")
    sandbox.wait("stopped/", lambda files: len(files) == 12)
    assert {one["status"] for one in sandbox.files("stopped/").values()} == {"WAITING"}
    assert sandbox.ahi("down")["stopped"]
    sandbox.ahi("up")
    sandbox.wait_until_settled("stopped/", 12)
    files = sandbox.files("stopped/")
    assert {one["status"] for one in files.values()} == {"IMPORTED"}
    assert len({one["job_id"] for one in files.values()}) == 2
    assert sandbox.files("samples/us-cine/") == before
    found = sandbox.find()
    (cine,) = before.values()
    image_set = found.client("medical-imaging").get_image_set(
        datastoreId=found.outputs["DatastoreMainId"], imageSetId=cine["image_set_id"]
    )
    assert image_set["imageSetState"] == "ACTIVE"
