"""A process that ends before or after any call it makes costs time, never a file or a second job."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.world import CrashError, World
from lambdas.importing.files import Status


def in_place(world: World) -> None:
    for number in range(3):
        world.upload(f"study/{number}.dcm", b"bad" if number == 1 else b"good", times=2)


def staged(world: World) -> None:
    world.upload("study/", b"")
    in_place(world)


def versions(world: World) -> None:
    world.upload("study/1.dcm", b"old")
    in_place(world)


def refused(world: World) -> None:
    in_place(world)
    world.imaging.refusals = ["ValidationException"] * 2


def refused_once(world: World) -> None:
    """A second start of the same job would be taken, and import files that are told as FAILED."""
    in_place(world)
    world.imaging.refusals = ["ValidationException"]


def put_off(world: World) -> None:
    in_place(world)
    world.imaging.refusals = ["ThrottlingException", "InternalServerException"]


def one_poisoned(world: World) -> None:
    in_place(world)
    world.upload("study/3.dcm", b"poison")


def server_errors(world: World) -> None:
    in_place(world)
    world.upload("study/3.dcm", b"flaky")


ONE_JOB: list[Callable[[World], None]] = [in_place, staged, versions, refused, refused_once, put_off]
SCENARIOS = [*ONE_JOB, one_poisoned, server_errors]


def calls_of(scenario: Callable[[World], None]) -> int:
    world = World()
    scenario(world)
    world.settle()
    return len(world.calls)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_point_6_a_crash_at_any_call_leaves_one_job_and_one_fate_for_each_file(
    scenario: Callable[[World], None], when: str
) -> None:
    for number in range(1, calls_of(scenario) + 1):
        world = World()
        scenario(world)
        world.crash = (number, when)

        world.settle()

        world.check()
        assert len(world.imaging.jobs) <= (1 if scenario in ONE_JOB else 5), world.calls[number - 1]
        assert not [file for file in world.files() if file.status is Status.WAITING]


def test_functions_that_run_in_between_at_any_call_take_nothing_twice() -> None:
    """A file comes, is registered, planned and started while another function waits for an answer."""
    for number in range(1, calls_of(in_place) + 1):
        world = World()
        in_place(world)

        def meanwhile(world: World = world) -> None:
            world.upload("study/late.dcm")
            world.deliver_ready()
            world.pass_time(7)
            world.tick()
            world.deliver_ready()

        world.interruption = (number, meanwhile)

        world.settle(sweeping=False)

        world.check()


def test_a_process_that_stands_still_for_a_minute_at_any_call_takes_nothing_twice() -> None:
    """Everything else goes on to its end meanwhile, and the files come again with other contents."""
    for number in range(1, calls_of(in_place) + 1):
        world = World()
        in_place(world)

        def meanwhile(world: World = world) -> None:
            world.upload("study/late.dcm")
            world.settle()

        world.interruption = (number, meanwhile)

        world.settle()

        world.check()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_is_made_up_for_without_the_sweep(when: str) -> None:
    for number in range(1, calls_of(in_place) + 1):
        world = World()
        in_place(world)
        world.crash = (number, when)

        world.settle(sweeping=False)

        world.check()


def test_point_4_a_marker_closes_its_folder_though_register_ends_before_any_of_its_calls() -> None:
    def is_sign_sent() -> bool:
        return any(message.body.get("complete") for message in world.messages)

    for number in itertools.count(1):
        world = World()
        world.upload("study/1.dcm")
        world.deliver_ready()
        world.upload("study/_COMPLETE", b"x")
        world.crash = (len(world.calls) + number, "before")
        world.deliver(*world.ready("uploads"))
        if world.crash is not None:
            break
        assert not is_sign_sent()

        world.pass_time(600)
        world.deliver(*world.ready("uploads"))

        assert is_sign_sent(), number
    assert number > 1


def register_dies_before_its_folder_is_told(world: World) -> None:
    put = world.table.put_item

    def dying(**request: Any) -> None:
        put(**request)
        raise CrashError

    world.table.put_item = dying  # type: ignore[method-assign, assignment]
    world.deliver(*world.ready("uploads"))
    world.table.put_item = put  # type: ignore[method-assign]


def test_point_17_a_row_that_waits_is_planned_though_a_second_look_refuses_the_file() -> None:
    """The first look was denied, and told nothing."""
    world = World()
    get = world.s3.get_object

    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")

    world.s3.get_object = denied  # type: ignore[method-assign, assignment]
    world.upload_raw("study/1.txt", b"no DICOM at all")
    register_dies_before_its_folder_is_told(world)
    world.s3.get_object = get  # type: ignore[method-assign]

    world.settle()

    # To HealthImaging in memory every object is a good file.
    assert world.fates() == {"study/1.txt": "IMPORTED"}


def test_point_17_a_row_that_waits_is_planned_though_a_limit_was_lowered_meanwhile() -> None:
    world = World()
    world.upload("study/1.dcm", b"x" * 500)
    register_dies_before_its_folder_is_told(world)
    world.settings = replace(world.settings, bytes_per_file=300)
    world.deploy_again(keep_messages=True)

    world.settle()

    assert world.fates() == {"study/1.dcm": "IMPORTED"}
