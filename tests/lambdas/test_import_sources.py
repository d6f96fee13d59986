"""Point 19: what becomes of a source when its file is imported: kept, tagged, or deleted after some days."""

from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.healthimaging import BAD, NOT_PRIMARY
from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import World
from lambdas.importing.files import Status
from lambdas.importing.sources import AfterImport, Sources

DAYS = 86_400


def world_that(after_import: AfterImport, days: int = 30) -> World:
    plain = World()
    sources = Sources(after_import=after_import, delete_after=timedelta(days=days))
    return World(replace(plain.settings, sources=sources))


def versions(world: World, key: str) -> list[str]:
    return [stored.version for stored in world.s3.history(INPUT) if stored.key == key]


def statuses(world: World, folder: str) -> dict[str, Status]:
    return {row.version: row.status for row in world.ledger.files(INPUT, folder)}


def sweep_later(world: World, days: float) -> None:
    world.pass_time(days * DAYS)
    world.sweep()
    world.settle()


def test_point_19_a_source_is_kept_unless_the_deployment_says_otherwise() -> None:
    world = World()
    version = world.upload("a/1")
    world.settle()

    sweep_later(world, 1000)

    assert versions(world, "a/1") == [version]
    assert not world.s3.tags


def test_point_19_an_imported_source_is_tagged_beside_its_own_tags_and_a_failed_one_is_not() -> None:
    world = world_that(AfterImport.TAG)
    good = (INPUT, "a/1", world.upload("a/1"))
    world.upload("a/2", BAD)
    world.s3.tags[good] = {"ward": "7"}

    world.settle()

    assert world.s3.tags == {good: {"ward": "7", "healthimaging-import": "IMPORTED"}}
    assert world.metrics["SourcesTagged"] == 1


def test_point_19_a_crash_after_the_fate_was_written_loses_no_tag() -> None:
    for number in range(1, 16):
        world = world_that(AfterImport.TAG)
        world.upload("a/1")
        world.go_on(until=lambda world=world: world.imaging.running())
        world.end_job()
        world.crash = (number, "before")
        world.calls.clear()
        world.settle()
        assert world.s3.tags, f"crashed before call {number}"
        world.check()


def test_point_19_a_tag_that_cannot_be_put_is_counted_and_imports_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_that(AfterImport.TAG)
    refused = ClientError({"Error": {"Code": "AccessDenied"}}, "PutObjectTagging")

    def refuse(**_: object) -> None:
        raise refused

    monkeypatch.setattr(world.s3, "put_object_tagging", refuse)
    world.upload("a/1")
    world.settle()

    assert world.metrics["SourcesLeft"] == 1
    assert world.fates() == {"a/1": Status.IMPORTED}
    world.check()


def test_point_19_an_imported_source_is_deleted_after_its_days_and_its_row_stays() -> None:
    world = world_that(AfterImport.DELETE)
    version = world.upload("a/1")
    world.settle()

    sweep_later(world, 29)
    assert versions(world, "a/1") == [version]

    sweep_later(world, 1)
    assert versions(world, "a/1") == []
    assert statuses(world, "a/") == {version: Status.IMPORTED}
    assert world.metrics["SourcesDeleted"] == 1
    assert len(world.imaging.jobs) == 1


@pytest.mark.parametrize("body", [BAD, NOT_PRIMARY], ids=["failed", "in a set of its own"])
def test_point_19_what_is_not_surely_imported_is_never_deleted(body: bytes) -> None:
    world = world_that(AfterImport.DELETE)
    version = world.upload("a/1", body)
    world.settle()

    sweep_later(world, 1000)

    assert versions(world, "a/1") == [version]


def test_point_19_a_newer_version_stays_and_no_older_one_becomes_current() -> None:
    world = world_that(AfterImport.DELETE)
    bad = world.upload("a/1", BAD)
    world.settle()
    good = world.upload("a/1")
    world.settle()
    sweep_later(world, 40)
    assert versions(world, "a/1") == [bad, good]

    newest = world.upload("a/1")
    world.settle()
    world.sweep()

    assert versions(world, "a/1") == [bad, newest]
    assert world.s3.current(INPUT)["a/1"].version == newest
    assert all(stored.body is not None for stored in world.s3.history(INPUT))


def test_point_19_a_deletion_that_fails_is_counted_and_made_by_the_next_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_that(AfterImport.DELETE)
    world.upload("a/1")
    world.settle()
    slow_down = ClientError({"Error": {"Code": "SlowDown"}}, "DeleteObjects")

    def refuse(**_: object) -> None:
        raise slow_down

    with monkeypatch.context() as patch:
        patch.setattr(world.s3, "delete_objects", refuse)
        world.pass_time(31 * DAYS)
        world.sweep()
    assert world.metrics["SourcesLeft"] == 1
    assert versions(world, "a/1")

    sweep_later(world, 0)
    assert versions(world, "a/1") == []
    assert len(world.imaging.jobs) == 1


def test_point_19_a_folder_whose_sources_are_gone_takes_new_files_in_place() -> None:
    world = world_that(AfterImport.DELETE)
    first = world.upload("a/1")
    world.settle()
    sweep_later(world, 31)

    again = world.upload("a/1")
    world.upload("a/2")
    world.settle()

    assert statuses(world, "a/")[first] is Status.IMPORTED
    assert statuses(world, "a/")[again] is Status.IMPORTED
    assert world.fates() == {"a/1": Status.IMPORTED, "a/2": Status.IMPORTED}
    assert [job.in_place for job in world.jobs()] == [True, True]


def test_point_19_an_event_that_comes_again_after_the_source_is_gone_changes_nothing() -> None:
    world = world_that(AfterImport.DELETE)
    version = world.upload("a/1")
    event = replace(world.uploads[-1])
    world.settle()
    sweep_later(world, 31)

    event.at = world.clock
    world.messages.append(event)
    world.settle()

    assert statuses(world, "a/") == {version: Status.IMPORTED}
    assert len(world.imaging.jobs) == 1
