"""A pool of processes that do one task each at a time.

A process that dies or takes too long costs its own task and nothing else: decoders are
C code fed with what hospitals send. `concurrent.futures` gives up the whole pool then.
"""

import fcntl
import importlib
import multiprocessing
import os
import queue
import resource
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Generic, NamedTuple, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

# A decoded frame goes through at once: in pieces, both processes wait for each other at each.
PIPE_BYTES = 1024 * 1024

# What a process may have at once: one file shall not take the machine. An import of 1 GB needs 2.5.
LEAST_MEMORY = 6 * 1024**3
MEMORY = max(LEAST_MEMORY, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)

# Forking a process full of threads is not safe.
_context = multiprocessing.get_context("spawn")


class WorkerLost(Exception):  # noqa: N818 - what happened
    """The process died, or was ended because it took too long."""


class _Worker(NamedTuple):
    process: SpawnProcess
    tasks: Connection
    answers: Connection


class Workers(Generic[Task, Result]):
    """`run` may be called from many threads; each waits for a free process. They are made when needed."""

    def __init__(self, work: str, *, count: int, seconds: float) -> None:
        """`work` is `module:function`, imported in the processes; `seconds` is what one task may take."""
        self._work = work
        self._seconds = seconds
        self._slots: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        self._processes: set[SpawnProcess] = set()
        for _ in range(count):
            self._slots.put(None)

    def run(self, task: Task) -> Result:
        """The result of `work(task)`. Raises WorkerLost, or RuntimeError naming what `work` raised."""
        worker = self._slots.get()
        try:
            worker = worker or self._start()
            succeeded, result = self._ask(worker, task)
        except WorkerLost:
            worker = None
            raise
        finally:
            self._slots.put(worker)
        if not succeeded:
            raise RuntimeError(f"the file could not be processed: {result}")
        return result

    def close(self) -> None:
        """End every process, whatever it does."""
        for process in tuple(self._processes):
            self._end(process)

    def _start(self) -> _Worker:
        its_tasks, tasks = _context.Pipe(duplex=False)
        answers, its_answers = _wide_pipe()
        process = _context.Process(target=_serve, args=(its_tasks, its_answers, self._work), daemon=True)
        process.start()
        its_tasks.close()
        its_answers.close()
        self._processes.add(process)
        return _Worker(process, tasks, answers)

    def _ask(self, worker: _Worker, task: Task) -> tuple[bool, Result]:
        try:
            worker.tasks.send(task)
            if worker.answers.poll(self._seconds):
                answer: tuple[bool, Result] = worker.answers.recv()
                return answer
        except (EOFError, OSError) as error:
            self._end(worker.process)
            raise WorkerLost("the process that read the file died") from error
        self._end(worker.process)
        raise WorkerLost(f"the file took longer than {self._seconds:.0f} seconds")

    def _end(self, process: SpawnProcess) -> None:
        process.kill()
        process.join()
        self._processes.discard(process)


def _wide_pipe() -> tuple[Connection, Connection]:
    """Its end to read and its end to write."""
    reader, writer = _context.Pipe(duplex=False)
    # Linux alone can, up to a sum for each user: a narrower one is slower, no more.
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer


def _end_with_the_server() -> None:
    """A server that is killed ends nobody, and a decoder that hangs would run for ever."""
    server = multiprocessing.parent_process()
    if server:
        server.join()
    os._exit(1)


def _limit_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    # Not every system has this limit: without it, the machine's memory is.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _serve(tasks: Connection, answers: Connection, work: str) -> None:
    # Ctrl-C reaches the whole group; the server decides when workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _limit_memory()
    module, _, name = work.partition(":")
    do = getattr(importlib.import_module(module), name)
    while True:
        try:
            task = tasks.recv()
        except EOFError:
            return
        try:
            answers.send((True, do(task)))
        except Exception as error:
            # Its text may quote the file.
            answers.send((False, type(error).__name__))
