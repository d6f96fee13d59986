"""CopyImageSet over HTTP."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import Store, only_series
from test_updates import SERIES, dicom, imported, not_primary, settled, update

pytestmark = pytest.mark.also_on_aws


def begin(
    store: Store,
    source: str,
    destination: str | None = None,
    *,
    instances: list[str] | None = None,
    version: str = "1",
    **more: Any,
) -> dict[str, Any]:
    information: dict[str, Any] = {"sourceImageSet": {"latestVersionId": version}}
    if instances:
        chosen = {"Series": {SERIES: {"Instances": {uid: {} for uid in instances}}}}
        text = json.dumps({"SchemaVersion": "1.1", "Study": chosen})
        information["sourceImageSet"]["DICOMCopies"] = {"copiableAttributes": text}
    if destination:
        information["destinationImageSet"] = {"imageSetId": destination, "latestVersionId": "1"}
    answer: dict[str, Any] = store.imaging.copy_image_set(
        datastoreId=store.id, sourceImageSetId=source, copyImageSetInformation=information, **more
    )
    return answer


def copy(store: Store, source: str, destination: str | None = None, **more: Any) -> dict[str, Any]:
    """The destination as it is once the copy has ended."""
    answer = begin(store, source, destination, **more)
    found = settled(store, answer["destinationImageSetProperties"]["imageSetId"])
    settled(store, source)
    return found


def uids(store: Store, image_set_id: str) -> list[str]:
    return list(only_series(store.metadata(image_set_id))["Instances"])


def test_a_copy_locks_both_image_sets(store: Store) -> None:
    answer = begin(store, imported(store))
    source, destination = answer["sourceImageSetProperties"], answer["destinationImageSetProperties"]

    assert (source["imageSetState"], source["imageSetWorkflowStatus"], source["latestVersionId"]) == (
        "LOCKED",
        "COPYING_WITH_READ_ONLY_ACCESS",
        "1",
    )
    assert (destination["imageSetState"], destination["imageSetWorkflowStatus"]) == ("LOCKED", "COPYING")
    assert destination["imageSetArn"] == f"{store.arn}/imageset/{destination['imageSetId']}"
    for locked in (source, destination):
        with pytest.raises(ClientError, match="ConflictException"):
            store.imaging.delete_image_set(datastoreId=store.id, imageSetId=locked["imageSetId"])


def test_without_a_destination_a_new_image_set_gets_everything(store: Store) -> None:
    source = imported(store, "1.2.3.4.1", "1.2.3.4.2")
    found = copy(store, source)
    (frame,) = only_series(store.metadata(source))["Instances"]["1.2.3.4.1"]["ImageFrames"]

    assert (found["imageSetWorkflowStatus"], found["versionId"], found["isPrimary"]) == ("COPIED", "1", False)
    assert store.metadata(found["imageSetId"])["Study"] == store.metadata(source)["Study"]
    assert store.metadata(found["imageSetId"])["ImageSetID"] == found["imageSetId"]
    assert store.frame(found["imageSetId"], frame["ID"]) == store.frame(source, frame["ID"])
    assert settled(store, source)["imageSetWorkflowStatus"] == "CREATED"


def test_a_subset_is_copied(store: Store) -> None:
    source = imported(store, "1.2.3.4.1", "1.2.3.4.2")
    found = copy(store, source, instances=["1.2.3.4.2"])

    assert uids(store, found["imageSetId"]) == ["1.2.3.4.2"]
    (frame,) = only_series(store.metadata(source))["Instances"]["1.2.3.4.1"]["ImageFrames"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        store.frame(found["imageSetId"], frame["ID"])


def test_a_copy_into_an_image_set_makes_its_next_version(store: Store) -> None:
    source = imported(store, "1.2.3.4.1", "1.2.3.4.2")
    destination = copy(store, source, instances=["1.2.3.4.1"])["imageSetId"]
    found = copy(store, source, destination, instances=["1.2.3.4.2"])

    assert (found["versionId"], found["imageSetWorkflowStatus"]) == ("2", "COPIED")
    assert uids(store, destination) == ["1.2.3.4.1", "1.2.3.4.2"]


def test_an_instance_cannot_be_twice_in_an_image_set(store: Store) -> None:
    source = imported(store)
    found = copy(store, source, copy(store, source)["imageSetId"], force=True)

    assert (found["imageSetState"], found["imageSetWorkflowStatus"]) == ("ACTIVE", "COPY_FAILED")
    assert "not unique" in found["message"]


def test_image_sets_that_differ_above_the_instance_are_merged_with_force_only(store: Store) -> None:
    destination = imported(store, "1.2.3.4.1", folder="first/")
    source = imported(store, "1.2.3.4.2", folder="second/", AccessionNumber="A2")
    failed = copy(store, source, destination)
    assert failed["imageSetWorkflowStatus"] == "COPY_FAILED"
    assert failed["message"] == (
        "INVALID_REQUEST: Study of SourceImageSet and DestinationImageSet don't match."
    )
    assert uids(store, destination) == ["1.2.3.4.1"]

    information = {
        "sourceImageSet": {"latestVersionId": "1"},
        "destinationImageSet": {"imageSetId": destination, "latestVersionId": "2"},
    }
    store.imaging.copy_image_set(
        datastoreId=store.id, sourceImageSetId=source, copyImageSetInformation=information, force=True
    )
    found = settled(store, destination)
    assert (found["versionId"], found["imageSetWorkflowStatus"]) == ("3", "COPIED")
    assert found["overrides"] == {"forced": True}
    assert uids(store, destination) == ["1.2.3.4.1", "1.2.3.4.2"]
    assert store.metadata(destination)["Study"]["DICOM"]["AccessionNumber"] == "A1"


def test_a_failed_copy_shows_among_the_versions(store: Store) -> None:
    source = imported(store)
    destination = copy(store, source)["imageSetId"]
    copy(store, source, destination)
    listed = store.imaging.list_image_set_versions(datastoreId=store.id, imageSetId=destination)

    statuses = [each["ImageSetWorkflowStatus"] for each in listed["imageSetPropertiesList"]]
    assert statuses == ["COPY_FAILED", "COPIED"]


def test_a_resolved_conflict_is_promoted_into_the_primary_set(store: Store) -> None:
    source = not_primary(store)
    (primary,) = store.search({"operator": "EQUAL", "values": [{"isPrimary": True}]})
    tree = {"Study": {"DICOM": {"AccessionNumber": "A1"}}}
    update(store, source, dicom(updatableAttributes=tree))
    found = copy(store, source, promoteToPrimary=True, version="2")

    assert (found["imageSetId"], found["isPrimary"]) == (primary["imageSetId"], True)
    assert uids(store, primary["imageSetId"]) == ["1.2.3.4.8", "1.2.3.4.1"]


def test_a_conflict_that_is_not_resolved_is_not_promoted(store: Store) -> None:
    found = copy(store, not_primary(store), promoteToPrimary=True)

    assert (found["isPrimary"], found["imageSetWorkflowStatus"]) == (True, "COPY_FAILED")


def test_a_series_without_a_primary_set_gets_one_by_promotion(store: Store) -> None:
    source = not_primary(store)
    tree = {"Study": {"Series": {SERIES: {"DICOM": {"SeriesInstanceUID": "1.2.3.9"}}}}}
    update(store, source, dicom(updatableAttributes=tree), force=True)
    found = copy(store, source, promoteToPrimary=True, version="2")

    assert (found["isPrimary"], found["versionId"]) == (True, "1")
    job = store.import_files(
        {"1": ct_file(SeriesInstanceUID="1.2.3.9", AccessionNumber="A2", SOPInstanceUID="1.9")}, "later/"
    )
    (summary,) = store.summary(job)["imageSetsSummary"]
    assert summary["imageSetId"] == found["imageSetId"]


def test_a_primary_set_is_not_promoted(store: Store) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        begin(store, imported(store), promoteToPrimary=True)


@pytest.mark.parametrize("version", ["2", "0"])
def test_a_source_version_that_is_not_the_latest_is_a_conflict(store: Store, version: str) -> None:
    with pytest.raises(ClientError, match="ConflictException"):
        begin(store, imported(store), version=version)


def test_an_instance_that_the_source_does_not_have_is_refused(store: Store) -> None:
    source = imported(store)
    with pytest.raises(ClientError, match="ValidationException"):
        begin(store, source, instances=["9.9"])
    assert settled(store, source)["imageSetState"] == "ACTIVE"
