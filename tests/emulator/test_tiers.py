"""Storage tiers: what moves an image set between them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import test_operations as operated
from test_import_run import SCOPE, Process, World

from emulator.image_sets.reading import ImageSets

DAY = 24 * 3600
FRAME = "f" * 32


class Archive:
    """One image set of one instance with one frame, looked at some time after its import."""

    def __init__(self, folder: Path) -> None:
        world = World()
        self._process = Process(folder, world)
        self._store = self._process.new_store()
        world.objects = {"a/1": 1}
        self._process.runs.run(self._process.new_job(self._store, "a/"))
        (found,) = self._process.image_sets(self._store)
        self.id: str = found["imageSetId"]
        self.image_sets = ImageSets(self._process.storage, self._process.datastores)
        (self._process.storage.frames / "file").write_bytes(b"frame")
        with self._process.storage.writing() as connection:
            connection.execute("INSERT INTO frames VALUES (?, ?, 'file', 0, 5)", (self.id, FRAME))

    def let_pass(self, days: float) -> None:
        with self._process.storage.writing() as connection:
            connection.execute("UPDATE image_sets SET accessed_at = accessed_at - ?", (days * DAY,))

    def import_again(self) -> None:
        self._process.runs.run(self._process.new_job(self._store, ""))

    def call(self, operation: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        return operation(SCOPE, {"datastoreId": self._store, "imageSetId": self.id, **parameters})

    def found(self) -> dict[str, Any]:
        (found,) = self._process.image_sets(self._store)
        return found

    def tier(self) -> str:
        tier: str = self.call(self.image_sets.get)["storageTier"]
        assert self.found()["storageTier"] == tier
        return tier


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def test_after_import_access_is_frequent(archive: Archive) -> None:
    assert archive.tier() == "FREQUENT_ACCESS"


@pytest.mark.parametrize(("days", "tier"), [(29.9, "FREQUENT_ACCESS"), (30.1, "ARCHIVE_INSTANT_ACCESS")])
def test_thirty_days_without_a_touch_archive_it(archive: Archive, days: float, tier: str) -> None:
    archive.let_pass(days)

    assert archive.tier() == tier


def test_reading_metadata_brings_it_back(archive: Archive) -> None:
    archive.let_pass(31)
    archive.call(archive.image_sets.metadata)

    assert archive.tier() == "FREQUENT_ACCESS"
    assert archive.found()["lastAccessedAt"] == pytest.approx(time.time(), abs=5)


def test_reading_a_frame_brings_it_back(archive: Archive) -> None:
    archive.let_pass(31)
    archive.call(archive.image_sets.frame, imageFrameInformation={"imageFrameId": FRAME})

    assert archive.tier() == "FREQUENT_ACCESS"


def test_an_import_into_it_brings_it_back(archive: Archive) -> None:
    archive.let_pass(31)
    archive.import_again()

    assert archive.tier() == "FREQUENT_ACCESS"


def test_an_update_brings_it_back_and_a_copy_is_new(tmp_path: Path) -> None:
    process = operated.Process(tmp_path, World())
    store = process.new_store()
    source = process.imported(store)
    with process.storage.writing() as connection:
        connection.execute("UPDATE image_sets SET accessed_at = accessed_at - ?", (31 * DAY,))

    copied = operated.copy(process, store, source)["destinationImageSetProperties"]["imageSetId"]
    process.running.finish(copied)
    assert process.get(store, copied)["storageTier"] == "FREQUENT_ACCESS"

    operated.update(process, store, source)
    process.running.finish(source)
    assert process.get(store, source)["storageTier"] == "FREQUENT_ACCESS"


def test_looking_it_up_is_no_touch(archive: Archive) -> None:
    archive.let_pass(31)
    archive.call(archive.image_sets.get)
    archive.call(archive.image_sets.list_versions)
    archive.found()

    assert archive.tier() == "ARCHIVE_INSTANT_ACCESS"
