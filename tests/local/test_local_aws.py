"""The deployed sandbox: every file has its fate, every frame is the source's, nothing is done twice or lost.

All of it stands in one file, because xdist then runs it in one process: there is one local AWS.
"""

import gzip
import json
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import people_at_work
import pydicom
import pytest
from marked_study import FILES, FOLDER, MARK
from pydicom.misc import is_dicom
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, HTJ2KLosslessRPCL, JPEGBaseline8Bit
from sandbox import Sandbox, Uploads
from small_studies import write_small_studies
from source_pixels import decoded, frame_array, frame_bytes, number_of_frames
from told import told
from unheard import UNHEARD, no_sweep, unheard_uploads

from benchmarks import access
from cli.deployed import Deployed
from cli.samples import Sample, samples
from emulator.access_log import Access, read_accesses
from emulator.server import ACCESS_LOG
from lambdas.adapters.backfills import Backfills

SAMPLES = list(samples())
GOOD = [sample for sample in SAMPLES if sample.reason is None]
BAD = [sample for sample in SAMPLES if sample.reason is not None]
BAD_P10 = [sample for sample in BAD if is_dicom(sample.source)]
NOT_P10 = [sample for sample in BAD if not is_dicom(sample.source)]
WITH_PIXELS = [sample for sample in GOOD if "PixelData" in pydicom.dcmread(sample.source)]

# The sandbox waits five quiet seconds, and a little more, before it imports a folder.
LONGER_THAN_QUIET_SECONDS = 9

pytestmark = pytest.mark.usefixtures("uploads")


def key_of(sample: Sample) -> str:
    return f"samples/{sample.key}"


def instance_in(imaging: Any, where: dict[str, str], source: pydicom.Dataset) -> Any:
    """What the metadata of an image set says of the source's instance."""
    blob = imaging.get_image_set_metadata(**where)["imageSetMetadataBlob"].read()
    series = json.loads(gzip.decompress(blob))["Study"]["Series"][source.SeriesInstanceUID]
    return series["Instances"][source.SOPInstanceUID]


