"""A file that S3 does not let be copied to staging, beside those that it does, over AWS in memory."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.world import World
from lambdas.stage import PATIENT_FOR

REFUSALS = ("InvalidObjectState", "AccessDenied", "KMS.DisabledException")


@pytest.fixture
def world() -> World:
    """One file is imported, so that those which come late are copied."""
    world = World()
    world.upload("study/0.dcm")
    world.settle()
    return world


def refuse(world: World, code: str, which: Callable[[str], bool]) -> None:
    copy = world.s3.copy_object

    def refused(*, CopySource: dict[str, str], **request: Any) -> None:  # noqa: N803
        if which(CopySource["Key"]):
            raise ClientError({"Error": {"Code": code, "Message": "/study/3.dcm"}}, "CopyObject")
        copy(CopySource=CopySource, **request)

    world.s3.copy_object = refused  # type: ignore[method-assign]


@pytest.mark.parametrize("code", REFUSALS)
def test_point_14_a_file_that_cannot_be_copied_fails_alone_with_the_reason(world: World, code: str) -> None:
    refuse(world, code, lambda key: key == "study/3.dcm")
    for number in range(1, 6):
        world.upload(f"study/{number}.dcm")

    world.settle()

    (failed,) = world.ledger.failed_files()
    assert (failed.key, failed.reason) == ("study/3.dcm", f"S3 does not let it be copied to staging: {code}")
    assert sorted(world.fates().values()) == ["FAILED", *["IMPORTED"] * 5]
    assert world.metrics["FilesFailed"] == 1
    world.check()


@pytest.mark.parametrize("code", REFUSALS)
def test_a_right_that_is_missing_for_a_while_fails_no_file(world: World, code: str) -> None:
    is_missing = [True]
    refuse(world, code, lambda _: is_missing[0])
    world.upload("study/1.dcm")
    world.upload("study/2.dcm")

    world.go_on(until=lambda: world.clock >= world.jobs()[-1].created_at + timedelta(minutes=5))
    is_missing.clear()
    is_missing.append(False)
    world.settle()

    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_point_14_where_all_copies_stay_refused_the_files_fail_and_may_be_redriven(world: World) -> None:
    is_missing = [True]
    refuse(world, "AccessDenied", lambda _: is_missing[0])
    world.upload("study/1.dcm")
    begin = world.clock

    world.settle()

    (failed,) = world.ledger.failed_files()
    assert failed.settled_at is not None
    assert failed.settled_at >= begin + PATIENT_FOR
    is_missing[0] = False
    world.redrive(failed)
    world.settle()
    assert set(world.fates().values()) == {"IMPORTED"}
    world.check()


def test_point_14_a_missing_right_is_waited_for_also_when_another_file_of_the_job_was_deleted(
    world: World,
) -> None:
    world.upload("study/1.dcm")
    deleted = world.upload("study/2.dcm")
    world.go_on(until=lambda: world.ready("stage"))
    world.purge("study/2.dcm", deleted)
    refuse(world, "AccessDenied", lambda key: True)

    world.deliver_ready()

    assert world.fates()["study/1.dcm"] == "WAITING"
