"""UpdateImageSetMetadata over HTTP."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import Store, only_series, wait_for

pytestmark = pytest.mark.also_on_aws

STUDY = "1.2.3"
SERIES = "1.2.3.4"

Tree = dict[str, Any]


def imported(store: Store, *uids: str, folder: str = "in/", **elements: Any) -> str:
    """The one image set that importing these instances makes or extends."""
    files = {f"{uid}.dcm": ct_file(SOPInstanceUID=uid, **elements) for uid in uids or ("1.2.3.4.1",)}
    job = store.import_files(files, folder)
    (summary,) = store.summary(job)["imageSetsSummary"]
    found: str = summary["imageSetId"]
    return found


def not_primary(store: Store) -> str:
    """An image set that conflicts with the primary one of its series, and may be forced."""
    imported(store, "1.2.3.4.8", folder="first/")
    return imported(store, folder="second/", AccessionNumber="A2")


def begin(store: Store, image_set_id: str, updates: Tree, version: str = "1", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = store.imaging.update_image_set_metadata(
        datastoreId=store.id,
        imageSetId=image_set_id,
        latestVersionId=version,
        updateImageSetMetadataUpdates=updates,
        **more,
    )
    return answer


def dicom(**trees: Tree) -> Tree:
    return {
        "DICOMUpdates": {
            name: json.dumps({"SchemaVersion": 1.1, **each}).encode() for name, each in trees.items()
        }
    }


def settled(store: Store, image_set_id: str) -> dict[str, Any]:
    def unlocked() -> dict[str, Any] | None:
        found: dict[str, Any] = store.imaging.get_image_set(datastoreId=store.id, imageSetId=image_set_id)
        return None if found["imageSetState"] == "LOCKED" else found

    return wait_for(unlocked)


def update(store: Store, image_set_id: str, updates: Tree, version: str = "1", **more: Any) -> dict[str, Any]:
    begin(store, image_set_id, updates, version, **more)
    return settled(store, image_set_id)


def describe(text: str) -> Tree:
    return dicom(updatableAttributes={"Study": {"DICOM": {"StudyDescription": text}}})


def test_an_update_locks_the_image_set_at_its_next_version(store: Store) -> None:
    image_set_id = imported(store)
    answer = begin(store, image_set_id, describe("after"))

    assert (answer["imageSetState"], answer["imageSetWorkflowStatus"]) == ("LOCKED", "UPDATING")
    assert answer["latestVersionId"] == "2"
    with pytest.raises(ClientError, match="ConflictException"):
        begin(store, image_set_id, describe("again"), version="2")


def test_an_attribute_is_updated_and_the_version_before_keeps_its_own(store: Store) -> None:
    image_set_id = imported(store, StudyDescription="before")
    found = update(store, image_set_id, describe("after"))
    texts = [
        store.metadata(image_set_id, versionId=version)["Study"]["DICOM"]["StudyDescription"]
        for version in "12"
    ]

    assert (found["imageSetState"], found["imageSetWorkflowStatus"]) == ("ACTIVE", "UPDATED")
    assert (found["versionId"], texts) == ("2", ["before", "after"])


def test_an_updated_image_set_is_found_by_what_it_is_now(store: Store) -> None:
    image_set_id = imported(store)
    tree = {"Study": {"DICOM": {"AccessionNumber": "A9", "StudyDate": "20300101"}}}
    update(store, image_set_id, dicom(updatableAttributes=tree))

    (found,) = store.search({"operator": "EQUAL", "values": [{"DICOMAccessionNumber": "A9"}]})
    assert found["imageSetId"] == image_set_id
    assert found["DICOMTags"]["DICOMStudyDate"] == "20300101"
    assert store.search({"operator": "EQUAL", "values": [{"DICOMAccessionNumber": "A1"}]}) == []


def test_an_import_merges_into_what_was_updated(store: Store) -> None:
    image_set_id = imported(store)
    update(store, image_set_id, describe("after"))

    assert imported(store, "1.2.3.4.2", folder="more/") == image_set_id
    assert settled(store, image_set_id)["versionId"] == "3"


def test_an_attribute_is_removed(store: Store) -> None:
    image_set_id = imported(store, StudyDescription="CHEST")
    tree = {"Study": {"DICOM": {"StudyDescription": "CHEST"}}}
    update(store, image_set_id, dicom(removableAttributes=tree))

    assert "StudyDescription" not in store.metadata(image_set_id)["Study"]["DICOM"]


def test_an_instance_is_removed_and_its_frames_stay_for_the_version_before(store: Store) -> None:
    image_set_id = imported(store, "1.2.3.4.1", "1.2.3.4.2")
    tree = {"Study": {"Series": {SERIES: {"Instances": {"1.2.3.4.1": {}}}}}}
    update(store, image_set_id, dicom(removableAttributes=tree))
    before = only_series(store.metadata(image_set_id, versionId="1"))["Instances"]
    (frame,) = before["1.2.3.4.1"]["ImageFrames"]

    assert list(only_series(store.metadata(image_set_id))["Instances"]) == ["1.2.3.4.2"]
    assert len(store.frame(image_set_id, frame["ID"])) == frame["FrameSizeInBytes"]


def test_a_series_is_removed(store: Store) -> None:
    image_set_id = imported(store)
    update(store, image_set_id, dicom(removableAttributes={"Study": {"Series": {SERIES: {}}}}))

    assert store.metadata(image_set_id)["Study"]["Series"] == {}
    assert imported(store, folder="again/") == image_set_id


def test_an_older_version_is_brought_back(store: Store) -> None:
    image_set_id = imported(store, StudyDescription="before")
    update(store, image_set_id, describe("after"))
    found = update(store, image_set_id, {"revertToVersionId": "1"}, version="2")
    documents = [store.metadata(image_set_id, versionId=version) for version in "123"]

    assert (found["versionId"], found["imageSetWorkflowStatus"]) == ("3", "UPDATED")
    assert documents[0] == documents[2] != documents[1]


def test_a_removed_series_is_brought_back(store: Store) -> None:
    image_set_id = imported(store)
    before = store.metadata(image_set_id)
    update(store, image_set_id, dicom(removableAttributes={"Study": {"Series": {SERIES: {}}}}))
    update(store, image_set_id, {"revertToVersionId": "1"}, version="2")
    update(store, image_set_id, {"revertToVersionId": "2"}, version="3")
    update(store, image_set_id, {"revertToVersionId": "3"}, version="4")

    assert store.metadata(image_set_id) == before


@pytest.mark.parametrize(
    ("version", "error"), [("1", "ValidationException"), ("7", "ResourceNotFoundException")]
)
def test_only_an_earlier_version_is_brought_back(store: Store, version: str, error: str) -> None:
    with pytest.raises(ClientError, match=error):
        begin(store, imported(store), {"revertToVersionId": version})


def test_uids_are_changed_with_force(store: Store) -> None:
    image_set_id = not_primary(store)
    instance = {"DICOM": {"SOPInstanceUID": "1.2.3.9.1"}}
    series = {"DICOM": {"SeriesInstanceUID": "1.2.3.9"}, "Instances": {"1.2.3.4.1": instance}}
    tree = {"Study": {"DICOM": {"StudyInstanceUID": "1.2.9"}, "Series": {SERIES: series}}}
    found = update(store, image_set_id, dicom(updatableAttributes=tree), force=True)
    document = store.metadata(image_set_id)

    assert found["overrides"] == {"forced": True}
    assert document["Study"]["DICOM"]["StudyInstanceUID"] == "1.2.9"
    assert list(document["Study"]["Series"]["1.2.3.9"]["Instances"]) == ["1.2.3.9.1"]
    assert len(store.search({"operator": "EQUAL", "values": [{"DICOMSeriesInstanceUID": "1.2.3.9"}]})) == 1


def test_a_private_attribute_is_added_with_force(store: Store) -> None:
    image_set_id = imported(store)
    instance = {"DICOM": {"001910F9": "97"}, "DICOMVRs": {"001910F9": "DS"}}
    tree = {"Study": {"Series": {SERIES: {"Instances": {"1.2.3.4.1": instance}}}}}
    update(store, image_set_id, dicom(updatableAttributes=tree), force=True)
    (found,) = only_series(store.metadata(image_set_id))["Instances"].values()

    assert (found["DICOM"]["001910F9"], found["DICOMVRs"]["001910F9"]) == ("97", "DS")


def test_a_change_that_does_not_fit_fails_with_a_message_and_changes_nothing(store: Store) -> None:
    image_set_id = imported(store)
    before = store.metadata(image_set_id)
    tree = {"Study": {"DICOM": {"StudyDescription": "not there"}}}
    found = update(store, image_set_id, dicom(removableAttributes=tree))

    assert (found["imageSetState"], found["imageSetWorkflowStatus"]) == ("ACTIVE", "UPDATE_FAILED")
    assert found["message"].startswith("INVALID_REQUEST: attribute StudyDescription")
    assert (found["versionId"], store.metadata(image_set_id)) == ("2", before)
    assert update(store, image_set_id, describe("now"), version="2")["imageSetWorkflowStatus"] == "UPDATED"


def test_the_primary_sets_of_a_study_are_updated_together(store: Store) -> None:
    first = imported(store, folder="first/")
    second = imported(store, folder="second/", SeriesInstanceUID="1.2.3.5")
    tree = {"Patient": {"DICOM": {"PatientName": "MX^MX"}}}
    update(store, first, dicom(updatableAttributes=tree), includeStudyImageSets=True)

    for each in (first, second):
        assert settled(store, each)["versionId"] == "2"
        assert store.metadata(each)["Patient"]["DICOM"]["PatientName"] == "MX^MX"


def test_a_revert_is_none_of_the_whole_study(store: Store) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        begin(store, imported(store), {"revertToVersionId": "1"}, includeStudyImageSets=True)


def test_a_version_that_is_not_the_latest_is_a_conflict(store: Store) -> None:
    with pytest.raises(ClientError, match="ConflictException"):
        begin(store, imported(store), describe("after"), version="9")


@pytest.mark.parametrize(
    "updates",
    [
        dicom(updatableAttributes={"Study": {"DICOM": {"StudyInstanceUID": "1.2"}}}),
        {"DICOMUpdates": {"updatableAttributes": b"{"}},
        {"DICOMUpdates": {}},
        {"DICOMUpdates": {}, "revertToVersionId": "1"},
        {},
    ],
    ids=["constraint", "no JSON", "nothing", "both", "neither"],
)
def test_what_the_request_shows_to_be_wrong_is_refused_at_once(store: Store, updates: Tree) -> None:
    image_set_id = imported(store)
    with pytest.raises(ClientError, match="ValidationException"):
        begin(store, image_set_id, updates)
    assert settled(store, image_set_id)["versionId"] == "1"
