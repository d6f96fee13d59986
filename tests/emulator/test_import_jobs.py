"""Import jobs, from the objects in S3 to what the manifests and the image sets say."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file, pixels
from local_aws import EVERYTHING, LocalAws, Store, only_series, wait_for

pytestmark = pytest.mark.also_on_aws


def test_a_job_says_which_file_became_which_image_set(store: Store) -> None:
    job = store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1"), "2.dcm": ct_file(SOPInstanceUID="1.2")})

    (image_set,) = store.search()
    response = {"imageSetId": image_set["imageSetId"], "imageSetVersion": 1, "isPrimary": True}
    assert job["jobStatus"] == "COMPLETED"
    assert store.lines(job, "SUCCESS/success.ndjson") == [
        {"inputFile": "in/1.dcm", "importResponse": response},
        {"inputFile": "in/2.dcm", "importResponse": response},
    ]


def test_the_manifest_counts_files_and_image_sets(store: Store) -> None:
    job = store.import_files({"1.dcm": ct_file(), "2.dcm": ct_file(), "notes.txt": b"not DICOM"})

    summary = store.summary(job)
    (image_set,) = store.search()
    assert summary["numberOfScannedFiles"] == 3
    assert summary["numberOfImportedFiles"] == 2
    assert summary["numberOfFilesWithCustomerError"] == 1
    assert summary["numberOfFilesWithServerError"] == 0
    assert summary["numberOfGeneratedImageSets"] == 1
    assert summary["imageSetsSummary"] == [
        {
            "imageSetId": image_set["imageSetId"],
            "imageSetVersion": 1,
            "isPrimary": True,
            "numberOfMatchedSOPInstances": 2,
        }
    ]
    assert summary["outputS3Uri"] == job["outputS3Uri"]
    assert summary["warningsOutputS3Uri"] == job["outputS3Uri"] + "WARNING/"


def test_the_output_lies_under_a_prefix_named_after_the_store_and_the_job(store: Store) -> None:
    job = store.import_files({"1.dcm": ct_file()})

    assert job["outputS3Uri"] == f"s3://{store.bucket}/out/{store.id}-DicomImport-{job['jobId']}/"


def test_a_file_that_is_not_dicom_is_a_line_in_failure(store: Store) -> None:
    job = store.import_files({"1.dcm": ct_file(), "notes.txt": b"not DICOM"})

    exception = {"exceptionType": "ValidationException", "message": "DICOM attributes does not exist"}
    assert job["jobStatus"] == "COMPLETED"
    assert store.lines(job, "FAILURE/failure.ndjson") == [
        {"inputFile": "in/notes.txt", "exception": exception}
    ]


def test_a_job_of_good_files_writes_neither_failures_nor_warnings(store: Store) -> None:
    job = store.import_files({"1.dcm": ct_file()})

    for path in ("FAILURE/failure.ndjson", "WARNING/warning.ndjson"):
        with pytest.raises(ClientError, match="NoSuchKey"):
            store.output(job, path)


def test_frames_decode_to_the_pixels_of_the_file(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(InstanceNumber=7)})

    (image_set,) = store.search()
    (instance,) = only_series(store.metadata(image_set["imageSetId"]))["Instances"].values()
    frame = store.frame(image_set["imageSetId"], instance["ImageFrames"][0]["ID"])
    assert np.array_equal(imagecodecs.jpeg2k_decode(frame), pixels(7))
    assert instance["StoredTransferSyntaxUID"] == "1.2.840.10008.1.2.4.202"


def test_a_jpeg_2000_store_keeps_jpeg_2000_frames(aws: LocalAws) -> None:
    store = Store(aws, losslessStorageFormat="JPEG_2000_LOSSLESS")
    store.import_files({"1.dcm": ct_file()})

    (image_set,) = store.search()
    (instance,) = only_series(store.metadata(image_set["imageSetId"]))["Instances"].values()
    assert instance["StoredTransferSyntaxUID"] == "1.2.840.10008.1.2.4.90"


def test_metadata_is_normalised_by_level(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1"), "2.dcm": ct_file(SOPInstanceUID="1.2")})

    (image_set,) = store.search()
    document = store.metadata(image_set["imageSetId"])
    series = only_series(document)
    assert list(document) == ["SchemaVersion", "DatastoreID", "ImageSetID", "Patient", "Study"]
    assert document["SchemaVersion"] == "1.1"
    assert document["DatastoreID"] == store.id
    assert document["ImageSetID"] == image_set["imageSetId"]
    assert document["Patient"]["DICOM"]["PatientID"] == "P1"
    assert document["Study"]["DICOM"]["StudyInstanceUID"] == "1.2.3"
    assert series["DICOM"]["Modality"] == "CT"
    assert list(series["Instances"]) == ["1.1", "1.2"]
    assert series["Instances"]["1.1"]["DICOM"]["Rows"] == 16


def test_two_series_become_two_primary_image_sets(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(), "2.dcm": ct_file(SeriesInstanceUID="1.2.3.5")})

    assert [each["isPrimary"] for each in store.search()] == [True, True]


def test_a_later_job_merges_its_instances_into_the_primary_set(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1")}, "a/")
    store.import_files({"2.dcm": ct_file(SOPInstanceUID="1.2")}, "b/")

    (image_set,) = store.search()
    assert image_set["version"] == 2
    assert list(only_series(store.metadata(image_set["imageSetId"]))["Instances"]) == ["1.1", "1.2"]


def test_importing_an_instance_again_overwrites_it_in_a_new_version(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1", InstanceNumber=1)}, "a/")
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1", InstanceNumber=2)}, "b/")

    (image_set,) = store.search()
    numbers = [
        only_series(store.metadata(image_set["imageSetId"], versionId=version))["Instances"]["1.1"]["DICOM"][
            "InstanceNumber"
        ].strip()
        for version in ("1", "2")
    ]
    assert numbers == ["1", "2"]


def test_frames_of_an_older_version_can_still_be_read(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1", InstanceNumber=1)}, "a/")
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1", InstanceNumber=2)}, "b/")

    (image_set,) = store.search()
    before = only_series(store.metadata(image_set["imageSetId"], versionId="1"))["Instances"]["1.1"]
    frame = store.frame(image_set["imageSetId"], before["ImageFrames"][0]["ID"])
    assert np.array_equal(imagecodecs.jpeg2k_decode(frame), pixels(1))


def test_an_instance_that_conflicts_with_its_series_makes_a_set_that_is_not_primary(store: Store) -> None:
    store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.1")}, "a/")
    job = store.import_files({"2.dcm": ct_file(SOPInstanceUID="1.2", PatientID="P2")}, "b/")

    sets = {each["isPrimary"]: each for each in store.search()}
    assert sets[True]["version"] == 1
    assert sets[False]["DICOMTags"]["DICOMPatientId"] == "P2"
    assert store.summary(job)["imageSetsSummary"][0]["isPrimary"] is False


def test_a_prefix_without_a_slash_is_a_folder(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file(), "in2/2.dcm": ct_file(), "in.dcm": ct_file()})
    job = store.run(inputS3Uri=f"s3://{store.bucket}/in")

    assert job["inputS3Uri"] == f"s3://{store.bucket}/in/"
    assert store.summary(job)["numberOfScannedFiles"] == 1


def test_nested_folders_are_scanned(store: Store) -> None:
    job = store.import_files({"a/b/1.dcm": ct_file(), "2.dcm": ct_file()})

    assert store.summary(job)["numberOfImportedFiles"] == 2


def test_a_prefix_without_objects_fails_the_job(store: Store) -> None:
    job = store.run(inputS3Uri=f"s3://{store.bucket}/nothing/")

    assert (job["jobStatus"], job["message"]) == ("FAILED", "there is no object under inputS3Uri")


def test_a_role_that_may_not_list_fails_the_job(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file()})
    role = store.new_role([{**EVERYTHING, "Action": ["s3:GetObject", "s3:PutObject"]}])
    job = store.run(dataAccessRoleArn=role)

    assert job["jobStatus"] == "FAILED"
    assert job["message"] == "the input cannot be listed with the role: AccessDenied"


def test_a_role_that_may_not_read_fails_the_job(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file()})
    role = store.new_role([{**EVERYTHING, "Action": ["s3:ListBucket", "s3:PutObject"]}])
    job = store.run(dataAccessRoleArn=role)

    assert job["jobStatus"] == "FAILED"
    assert job["message"] == "the role is denied s3:GetObject on the input (AccessDenied)"


def test_a_role_that_may_not_write_fails_the_job_and_nothing_is_imported(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file()})
    role = store.new_role([{**EVERYTHING, "Action": ["s3:ListBucket", "s3:GetObject"]}])
    job = store.run(dataAccessRoleArn=role)

    assert job["message"] == "the output cannot be written with the role: AccessDenied"
    assert store.search() == []


@pytest.mark.parametrize("role", ["of another store", "that does not exist"])
def test_a_role_that_healthimaging_may_not_assume_fails_the_job(store: Store, role: str) -> None:
    store.upload({"in/1.dcm": ct_file()})
    other = f"{store.arn[:-32]}{'0' * 32}"
    none = f"arn:aws:iam::{store.account}:role/none"
    arn = store.new_role([EVERYTHING], other) if "store" in role else none
    job = store.run(dataAccessRoleArn=arn)

    assert job["jobStatus"] == "FAILED"
    assert job["message"].startswith("HealthImaging cannot assume the role")


def test_a_bucket_of_another_owner_than_told_fails_the_job(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file()})

    assert store.run(inputOwnerAccountId=store.account)["jobStatus"] == "COMPLETED"
    assert store.run(inputOwnerAccountId="111111111111")["jobStatus"] == "FAILED"


def test_a_role_of_another_account_is_not_passed(store: Store) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*Cross-account pass role is not allowed"):
        store.start(dataAccessRoleArn="arn:aws:iam::111111111111:role/theirs")


def test_a_job_that_may_not_write_its_output_leaves_no_file_behind(aws: LocalAws, store: Store) -> None:
    def files() -> set[Path]:
        folders = (aws.state / "healthimaging" / name for name in ("frames", "metadata"))
        return {each for folder in folders for each in folder.rglob("*") if each.is_file()}

    store.import_files({"1.dcm": ct_file()}, "in/")
    before, document = files(), store.metadata(store.search()[0]["imageSetId"])
    store.upload({"in/2.dcm": ct_file(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1")})
    reads = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}
    job = store.run(dataAccessRoleArn=store.new_role([reads]))

    assert (job["jobStatus"], "output cannot be written" in job["message"]) == ("FAILED", True)
    assert files() == before
    assert store.metadata(store.search()[0]["imageSetId"]) == document


def test_the_same_client_token_answers_the_same_job(store: Store) -> None:
    store.upload({"in/1.dcm": ct_file()})
    first, second = (store.start(clientToken="once") for _ in range(2))
    wait_for(lambda: store.job(first)["jobStatus"] == "COMPLETED")

    assert first == second
    assert [each["version"] for each in store.search()] == [1]


def test_a_request_that_is_sent_many_times_at_once_starts_one_job(store: Store) -> None:
    with ThreadPoolExecutor(8) as clients:
        started = set(clients.map(lambda _: store.start(clientToken="once"), range(8)))

    assert len(started) == 1


def test_a_client_token_with_other_parameters_is_a_conflict(store: Store) -> None:
    store.start(clientToken="once")

    with pytest.raises(ClientError, match="ConflictException"):
        store.start(clientToken="once", jobName="other")


def test_a_job_bears_its_name(store: Store) -> None:
    assert store.job(store.start(jobName="nightly"))["jobName"] == "nightly"


def test_a_job_that_is_not_named_bears_its_id(store: Store) -> None:
    job_id = store.start()

    assert store.job(job_id)["jobName"] == job_id


def test_jobs_are_listed_newest_first_and_by_page(store: Store) -> None:
    started = [store.run(inputS3Uri=f"s3://{store.bucket}/{name}/")["jobId"] for name in "abc"]
    first = store.imaging.list_dicom_import_jobs(datastoreId=store.id, maxResults=2)
    second = store.imaging.list_dicom_import_jobs(
        datastoreId=store.id, maxResults=2, nextToken=first["nextToken"]
    )

    listed = [job["jobId"] for page in (first, second) for job in page["jobSummaries"]]
    assert listed == started[::-1]
    assert "nextToken" not in second


def test_jobs_are_listed_by_status(store: Store) -> None:
    failed = store.run(inputS3Uri=f"s3://{store.bucket}/nothing/")
    store.import_files({"1.dcm": ct_file()})

    def listed(status: str) -> list[dict[str, Any]]:
        answer = store.imaging.list_dicom_import_jobs(datastoreId=store.id, jobStatus=status)
        found: list[dict[str, Any]] = answer["jobSummaries"]
        return found

    assert [job["jobId"] for job in listed("FAILED")] == [failed["jobId"]]
    assert len(listed("COMPLETED")) == 1


def test_a_job_of_another_store_does_not_exist(aws: LocalAws, store: Store) -> None:
    job_id = Store(aws).start()

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.job(job_id)


def test_a_job_needs_a_store_that_exists(store: Store) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.start(datastoreId=uuid.uuid4().hex)
