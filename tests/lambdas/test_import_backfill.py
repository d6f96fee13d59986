"""Point 16: the backfill of a bucket that was full before, driven as the state machine drives it."""

import random
from collections import Counter
from typing import Any

import pytest

from benchmarks.memory_aws.s3 import INPUT
from benchmarks.memory_aws.world import World
from lambdas.adapters.backfills import Backfills, Run
from lambdas.adapters.queues import Queue
from lambdas.adapters.storage import Storage
from lambdas.backfill import MILLISECONDS_TO_SPARE, Backfill
from lambdas.comparing import Comparer
from lambdas.importing.files import Status

PLENTY = 10 * MILLISECONDS_TO_SPARE


class Machine:
    """What the state machine does with the function, slice by slice."""

    def __init__(self, world: World, versions_per_slice: int = 7) -> None:
        self.world = world
        self.runs = Backfills(world.table)
        self.function = Backfill(
            runs=self.runs,
            storage=Storage(world.s3, owner=world.settings.owner),
            comparer=Comparer(ledger=world.ledger, bucket=INPUT),
            uploads=Queue(world, "uploads"),
            account=world.settings.owner(INPUT),
            versions_per_slice=versions_per_slice,
        )
        self.history: list[Any] = []

    def begin(self, prefix: str = "") -> Run:
        return self.runs.unfinished(INPUT, prefix) or self.runs.begin(INPUT, prefix, "0123456789abcdef")

    def step(self, run: Run, milliseconds: int = PLENTY) -> list[int] | None:
        answer = self.function.cut(run.id, lambda: milliseconds)
        self.history.append(answer)
        return None if answer["finished"] else answer["slices"]

    def run(self, prefix: str = "", milliseconds: int = PLENTY) -> int:
        """Of how many files `register` was told."""
        run = self.begin(prefix)
        while (slices := self.step(run, milliseconds)) is not None:
            self.history += [self.function.tell(run.id, number) for number in slices]
        return self.runs.told(run.id)


def full_bucket(world: World, folders: int = 4, files: int = 6) -> None:
    """Files of which no event ever came."""
    for folder in range(folders):
        for file in range(files):
            world.upload(f"study{folder}/{file}", times=0)


def without_sweep(world: World) -> None:
    world.settle(sweeping=False)


def test_point_16_every_file_that_was_there_before_is_imported_once() -> None:
    world = World()
    full_bucket(world)

    assert Machine(world).run() == 24

    without_sweep(world)
    assert Counter(world.fates().values()) == {Status.IMPORTED: 24}
    world.check()


def test_point_16_a_prefix_is_backfilled_and_the_rest_left_alone() -> None:
    world = World()
    full_bucket(world)

    Machine(world).run("study1/")

    without_sweep(world)
    assert {key.partition("/")[0] for key in world.fates()} == {"study1"}


def test_point_16_a_backfill_goes_on_where_it_was_stopped() -> None:
    world = World()
    full_bucket(world)
    machine = Machine(world)
    run = machine.begin()
    slices = machine.step(run)
    assert slices is not None
    machine.function.tell(run.id, slices[0])
    told_before = machine.runs.told(run.id)

    again = Machine(world)
    assert again.begin().id == run.id
    assert again.step(run) == slices[1:]
    again.run()

    assert 0 < told_before < 24
    assert machine.runs.told(run.id) == 24
    without_sweep(world)
    world.check()


def test_point_16_a_backfill_cut_short_of_time_leaves_out_no_key() -> None:
    world = World()
    full_bucket(world)

    assert Machine(world).run(milliseconds=MILLISECONDS_TO_SPARE - 1) == 24


@pytest.mark.parametrize("when", ["before", "after"])
def test_point_16_a_crash_at_any_call_leaves_no_gap_and_imports_nothing_twice(when: str) -> None:
    number = 0
    while True:
        number += 1
        world = World()
        full_bucket(world, folders=2, files=4)
        machine = Machine(world, versions_per_slice=5)
        world.crash = (number, when)
        world.calls.clear()
        world._surviving(machine.run)
        has_crashed, world.crash = world.crash is None, None
        machine.run()
        without_sweep(world)
        assert len(world.fates()) == 8, f"crashed {when} call {number}"
        world.check()
        if not has_crashed:
            return


def test_point_16_no_gap_at_cut_over_whatever_is_uploaded_while_it_runs() -> None:
    """Before the rules existed, before the backfill with an event still on its way, and while it runs."""
    choice = random.Random(16)
    world = World()
    full_bucket(world, folders=5, files=3)
    world.upload("study0/early")
    machine = Machine(world, versions_per_slice=3)
    run = machine.begin()
    uploaded = 16
    while (slices := machine.step(run, MILLISECONDS_TO_SPARE - 1)) is not None:
        for number in slices:
            for _ in range(2):
                world.upload(f"study{choice.randrange(7)}/late{uploaded}", times=choice.randrange(1, 4))
                uploaded += 1
            machine.function.tell(run.id, number)
            world.deliver_ready()

    without_sweep(world)
    assert len(world.fates()) == uploaded
    world.check()


def test_point_16_a_second_backfill_tells_of_nothing_and_imports_nothing_twice() -> None:
    world = World()
    full_bucket(world)
    machine = Machine(world)
    machine.run()
    without_sweep(world)
    jobs = len(world.imaging.jobs)

    machine.runs.begin(INPUT, "", "another")
    assert machine.run() == 0

    without_sweep(world)
    assert len(world.imaging.jobs) == jobs


def test_point_16_two_executions_of_one_backfill_do_each_other_no_harm() -> None:
    world = World()
    full_bucket(world)
    one, other = Machine(world), Machine(world)
    run = one.begin()
    for machine in (one, other, one):
        for number in machine.step(run, MILLISECONDS_TO_SPARE - 1) or []:
            machine.function.tell(run.id, number)
    other.run()

    without_sweep(world)
    assert len(world.fates()) == 24
    world.check()


def test_point_16_the_state_machine_sees_numbers_and_never_a_key() -> None:
    world = World()
    full_bucket(world)
    machine = Machine(world)

    machine.run("study1/")

    assert machine.history
    assert "study" not in str(machine.history)
    assert "study" not in machine.begin("study2/").id


def test_a_backfill_that_nobody_began_is_refused() -> None:
    with pytest.raises(LookupError, match="ahi backfill"):
        Machine(World()).function.cut("nobody", lambda: PLENTY)


def test_point_16_a_cut_that_is_tried_again_while_the_first_goes_on_finishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    full_bucket(world)
    machine = Machine(world, versions_per_slice=100)
    run = machine.begin()
    undone, once = Backfills.undone, []

    def first_try_goes_on(runs: Backfills, *given: Any) -> list[int]:
        answer = undone(runs, *given)
        if not once:
            once.append(given)
            machine.function.cut(run.id, lambda: PLENTY)
        return answer

    monkeypatch.setattr(Backfills, "undone", first_try_goes_on)

    assert machine.run() == 24
