"""Random histories of uploads, losses, crashes and interleavings, each of which must end quiet.

`make test` runs some of them, always the same; `make chaos` runs many more, drawn anew.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from benchmarks.memory_aws.environment import SMALL, STORE
from benchmarks.memory_aws.world import Message, World
from lambdas.importing.control import Mode
from lambdas.importing.files import File
from lambdas.settings import read_import_settings

STEPS = 40

KEYS = st.sampled_from(
    [
        "1",
        "a/",
        "a/1",
        "a/2",
        "a/3",
        "a/b/1",
        "a/b/2",
        "a//1",
        "ab/1",
        "c/1",
        "c/2",
        "c/3",
        "c/4",
        "c//1",
        "a/_COMPLETE",
        "ignored/1",
        "rejected/1",
        "urgent/1",
        "urgent/2",
    ]
)
BODIES = st.sampled_from(
    [b"good", b"good", b"good", b"bad", b"", b"x" * 1_001, b"flaky", b"broken", b"poison"]
)
CHOICES = st.randoms(use_true_random=False)
REFUSALS = st.sampled_from(
    ["ThrottlingException", "ServiceQuotaExceededException", "InternalServerException", "ValidationException"]
)


class Histories(RuleBasedStateMachine):
    """`changed` are settings other than those of the tests; `tally` counts what this process met."""

    changed: ClassVar[Mapping[str, Any]] = {}
    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(read_import_settings(json.dumps({**SMALL, **self.changed})))
        self.failed_files: list[File] = []

    @rule(key=KEYS, body=BODIES, times=st.integers(0, 3))
    def upload(self, key: str, body: bytes, times: int) -> None:
        self.world.upload(key, body, times=times)
        self.tally["losses" if times == 0 else "duplicates"] += abs(times - 1)

    @rule(folder=st.sampled_from(["d/", "d/e/"]), number=st.integers(1, 25))
    def upload_many(self, folder: str, number: int) -> None:
        for name in range(number):
            self.world.upload(f"{folder}{name}", b"good")

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        if self.world.s3.holds("input", key):
            self.world.s3.put("input", key, None)

    @rule(choice=CHOICES)
    def delete_and_restore(self, choice: Random) -> None:
        """The first time a key is chosen its newest version is hidden, the next time it is there again."""
        if keys := self.world.keys():
            self.world.hide_or_restore(choice.choice(keys))

    @rule(choice=CHOICES)
    def purge(self, choice: Random) -> None:
        """One version, the newest or not, is gone for good."""
        if there := [one for one in self.world.s3.history("input") if one.body is not None]:
            version = choice.choice(there)
            self.world.purge(version.key, version.version)
            self.tally["purged"] += 1

    @rule(key=KEYS)
    def archive_or_restore(self, key: str) -> None:
        """It can be read in place, but not be copied."""
        self.world.s3.archived ^= {key}

    @rule(choice=CHOICES, body=BODIES, times=st.integers(0, 3), seconds=st.integers(1, 600))
    def overwrite_in_parts(self, choice: Random, body: bytes, times: int, seconds: int) -> None:
        if keys := self.world.keys():
            begun_at = self.world.clock - timedelta(seconds=seconds)
            self.world.upload(choice.choice(keys), body, times=times, begun_at=begun_at)
            self.tally["losses" if times == 0 else "duplicates"] += abs(times - 1)

    @rule(choice=CHOICES, batch=st.integers(1, 5))
    def deliver(self, choice: Random, batch: int) -> None:
        ready = self.world.ready()
        if ready:
            first = choice.choice(ready)
            same = [one for one in ready if one.queue == first.queue and one is not first]
            size = batch - 1 if first.queue in ("uploads", "plan") else 0
            self.world.deliver(first, *same[:size])

    @rule(choice=CHOICES)
    def duplicate(self, choice: Random) -> None:
        if self.world.messages:
            message = choice.choice(self.world.messages)
            self.world.messages.append(type(message)(**vars(message)))
            self.tally["duplicates"] += 1

    @rule(choice=CHOICES)
    def lose(self, choice: Random) -> None:
        if self.world.messages:
            self.world.messages.remove(choice.choice(self.world.messages))
            self.tally["losses"] += 1

    @rule(seconds=st.sampled_from([0.3, 1, 3, 7, 20, 65]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(calls=st.integers(1, 25), when=st.sampled_from(["before", "after"]))
    def crash_soon(self, calls: int, when: str) -> None:
        self.world.crash = (len(self.world.calls) + calls, when)

    @rule(calls=st.integers(1, 25), key=KEYS, uploads=st.booleans(), ticks=st.booleans())
    def interrupt_soon(self, calls: int, key: str, uploads: bool, ticks: bool) -> None:
        """Other functions run from their first call to their last while one waits for an answer."""

        def meanwhile() -> None:
            if uploads:
                self.world.upload(key)
            self.world.pass_time(7)
            for message in self.world.ready()[:3]:
                if message in self.world.messages:
                    self.world.deliver(message)
            if ticks:
                self.world.tick()

        self.world.interruption = (len(self.world.calls) + calls, meanwhile)

    @rule(refusal=REFUSALS)
    def refuse_next_start(self, refusal: str) -> None:
        self.world.imaging.refusals.append(refusal)

    @rule()
    def run_job(self) -> None:
        for job in [job for job in self.world.imaging.running() if job.status == "SUBMITTED"][:1]:
            self.world.imaging.run(job)

    @rule(lose_event=st.booleans())
    def end_job(self, lose_event: bool) -> None:
        self.tally["losses"] += lose_event and bool(self.world.imaging.running())
        self.world.end_job(lose_event=lose_event)

    @rule()
    def fail_job(self) -> None:
        self.world.end_job(status="FAILED", message="the job failed")

    @rule(seconds=st.sampled_from([5, 50, 110, None]))
    def delay_next_results(self, seconds: float | None) -> None:
        """None for a job that never writes them."""
        self.world.imaging.late_results.append(seconds)
        self.tally["late"] += 1

    @rule(mode=st.sampled_from(Mode))
    def control(self, mode: Mode) -> None:
        self.world.ledger.control.set(mode)

    @rule()
    def read_failed_files(self) -> None:
        """As somebody does who redrives them later."""
        self.failed_files = list(self.world.ledger.failed_files())

    @rule(is_late=st.booleans())
    def redrive(self, is_late: bool) -> None:
        self.world.redrive(*(self.failed_files if is_late else self.world.ledger.failed_files()))

    @rule(prefix=st.sampled_from(["", "a/", "c/", "d/"]))
    def complete(self, prefix: str) -> None:
        body = {"bucket": "input", "folder": prefix, "complete": True}
        self.world.messages.append(Message(queue="plan", body=body, at=self.world.clock))

    @rule()
    def deploy_again(self) -> None:
        self.world.deploy_again()
        self.tally["redeploys"] += 1

    @rule()
    def tick(self) -> None:
        self.world.tick()

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule()
    def settle(self) -> None:
        """Histories go on after all was quiet."""
        self.world.ledger.control.set(Mode.RUNNING)
        self.world.settle()
        self.world.check()

    @invariant()
    def at_most_the_configured_number_of_jobs_run(self) -> None:
        assert self.world.imaging.most_running <= SMALL["concurrent_jobs"]
        self.tally["steps"] += 1
        self.tally["invariants"] += 1

    def teardown(self) -> None:
        self.world.ledger.control.set(Mode.RUNNING)
        self.world.settle()
        self.world.check()
        self.tally["histories"] += 1
        # The invariant is looked at before the first step too.
        self.tally["steps"] -= 1
        self.tally["late"] -= len(self.world.imaging.late_results)
        self.tally.update(self.world.tally + self.world.imaging.refused)


class HistoriesOfABacklog(Histories):
    """No target is met in place, so that folders are copied into jobs they share."""

    changed: ClassVar[Mapping[str, Any]] = {"drain_minutes": 0.02}


class HistoriesOfTwoStores(Histories):
    """A data store for one prefix beside that for all others."""

    changed: ClassVar[Mapping[str, Any]] = {
        "stores": [STORE, {**STORE, "id": "second", "prefix": "c/", "datastore_id": "e" * 32}]
    }


class HistoriesOfALearnedRate(Histories):
    """The pace may grow, and throttled starts cut it."""

    changed: ClassVar[Mapping[str, Any]] = {"start_rate_ceiling": 20.0}


KINDS = (Histories, HistoriesOfABacklog, HistoriesOfTwoStores, HistoriesOfALearnedRate)


def run(kind: type[Histories], histories: int, number: int) -> None:
    """So many histories, the same for the same number; what fails is raised with its shortest history."""
    run_state_machine_as_test(
        seed(number)(kind),
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
