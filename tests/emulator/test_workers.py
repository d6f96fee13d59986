"""The pool of worker processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_aws import wait_for

from emulator.workers import WorkerLost, Workers

Pool = Workers[str, str]
HERE = Path(__file__).parent
PATH = os.pathsep.join([str(HERE), str(HERE.parents[1])])


@pytest.fixture
def pool() -> Iterator[Pool]:
    own = Pool("pool_tasks:do", count=1, seconds=5)
    yield own
    own.close()


def test_a_task_runs_in_a_process_that_stays(pool: Pool) -> None:
    assert pool.run("a").removeprefix("a") == pool.run("b").removeprefix("b")


def test_a_process_that_dies_loses_its_own_task_only(pool: Pool) -> None:
    with pytest.raises(WorkerLost, match="the process that read the file died"):
        pool.run("die")
    assert pool.run("a").startswith("a by")


def test_a_task_that_takes_too_long_is_ended() -> None:
    pool = Pool("pool_tasks:do", count=1, seconds=0.5)

    with pytest.raises(WorkerLost, match="took longer than"):
        pool.run("sleep")
    pool.close()


def test_what_a_task_raises_is_named_and_never_quoted(pool: Pool) -> None:
    with pytest.raises(RuntimeError) as caught:
        pool.run("raise")
    assert str(caught.value) == "the file could not be processed: ValueError"


def test_a_task_has_no_more_memory_than_it_may(pool: Pool) -> None:
    first = pool.run("a")

    with pytest.raises(RuntimeError, match="MemoryError"):
        pool.run("fill")
    assert pool.run("a") == first, "the process stays"


def test_many_callers_share_few_processes(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(pool.run, [str(number) for number in range(20)]))

    assert [answer.split()[0] for answer in answers] == [str(number) for number in range(20)]
    assert len({answer.split()[-1] for answer in answers}) == 1


def test_closing_ends_a_task_at_once(pool: Pool) -> None:
    pool.run("start the process")
    with ThreadPoolExecutor(1) as caller:
        running = caller.submit(pool.run, "sleep")
        pool.close()

        with pytest.raises(WorkerLost):
            running.result(timeout=10)


def test_a_task_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    pool = "Workers('pool_tasks:do', count=1, seconds=60)"
    runs = f"from emulator.workers import Workers; {pool}.run('tell {told}')"
    server = subprocess.Popen([sys.executable, "-c", runs], env={**os.environ, "PYTHONPATH": PATH})
    wait_for(lambda: told.exists() and told.read_text())
    server.kill()
    server.wait()

    wait_for(lambda: not Path(f"/proc/{told.read_text()}").exists())
