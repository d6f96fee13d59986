"""A tick hands units out, so that jobs are planned side by side: the functions together, with a backlog."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks.memory_aws.world import World
from lambdas.handing import MOST_FOLDERS, MOST_UNITS, fits_message, handed_out
from lambdas.importing.control import Mode
from lambdas.importing.files import Folder, FolderState
from lambdas.importing.pacer import Rate
from lambdas.importing.units import Unit, Waiting

STUDIES = 3 * MOST_UNITS
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def backlog() -> World:
    """Studies that were uploaded while the import was paused, each a job of its own."""
    settings = World().settings
    limits = replace(settings.limits, files=3)
    fast = Rate(per_second=10.0, burst=1, ceiling=10.0)
    world = World(replace(settings, rate=fast, limits=limits, concurrent_jobs=100))
    world.ledger.control.set(Mode.PAUSED)
    for study in range(STUDIES):
        for number in range(3):
            world.upload(f"study{study:03}/{number}.dcm")
    world.go_on(until=lambda: not world.messages)
    world.pass_time(30)
    return world


def resume(world: World) -> None:
    world.ledger.control.set(Mode.RUNNING)
    world.tick()


def test_a_tick_sends_units_to_be_planned_side_by_side(backlog: World) -> None:
    resume(backlog)

    sent = [one.body["units"] for one in backlog.messages if one.queue == "plan"]
    assert [len(units) for units in sent] == [MOST_UNITS] * 3
    assert backlog.jobs() == []

    backlog.settle()

    assert len(backlog.imaging.jobs) == STUDIES
    assert all(job.in_place for job in backlog.jobs())
    backlog.check()


def test_units_whose_message_was_lost_are_handed_out_again(backlog: World) -> None:
    resume(backlog)
    backlog.messages.clear()

    backlog.settle()

    assert len(backlog.imaging.jobs) == STUDIES
    backlog.check()


def test_units_that_are_handed_out_twice_are_planned_once(backlog: World) -> None:
    resume(backlog)
    backlog.tick()

    backlog.settle()

    assert len(backlog.imaging.jobs) == STUDIES
    backlog.check()


def test_a_file_that_comes_after_its_unit_was_handed_out_is_waited_for_and_imported(backlog: World) -> None:
    resume(backlog)
    handed = [one for one in backlog.messages if one.queue == "plan"]
    backlog.upload("study000/late.dcm")
    backlog.deliver(*backlog.ready("uploads"))

    for message in handed:
        backlog.deliver(message)

    still_open = [folder.path for folder in backlog.ledger.folders_in(FolderState.OPEN)]
    assert still_open == ["study000/"]
    backlog.settle()
    backlog.check()


def test_while_the_import_is_paused_ticks_count_what_waits(backlog: World) -> None:
    backlog.tick()

    folders = list(backlog.ledger.folders_in(FolderState.OPEN))
    assert [(folder.files, folder.counted == folder.touches) for folder in folders] == [(3, True)] * STUDIES


def test_a_message_of_units_fits_sqs_with_the_longest_paths() -> None:
    path = "x" * 1_000 + "/"
    folder = Folder(
        bucket="input",
        path=path,
        store="main",
        state=FolderState.OPEN,
        first_at=NOON,
        last_at=NOON,
        due_at=NOON,
    )
    waiting = Waiting(folder=folder, files=1, bytes=1, due_at=NOON, patient_until=NOON)
    whole = Unit(prefix=path, folders=(waiting,) * MOST_FOLDERS)

    messages = list(handed_out([whole] * 3, is_short=True))

    assert [len(message["units"]) for message in messages] == [1, 1, 1]
    assert max(len(json.dumps(message)) for message in messages) < 256 * 1024
    assert not fits_message(replace(whole, folders=(*whole.folders, waiting)))