@pytest.fixture
def fates(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.files("samples/")


def test_every_sample_has_a_fate(fates: dict[str, Any]) -> None:
    assert {key: one["status"] for key, one in fates.items()} == {
        key_of(sample): "FAILED" if sample.reason else "IMPORTED" for sample in SAMPLES
    }


@pytest.mark.parametrize("sample", BAD_P10, ids=lambda sample: sample.key)
def test_a_bad_file_is_named_with_its_job_and_the_services_reason(sandbox: Sandbox, sample: Sample) -> None:
    failed = {one["key"]: one for one in sandbox.ahi("files", "--failed")["files"]}
    one = failed[key_of(sample)]
    assert sample.reason is not None
    assert sample.reason in one["reason"]
    found = sandbox.find()
    job = found.client("medical-imaging").get_dicom_import_job(
        datastoreId=found.outputs["DatastoreMainId"], jobId=one["job_id"]
    )
    assert job["jobProperties"]["jobStatus"] == "COMPLETED"


@pytest.mark.parametrize("sample", NOT_P10, ids=lambda sample: sample.key)
def test_a_file_that_is_not_dicom_is_named_with_the_rule_and_reaches_no_job(
    sandbox: Sandbox, sample: Sample
) -> None:
    failed = {one["key"]: one for one in sandbox.ahi("files", "--failed")["files"]}
    one = failed[key_of(sample)]
    assert one["reason"].startswith("not a DICOM file")
    assert one["job_id"] is None


def test_a_good_file_beside_a_bad_one_is_imported(fates: dict[str, Any]) -> None:
    folder = [one["status"] for key, one in fates.items() if key.startswith("samples/ct-head/")]
    assert sorted(folder) == ["FAILED", *["IMPORTED"] * 4]


@pytest.mark.parametrize("sample", WITH_PIXELS, ids=lambda sample: sample.key)
def test_frames_are_the_sources(sandbox: Sandbox, fates: dict[str, Any], sample: Sample) -> None:
    found = sandbox.find()
    imaging = found.client("medical-imaging")
    where = {
        "datastoreId": found.outputs["DatastoreMainId"],
        "imageSetId": fates[key_of(sample)]["image_set_id"],
    }
    source = pydicom.dcmread(sample.source)
    instance = instance_in(imaging, where, source)
    stored_as = instance["StoredTransferSyntaxUID"]
    assert len(instance["ImageFrames"]) == number_of_frames(source)
    for index, frame in enumerate(instance["ImageFrames"]):
        answer = imaging.get_image_frame(**where, imageFrameInformation={"imageFrameId": frame["ID"]})
        got = answer["imageFrameBlob"].read()
        full = frame["PixelDataChecksumFromBaseToFullResolution"][-1]
        assert (full["Width"], full["Height"]) == (source.Columns, source.Rows)
        if stored_as == HTJ2KLosslessRPCL:
            pixels = decoded(got)
            assert np.array_equal(pixels, frame_array(source, index))
            assert full["Checksum"] == zlib.crc32(np.ascontiguousarray(pixels).tobytes())
            assert (frame["MinPixelValue"], frame["MaxPixelValue"]) == (pixels.min(), pixels.max())
        else:
            assert stored_as == source.file_meta.TransferSyntaxUID
            assert stored_as in {JPEGBaseline8Bit, JPEG2000, ExplicitVRLittleEndian}
            assert got == frame_bytes(source, index)
            assert full["Checksum"] == zlib.crc32(got)


def test_series_become_one_primary_image_set_each(sandbox: Sandbox, fates: dict[str, Any]) -> None:
    series: dict[str, set[str]] = {}
    for sample in GOOD:
        uid = pydicom.dcmread(sample.source).SeriesInstanceUID
        series.setdefault(uid, set()).add(fates[key_of(sample)]["image_set_id"])
    assert all(len(image_sets) == 1 for image_sets in series.values())
    found = sandbox.find()
    imaging = found.client("medical-imaging")
    for image_sets in series.values():
        answer = imaging.get_image_set(
            datastoreId=found.outputs["DatastoreMainId"], imageSetId=next(iter(image_sets))
        )
        assert answer["isPrimary"]


def test_status_agrees_with_the_files(sandbox: Sandbox, uploads: Uploads) -> None:
    studies = {one["folder"]: one for one in sandbox.ahi("status")["studies"]}
    for folder in uploads.samples.iterdir():
        one = studies[f"samples/{folder.name}/"]
        assert one["uploaded"] == one["imported"] + one["failed"] == len(list(folder.iterdir()))
        assert one["seconds"] > 0


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


def test_two_hundred_files_in_ten_folders_are_imported_in_place_by_ten_jobs_at_most(
    sandbox: Sandbox, uploads: Uploads
) -> None:
    files = sandbox.files("small/")
    assert {one["status"] for one in files.values()} == {"IMPORTED"}
    bucket = sandbox.find().input_bucket
    started = [properties(sandbox, job["jobId"])["inputS3Uri"] for job in jobs(sandbox)]
    small = {uri for uri in started if uri.startswith(f"s3://{bucket}/small/")}
    whole = f"s3://{bucket}/small/"
    assert small <= {whole, *(f"{whole}{folder.name}/" for folder in uploads.small.iterdir())}
    assert 1 <= len({one["job_id"] for one in files.values()}) == len(small) <= 10


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
    assert len({one["job_id"] for one in files.values()}) <= 2
    assert sandbox.files("samples/us-cine/") == before
    found = sandbox.find()
    (cine,) = before.values()
    image_set = found.client("medical-imaging").get_image_set(
        datastoreId=found.outputs["DatastoreMainId"], imageSetId=cine["image_set_id"]
    )
    assert image_set["imageSetState"] == "ACTIVE"


def test_files_that_no_event_told_of_are_found_by_the_sweep(sandbox: Sandbox) -> None:
    assert [one["status"] for one in sandbox.files("unheard/").values()] == ["IMPORTED"] * UNHEARD


def imported_by_jobs(sandbox: Sandbox, job_ids: set[str]) -> int:
    """How many imports these jobs made, by HealthImaging's own manifests."""
    s3 = sandbox.find().client("s3")
    imported = 0
    for job_id in job_ids:
        bucket, _, prefix = properties(sandbox, job_id)["outputS3Uri"].removeprefix("s3://").partition("/")
        manifest = s3.get_object(Bucket=bucket, Key=f"{prefix}job-output-manifest.json")["Body"].read()
        imported += json.loads(manifest)["jobSummary"]["numberOfImportedFiles"]
    return imported


def test_point_16_a_bucket_that_was_full_before_is_imported_once_though_the_backfill_is_stopped(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Files without an event, a plan, a run that is stopped, uploads meanwhile, and the run again."""
    found = sandbox.find()
    before = {job["jobId"] for job in jobs(sandbox)}
    write_small_studies(tmp_path / "old", studies=3, instances=8)
    write_small_studies(tmp_path / "new", studies=1, instances=5)
    with no_sweep(found):
        with unheard_uploads(found):
            sandbox.ahi("upload", str(tmp_path / "old"), "--prefix", "archive/old")

        plan = sandbox.ahi("backfill", "archive/", "--plan")
        assert (plan["files"], plan["folders"], plan["jobs"], plan["copies"]) == (24, 3, 1, 0)
        assert plan["hours"] > 0
        assert plan["dollars"] > 0
        assert sandbox.files("archive/") == {}

        stopped = sandbox.ahi("backfill", "archive/", "--run", "--no-wait")
        stop(found, stopped["run"])
        sandbox.ahi("upload", str(tmp_path / "new"), "--prefix", "archive/new")
        again = sandbox.ahi("backfill", "archive/", "--run")

        assert again["run"] == stopped["run"]
        assert again["status"] == "SUCCEEDED"
        assert 24 <= again["told"] <= 29
        sandbox.wait_until_settled("archive/", 29)
    files = sandbox.files("archive/")
    assert {one["status"] for one in files.values()} == {"IMPORTED"}
    made = {one["job_id"] for one in files.values()}
    assert made == {job["jobId"] for job in jobs(sandbox)} - before
    assert imported_by_jobs(sandbox, made) == 29


def stop(found: Deployed, run_id: str) -> None:
    """Stop the execution that a backfill runs as, before its end."""
    run = Backfills(found.table).run(run_id)
    assert run
    assert run.execution
    machine = found.client("stepfunctions")
    machine.stop_execution(executionArn=run.execution)
    assert machine.describe_execution(executionArn=run.execution)["status"] == "ABORTED"


def test_point_16_a_backfill_of_what_is_imported_finds_nothing(sandbox: Sandbox) -> None:
    assert sandbox.ahi("backfill", "small/", "--plan")["files"] == 0
    assert sandbox.ahi("backfill", "small/", "--run")["told"] == 0


def test_a_late_file_is_copied_and_a_failed_one_tried_again(sandbox: Sandbox, tmp_path: Path) -> None:
    write_small_studies(tmp_path, studies=1, instances=1)
    (tmp_path / "study-0" / "0.dcm").rename(tmp_path / "study-0" / "late.dcm")
    sandbox.ahi("upload", str(tmp_path), "--prefix", "small")
    sandbox.ahi("redrive", "--prefix", FOLDER)
    sandbox.wait_until_settled("small/", 201)
    sandbox.wait_until_settled(FOLDER, FILES)
    assert {one["status"] for one in sandbox.files("small/").values()} == {"IMPORTED"}


def test_nothing_tells_a_patients_name(sandbox: Sandbox) -> None:
    said = list(told(sandbox.find(), sandbox.state))
    for proof in ("job started", "StartDICOMImportJob", "StartExecution", "ExecutionStarted"):
        assert any(proof in text for _, text in said), f"nothing was read that tells of {proof}"
    assert [where for where, text in said if MARK in text] == []


@pytest.fixture
def seen_by_people(fates: dict[str, Any]) -> tuple[str, pydicom.Dataset]:
    """An image set, and a file of it."""
    sample = WITH_PIXELS[0]
    return fates[key_of(sample)]["image_set_id"], pydicom.dcmread(sample.source)


def test_an_importer_sees_what_became_of_uploads(sandbox: Sandbox) -> None:
    people_at_work.importer(sandbox)


def test_a_reader_reads_by_both_interfaces(
    sandbox: Sandbox, seen_by_people: tuple[str, pydicom.Dataset]
) -> None:
    people_at_work.reader(sandbox, *seen_by_people)


def test_a_steward_changes_copies_and_deletes(
    sandbox: Sandbox, seen_by_people: tuple[str, pydicom.Dataset]
) -> None:
    people_at_work.steward(sandbox, *seen_by_people)


def test_an_auditor_looks_at_all_that_is_no_patients(sandbox: Sandbox) -> None:
    people_at_work.auditor(sandbox)


def test_an_operator_follows_the_runbook(sandbox: Sandbox) -> None:
    people_at_work.operator(sandbox)


@pytest.fixture
def accesses(sandbox: Sandbox) -> set[Access]:
    return read_accesses(sandbox.state / ACCESS_LOG)


def test_nobody_is_denied_anything(accesses: set[Access]) -> None:
    assert access.denied(accesses) == []


def test_every_right_is_used_or_is_said_to_be_needed(sandbox: Sandbox, accesses: set[Access]) -> None:
    client = sandbox.find().client
    stacks = [f"ahi-sandbox-{name}" for name in people_at_work.STACKS]
    rights = access.rights_of_stacks(client("cloudformation"), client("iam"), stacks)
    assert access.unused(rights, accesses) == []
