"""Updates, copies and deletions that the process does not outlive: the next one finishes each."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_grouping import instance
from test_import_run import SCOPE, Killed, World

from emulator.datastores import Datastores
from emulator.errors import ConflictException, ServiceQuotaExceededException
from emulator.events import Outbox
from emulator.image_sets.copies import FRAMES, Copies
from emulator.image_sets.deletions import Deletions
from emulator.image_sets.grouping_attributes import conflict_key
from emulator.image_sets.metadata import LARGEST_DOCUMENT, instance_json
from emulator.image_sets.operations import CONCURRENT, Operations
from emulator.image_sets.reading import ImageSets
from emulator.image_sets.updates import Updates
from emulator.imports import placing
from emulator.imports.outcomes import Imported, StoredFrame
from emulator.storage import Storage

LEVELS = {
    "Patient": {"DICOM": {"PatientID": "P"}},
    "Study": {"DICOM": {"StudyInstanceUID": "0", "StudyDescription": "before"}},
    "Series": {"DICOM": {"SeriesInstanceUID": "1"}},
}


class MortalStorage(Storage):
    """Dies at the end of the transaction of that number, before it is committed."""

    last = -1

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with super().writing() as connection:
            yield connection
            self.last -= 1
            if self.last == 0:
                raise Killed


class Process:
    """The service over what is on disk. Nothing is finished unless it is told to."""

    def __init__(self, folder: Path, world: World) -> None:
        self.storage = MortalStorage(folder)
        outbox = Outbox(self.storage, world.publish)
        self.datastores = Datastores(self.storage, outbox, world)
        self.image_sets = ImageSets(self.storage, self.datastores)
        self.running = Operations(self.storage, outbox, lambda _finish: None)
        shared = (self.storage, self.datastores, self.image_sets, self.running)
        self.updates, self.deletions = Updates(*shared), Deletions(*shared)
        self.copies = Copies(*shared, world)
        self.outbox = outbox

    def new_store(self) -> str:
        datastore_id: str = self.datastores.begin(SCOPE, {"clientToken": "t"})["id"]
        self.datastores.finish_creating(datastore_id)
        return datastore_id

    def imported(self, store: str, job: str = "job", series: str = "1", patient: str = "P") -> str:
        """An image set of two instances with a frame each, made by a job."""
        datastore = self.datastores.find(SCOPE, store)
        with placing.planned(
            self.storage, datastore, job, [self._file(f"{job}.{n}", series, patient) for n in "12"]
        ) as placements:
            written, _ = placing.write_documents(self.storage, datastore, placements)
            with self.storage.writing() as connection:
                for each in written:
                    placing.store(connection, datastore, each)
        return placements[0].id

    def _file(self, uid: str, series: str, patient: str) -> Imported:
        name, frame_id = f"file-{uid}", (uid * 32)[:32]
        (self.storage.frames / name).write_bytes(b"frame")
        levels = {**LEVELS, "Patient": {"DICOM": {"PatientID": patient}}}
        levels["Series"] = {"DICOM": {"SeriesInstanceUID": series}}
        given = vars(instance(uid, series, conflict_key=conflict_key(levels)))
        return Imported(
            **{
                **given,
                "levels": levels,
                "metadata": instance_json({"DICOM": {"SOPInstanceUID": uid}}, "1.2", [{"ID": frame_id}]),
                "file": name,
                "frames": [StoredFrame(id=frame_id, start=0, size=5)],
            }
        )

    def resume(self) -> None:
        self.running.resume()
        self.deletions.resume()
        self.outbox.flush()

    def get(self, store: str, image_set_id: str) -> dict[str, Any]:
        return self.image_sets.get(SCOPE, {"datastoreId": store, "imageSetId": image_set_id})

    def files(self) -> set[str]:
        found = [*self.storage.frames.rglob("*"), *self.storage.metadata.rglob("*")]
        return {file.name for file in found if file.is_file()}


def update(process: Process, store: str, image_set_id: str, **more: Any) -> dict[str, Any]:
    tree = {"Study": {"DICOM": {"StudyDescription": "after"}}}
    asked = {"DICOMUpdates": {"updatableAttributes": json.dumps(tree).encode()}}
    given = {"latestVersionId": "1", "updateImageSetMetadataUpdates": asked, **more}
    return process.updates.update(SCOPE, {"datastoreId": store, "imageSetId": image_set_id, **given})


def copy(process: Process, store: str, image_set_id: str) -> dict[str, Any]:
    information = {"sourceImageSet": {"latestVersionId": "1"}}
    return process.copies.copy(
        SCOPE,
        {"datastoreId": store, "sourceImageSetId": image_set_id, "copyImageSetInformation": information},
    )


def delete(process: Process, store: str, image_set_id: str) -> dict[str, Any]:
    return process.deletions.delete(SCOPE, {"datastoreId": store, "imageSetId": image_set_id})


def _all_states(process: Process) -> list[tuple[str, str]]:
    rows = process.storage.rows("SELECT state, workflow_status FROM image_sets")
    return sorted((row["state"], row["workflow_status"]) for row in rows)


BEFORE = [("ACTIVE", "CREATED")]
AFTER: dict[Callable[..., Any], list[tuple[str, str]]] = {
    update: [("ACTIVE", "UPDATED")],
    copy: [("ACTIVE", "COPIED"), ("ACTIVE", "CREATED")],
    delete: [],
}


@pytest.mark.parametrize("transaction", range(1, 8))
@pytest.mark.parametrize("operate", AFTER)
def test_an_operation_cut_off_at_any_transaction_is_whole_for_the_next_process(
    tmp_path: Path, operate: Callable[..., Any], transaction: int
) -> None:
    world = World()
    process = Process(tmp_path, world)
    store = process.new_store()
    image_set_id = process.imported(store)
    process.outbox.flush()
    process.storage.last = transaction
    begun = False
    try:
        operate(process, store, image_set_id)
        begun = True
        process.running.finish(image_set_id)
        for row in process.storage.rows("SELECT image_set_id FROM operations"):
            process.running.finish(row["image_set_id"])
    except Killed:
        pass
    process = Process(tmp_path, world)
    process.resume()

    found = _all_states(process)
    assert found == AFTER[operate] if begun else found in (BEFORE, AFTER[operate])
    assert process.storage.rows("SELECT 1 FROM operations") == []
    assert process.storage.rows("SELECT 1 FROM garbage") == []
    if operate is delete and found == []:
        assert process.files() == set()


@pytest.mark.parametrize(
    ("operate", "deadly"),
    [
        (update, "publish Image Set Updating"),
        (copy, "publish Image Set Copying"),
        (delete, "publish Image Set Deleting"),
    ],
)
def test_a_request_that_died_before_its_answer_is_finished_all_the_same(
    tmp_path: Path, operate: Callable[..., Any], deadly: str
) -> None:
    world = World()
    process = Process(tmp_path, world)
    store = process.new_store()
    image_set_id = process.imported(store)
    world.deadly = deadly
    with pytest.raises(Killed):
        operate(process, store, image_set_id)
    world.deadly = ""
    process = Process(tmp_path, world)
    process.resume()

    assert _all_states(process) == AFTER[operate]


def test_while_it_is_updated_an_image_set_is_locked_and_shows_what_it_was(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    named = {"datastoreId": store, "imageSetId": image_set_id}
    before = process.image_sets.metadata(SCOPE, named)
    answer = update(process, store, image_set_id)

    assert (answer["imageSetState"], answer["imageSetWorkflowStatus"]) == ("LOCKED", "UPDATING")
    assert answer["latestVersionId"] == "2"
    assert process.image_sets.metadata(SCOPE, named) == before
    for operate in (update, copy, delete):
        with pytest.raises(ConflictException, match="is LOCKED and UPDATING"):
            operate(process, store, image_set_id)


def test_one_request_copies_at_most_a_thousand_frames(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    frames = [{"ID": f"{number:032}"} for number in range(FRAMES)]
    with process.storage.writing() as connection:
        metadata = instance_json({"DICOM": {}}, "1.2", frames)
        connection.execute("UPDATE instances SET metadata = ? WHERE sop_instance_uid = 'job.1'", (metadata,))

    with pytest.raises(ServiceQuotaExceededException, match="1001 image frames"):
        copy(process, store, image_set_id)


def test_metadata_beyond_fifty_megabytes_fails_the_update(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    metadata = instance_json({"DICOM": {"TextValue": "a" * LARGEST_DOCUMENT}}, "1.2", [])
    with process.storage.writing() as connection:
        connection.execute("UPDATE instances SET metadata = ? WHERE sop_instance_uid = 'job.1'", (metadata,))
    update(process, store, image_set_id)
    process.running.finish(image_set_id)

    found = process.get(store, image_set_id)
    assert (found["imageSetState"], found["imageSetWorkflowStatus"]) == ("ACTIVE", "UPDATE_FAILED")
    assert "at most 52428800 are allowed" in found["message"]


@pytest.mark.parametrize("operate", AFTER)
def test_a_hundred_operations_of_a_kind_are_under_way_at_most(
    tmp_path: Path, operate: Callable[..., Any]
) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    kinds = {update: "UpdateImageSetMetadata", copy: "CopyImageSet", delete: "DeleteImageSet"}
    with process.storage.writing() as connection:
        connection.executemany(
            "INSERT INTO operations VALUES (?, ?, ?, '{}')",
            [(f"other {number}", store, kinds[operate]) for number in range(CONCURRENT)],
        )

    with pytest.raises(ServiceQuotaExceededException, match="at most 100"):
        operate(process, store, image_set_id)
    assert process.get(store, image_set_id)["imageSetState"] == "ACTIVE"


def test_while_it_is_first_copied_an_image_set_has_no_metadata(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    copied = copy(process, store, process.imported(store))["destinationImageSetProperties"]["imageSetId"]

    assert process.get(store, copied)["imageSetState"] == "LOCKED"
    with pytest.raises(ConflictException, match="is being copied"):
        process.image_sets.metadata(SCOPE, {"datastoreId": store, "imageSetId": copied})


def test_an_import_waits_for_an_image_set_that_is_locked(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    update(process, store, image_set_id)
    threading.Timer(0.2, process.running.finish, (image_set_id,)).start()
    process.imported(store, job="second")

    assert process.get(store, image_set_id)["versionId"] == "3"


def test_frames_go_with_the_last_image_set_that_has_them(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    source = process.imported(store)
    copied = copy(process, store, source)["destinationImageSetProperties"]["imageSetId"]
    process.running.finish(copied)
    delete(process, store, source)
    process.running.finish(source)

    assert {"file-job.1", "file-job.2"} <= process.files()
    delete(process, store, copied)
    process.running.finish(copied)
    assert process.files() == set()


def test_a_study_is_updated_as_one(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    first, second = process.imported(store, "a", "1"), process.imported(store, "b", "2")
    other = process.imported(store, "c", "1", patient="Q")
    update(process, store, first, includeStudyImageSets=True)

    assert process.get(store, second)["imageSetWorkflowStatus"] == "UPDATING_FOR_STUDY_CONSISTENCY"
    process.running.finish(first)
    versions = {each: process.get(store, each)["versionId"] for each in (first, second, other)}
    assert versions == {first: "2", second: "2", other: "1"}


def test_a_study_of_which_a_part_is_locked_is_not_updated(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    first, second = process.imported(store, "a", "1"), process.imported(store, "b", "2")
    update(process, store, second)

    with pytest.raises(ConflictException):
        update(process, store, first, includeStudyImageSets=True)
    assert process.get(store, first)["imageSetState"] == "ACTIVE"


@pytest.mark.parametrize(
    ("operate", "status"), [(update, "UPDATE_FAILED"), (copy, "COPY_FAILED")], ids=["update", "copy"]
)
def test_a_fault_of_ours_locks_no_image_set_for_ever(
    tmp_path: Path, operate: Callable[..., Any], status: str, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    image_set_id = process.imported(store)
    operate(process, store, image_set_id)
    with process.storage.writing() as connection:
        connection.execute("UPDATE instances SET metadata = ? WHERE sop_instance_uid = 'job.1'", (b"Doe",))
    for row in process.storage.rows("SELECT image_set_id FROM operations"):
        process.running.finish(row["image_set_id"])

    assert ("ACTIVE", status) in _all_states(process)
    assert all(state == "ACTIVE" for state, _ in _all_states(process))
    assert process.storage.rows("SELECT 1 FROM operations") == []
    (failed,) = process.storage.rows("SELECT message FROM image_set_versions WHERE message IS NOT NULL")
    assert failed["message"] == "INTERNAL_ERROR: error."
    assert "failed: error" in caplog.text


def test_nobody_waits_for_a_locked_image_set_when_the_service_stops(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    update(process, store, process.imported(store))
    threading.Timer(0.2, process.storage.stopping.set).start()

    with pytest.raises(RuntimeError, match="the service is stopping"):
        process.imported(store, job="second")
