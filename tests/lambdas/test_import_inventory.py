"""Point 15 for large buckets: the sweep reads S3's inventory, written here as S3 documents it."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import World
from lambdas.adapters.inventories import Inventories
from lambdas.adapters.storage import Storage
from lambdas.importing.files import Status, Version
from lambdas.importing.inventory import InventoryError, read_manifest
from lambdas.importing.sources import AfterImport, Sources
from lambdas.sweep import MILLISECONDS_TO_SPARE
from lambdas.walking import by_inventory

BUCKET, PREFIX = "inventory", "input/Sweep/"
SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"


def world_with_inventory() -> World:
    plain = World()
    return World(replace(plain.settings, inventory_uri=f"s3://{BUCKET}/{PREFIX}"))


def row(version: Version) -> list[str]:
    marker = version.is_delete_marker
    return [
        INPUT,
        quote_plus(version.key, safe="/"),
        version.version,
        str(version.is_latest).lower(),
        str(marker).lower(),
        "" if marker else str(version.size),
        version.modified_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "" if marker else version.etag,
    ]


def write_inventory(
    world: World, at: datetime | None = None, files: int = 2, change: Callable[[Any], Any] = lambda one: one
) -> str:
    """An inventory of the bucket as it is now; the key of its manifest. S3 promises no order."""
    rows = [row(version) for version in Storage(world.s3).versions(INPUT, "")]
    folder = f"{PREFIX}{(at or world.clock).strftime('%Y-%m-%dT%H-%MZ')}/"
    keys = []
    for number in range(files):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows[number::files])
        keys.append(f"{PREFIX}data/{folder[-18:-1]}-{number}.csv.gz")
        world.s3.put(BUCKET, keys[-1], gzip.compress(text.getvalue().encode()))
    manifest = {
        "sourceBucket": INPUT,
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "version": "2016-11-30",
        "creationTimestamp": str(int(world.clock.timestamp() * 1000)),
        "fileFormat": "CSV",
        "fileSchema": SCHEMA,
        "files": [{"key": key, "size": 1, "MD5checksum": "0"} for key in keys],
    }
    world.s3.put(BUCKET, f"{folder}manifest.json", json.dumps(change(manifest)).encode())
    world.s3.put(BUCKET, f"{PREFIX}hive/dt=2026-11-20-12-00/symlink.txt", b"")
    return f"{folder}manifest.json"


def lose_events(world: World, *keys: str) -> None:
    for key in keys:
        world.upload(key, times=0)
    world.pass_time(120)


def test_point_15_files_whose_events_were_lost_are_found_in_the_inventory() -> None:
    world = world_with_inventory()
    world.upload("seen/1")
    lose_events(world, "lost/1", "lost/2", "a name+with 50% of ü/1")
    write_inventory(world)

    world.settle()

    assert len(world.fates()) == 4
    assert set(world.fates().values()) == {Status.IMPORTED}
    world.check()


def test_point_15_the_bucket_is_not_listed_for_the_sweep() -> None:
    world = world_with_inventory()
    lose_events(world, "lost/1")
    write_inventory(world)
    world.calls.clear()

    world.sweep()

    assert "ListObjectVersions" not in world.calls
    assert [message.queue for message in world.messages] == ["uploads"]


def test_point_15_an_inventory_is_read_once_and_the_next_one_after_it() -> None:
    world = world_with_inventory()
    lose_events(world, "lost/1")
    write_inventory(world)
    world.settle()
    world.calls.clear()
    world.sweep()
    assert "GetObject" not in world.calls

    lose_events(world, "later/1")
    write_inventory(world)
    world.settle()

    assert world.fates() == {"lost/1": Status.IMPORTED, "later/1": Status.IMPORTED}


def test_point_15_a_walk_goes_on_where_its_time_was_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.adapters.inventories.ROWS_AT_ONCE", 2)
    world = world_with_inventory()
    lose_events(world, *(f"a/{number}" for number in range(9)))
    write_inventory(world, files=3)
    walk = by_inventory(Inventories(Storage(world.s3), f"s3://{BUCKET}/{PREFIX}", world.table))
    seen: list[list[str]] = []

    while not seen or seen[-1]:
        found: list[str] = []
        walk(lambda versions, found=found: found.extend(one.key for one in versions), lambda: True)
        seen.append(found)

    assert [len(one) for one in seen] == [2, 1, 2, 1, 2, 1, 0]
    assert sorted(key for one in seen for key in one) == [f"a/{number}" for number in range(9)]


def test_point_15_an_inventory_begun_is_read_to_its_end_before_a_newer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lambdas.adapters.inventories.ROWS_AT_ONCE", 2)
    world = world_with_inventory()
    lose_events(world, "a/1", "a/2", "a/3")
    write_inventory(world, files=1)
    little_time = MILLISECONDS_TO_SPARE - 1
    world.sweeper.sweep(lambda: little_time)
    world.pass_time(86_400)
    write_inventory(world, files=1)

    world.sweeper.sweep(lambda: little_time)

    assert {message.body["detail"]["object"]["key"] for message in world.messages} == {"a/1", "a/2", "a/3"}
    world.settle()
    world.check()


def test_point_15_an_inventory_that_is_gone_gives_way_to_the_newest() -> None:
    world = world_with_inventory()
    lose_events(world, "a/1")
    write_inventory(world)
    world.settle()
    world.s3.buckets[BUCKET].clear()
    world.sweep()

    lose_events(world, "a/2")
    write_inventory(world)
    world.settle()

    assert world.fates() == {"a/1": Status.IMPORTED, "a/2": Status.IMPORTED}


def test_point_15_a_file_that_was_deleted_since_the_inventory_is_skipped() -> None:
    world = world_with_inventory()
    lose_events(world, "a/1", "a/2")
    write_inventory(world)
    del world.s3.buckets[INPUT]["a/1"]

    world.settle()

    rows = world.ledger.files(INPUT, "a/")
    assert {file.key: file.status for file in rows} == {"a/1": Status.SKIPPED, "a/2": Status.IMPORTED}


def test_point_15_without_an_inventory_yet_the_sweep_looks_after_jobs_alone() -> None:
    world = world_with_inventory()
    world.upload("a/1")

    world.settle(lose_events=True)

    assert world.fates() == {"a/1": Status.IMPORTED}


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"fileFormat": "Parquet"}, "CSV"), ({"fileSchema": "Bucket, Key"}, "VersionId")],
)
def test_an_inventory_of_another_kind_is_refused_in_words(changes: dict[str, str], told: str) -> None:
    manifest = {"fileFormat": "CSV", "fileSchema": SCHEMA, "files": []} | changes
    with pytest.raises(InventoryError, match=told):
        read_manifest(manifest)


def test_a_row_without_a_version_id_is_the_null_version() -> None:
    world = world_with_inventory()
    world.s3.put(INPUT, "old/1", b"x")
    world.s3.buckets[INPUT]["old/1"][0].version = ""
    write_inventory(world, files=1)
    inventories = Inventories(Storage(world.s3), f"s3://{BUCKET}/{PREFIX}", world.table)
    seen: list[Version] = []

    by_inventory(inventories)(lambda versions: seen.extend(versions), lambda: False)

    assert [one.version for one in seen] == ["null"]


def test_point_19_what_is_current_again_since_the_inventory_was_written_is_not_deleted() -> None:
    """Its older version, which failed, would be there in its place."""
    sources = Sources(after_import=AfterImport.DELETE, delete_after=timedelta(days=1))
    world = world_with_inventory()
    world = World(replace(world.settings, sources=sources))
    world.upload("study/1.dcm", b"bad")
    world.settle()
    repaired = world.upload("study/1.dcm", b"repaired")
    world.settle()
    newest = world.upload("study/1.dcm", b"bad")
    world.settle()
    world.pass_time(2 * 86_400)
    write_inventory(world)
    world.purge("study/1.dcm", newest)

    world.sweep()

    assert world.s3.current(INPUT)["study/1.dcm"].version == repaired
