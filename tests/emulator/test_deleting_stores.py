"""A data store that is deleted while something is on its way into it takes nothing in any more."""

from collections.abc import Callable
from pathlib import Path

import pytest
from test_grouping import instance
from test_import_run import SCOPE, Process, World

from emulator.dicomweb.routes import Request
from emulator.dicomweb.stow import Stow
from emulator.dicomweb.uploads import Stored, Upload
from emulator.errors import ConflictException, ResourceNotFoundException
from emulator.events import Outbox
from emulator.image_sets.metadata import instance_json
from emulator.imports.frame_files import frame_file, frame_name
from emulator.imports.outcomes import Imported


class Meanwhile(World):
    """Something happens between the look at the data store and what is written into it."""

    happens: Callable[[], object] = staticmethod(lambda: None)

    def may_pass_role(self, _arn: str) -> bool:
        self.happens()
        return True

    def run(self, upload: Upload, /) -> Stored:
        """As a worker of STOW-RS."""
        file = Path(upload.frames) / frame_file(frame_name(upload.request_id, upload.key))
        file.parent.mkdir()
        file.write_bytes(b"frames")
        self.happens()
        found = {**vars(instance(upload.key)), "metadata": instance_json({"DICOM": {}}, "1.2", [])}
        return Stored("1.2.3", Imported(**found))


@pytest.fixture
def world() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
def process(tmp_path: Path, world: Meanwhile) -> Process:
    return Process(tmp_path, world)


def delete(process: Process, store: str) -> None:
    process.datastores.begin_deleting(process.datastores.find(SCOPE, store))


def stow(process: Process, world: Meanwhile, store: str) -> int:
    service = Stow(process.storage, process.datastores, Outbox(process.storage, world.publish), world)
    headers = {"content-type": "application/dicom"}
    return service.store(Request(SCOPE, "", {"datastore": store}, {}, headers, b"P10")).status


def files(process: Process) -> list[Path]:
    folders = (process.storage.frames, process.storage.metadata)
    return [each for folder in folders for each in folder.rglob("*") if each.is_file()]


def test_instances_are_not_stored_and_leave_nothing_behind(process: Process, world: Meanwhile) -> None:
    store = process.new_store()
    world.happens = lambda: delete(process, store)

    with pytest.raises(ResourceNotFoundException, match="is DELETING"):
        stow(process, world, store)
    assert process.storage.rows("SELECT 1 FROM image_sets") == []
    assert files(process) == []


def test_a_job_is_not_started(process: Process, world: Meanwhile) -> None:
    store = process.new_store()
    world.happens = lambda: delete(process, store)

    with pytest.raises(ResourceNotFoundException, match="is DELETING"):
        process.new_job(store, "a/")
    assert process.storage.rows("SELECT 1 FROM jobs") == []


def test_what_came_first_keeps_the_data_store(process: Process, world: Meanwhile) -> None:
    seen_empty = process.datastores.find(SCOPE, process.new_store())

    assert stow(process, world, seen_empty["id"]) == 200
    with pytest.raises(ConflictException, match="holds image sets"):
        process.datastores.begin_deleting(seen_empty)


def test_a_data_store_is_deleted_once_however_many_ask(process: Process) -> None:
    seen_active = process.datastores.find(SCOPE, process.new_store())
    delete(process, seen_active["id"])

    with pytest.raises(ConflictException, match="is DELETING"):
        process.datastores.begin_deleting(seen_active)
