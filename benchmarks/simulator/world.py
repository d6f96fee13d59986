"""The import as it is deployed, on virtual time: each function runs as long as its calls take."""

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from greenlet import getcurrent, greenlet

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.memory_aws.s3 import INPUT, MemoryS3
from benchmarks.memory_aws.world import EVENTS_OF_JOBS, P10, World, upload_event
from benchmarks.simulator.clock import Clock
from benchmarks.simulator.deployed import (
    DELIVERY_SECONDS,
    FUNCTIONS,
    S3_EVENT_SECONDS,
    SWEEP_SECONDS,
    TICK_SECONDS,
    VISIBILITY_TIMEOUTS,
    Function,
    seconds_of,
)
from benchmarks.simulator.imaging import Quotas, SimulatedImaging
from lambdas.settings import ImportSettings

TABLE_PAGE, S3_PAGE = 10_000, 1_000
RECEIVED_TOGETHER = 10
# Debts of calls made side by side are paid together: others run meanwhile, but not at each single one.
DEBT_SECONDS = 0.05


class EndedError(BaseException):
    """Lambda ends the function: nothing of ours may catch it."""


@dataclass
class Invocation:
    """A function that runs. `owes` is time that its calls took and that has not passed yet."""

    function: Function
    runner: greenlet
    began: float
    owes: float = 0.0


class FileCounting(MemoryTable):
    """Tells `world` of writes of files' rows, which are made many at a time."""

    world: "SimulatedWorld"

    def put_item(self, Item: dict[str, Any], **request: Any) -> Any:  # noqa: N803
        self.world.is_one_of_many = _is_file(Item)
        return super().put_item(Item, **request)

    def update_item(self, Key: dict[str, str], UpdateExpression: str, **request: Any) -> Any:  # noqa: N803
        self.world.is_one_of_many = _is_file(Key)
        return super().update_item(Key, UpdateExpression, **request)


def _is_file(key: dict[str, Any]) -> bool:
    return key["sk"] != "/" and not key["pk"].startswith("job#")


class SimulatedWorld(World):
    """`used` counts calls and billed units by name; `timeouts` the invocations that Lambda ended."""

    def __init__(self, settings: ImportSettings, quotas: Quotas, lost_uploads: float = 0.0) -> None:
        self.time = Clock()
        self.quotas = quotas
        self.used: Counter[str] = Counter()
        self.timeouts: Counter[str] = Counter()
        self._lost_uploads = lost_uploads
        self._random = random.Random(0)  # noqa: S311
        self._invocation: Invocation | None = None
        self.is_one_of_many = False
        super().__init__(settings)
        self._queues = {
            str(one.queue): EventSource(self, name, one) for name, one in FUNCTIONS.items() if one.queue
        }
        self._every(TICK_SECONDS, "plan", self.tick)
        self._every(SWEEP_SECONDS, "sweep", self.sweep)

    def make_aws(self) -> None:
        self.table = FileCounting(self._around, TABLE_PAGE)
        self.table.world = self
        self.s3 = MemoryS3(self.now, self._around, S3_PAGE)
        self.imaging: SimulatedImaging = SimulatedImaging(
            self.s3, self.time, self._around, self.quotas, self._tell_of_job
        )

    def deploy(self, settings: ImportSettings, quotas: Quotas) -> None:
        """Deploy again with other settings, where other quotas hold from now on."""
        self.settings, self.quotas = settings, quotas
        self.imaging.allow(quotas)
        self.deploy_again()

    def now(self) -> Any:
        return self.time.now()

    def upload_many(self, keys: Iterable[str], size: int, bodies: Callable[[], bytes]) -> None:
        """Put files now; their events follow."""
        at = self.now()
        for key in keys:
            version = self.s3.put(INPUT, key, P10 + bodies(), size=size)
            if self._random.random() >= self._lost_uploads:
                event = upload_event(key, version, size, at)
                self.used["S3Event"] += 1
                self._deliver("uploads", json.dumps(event), S3_EVENT_SECONDS)

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
        assert 0 <= DelaySeconds <= 900
        self._around("SendMessage", lambda: self._queues[QueueUrl].send(MessageBody, DelaySeconds))

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        def call() -> dict[str, Any]:
            for entry in Entries:
                self._queues[QueueUrl].send(entry["MessageBody"], 0)
            return {}

        return dict(self._around("SendMessageBatch", call))

    def _tell_of_job(self, event: dict[str, Any]) -> None:
        self.used["ManagementEvent"] += 1
        for queue in EVENTS_OF_JOBS:
            self._deliver(queue, json.dumps(event), 0)

    def _deliver(self, queue: str, body: str, seconds: float) -> None:
        """EventBridge's messages are billed as ours are."""
        self.used["SendMessage"] += 1
        self._queues[queue].send(body, seconds)

    @property
    def queues(self) -> int:
        return len(self._queues)

    def is_idle(self, queue: str) -> bool:
        return self._queues[queue].is_idle

    # How long calls take

    def _around(self, operation: str, call: Callable[[], Any]) -> Any:
        invocation = self._invocation
        is_one_of_many = self.is_one_of_many or operation in ("GetObject", "CopyObject")
        self.is_one_of_many = False
        if invocation is None:
            return call()
        self.used[operation] += 1
        answer = None
        try:
            answer = call()
            return answer
        finally:
            memory = invocation.function.memory
            invocation.owes += seconds_of(operation, answer, memory, is_one_of_many=is_one_of_many)
            if not is_one_of_many or invocation.owes > DEBT_SECONDS:
                self._pay(invocation)

    def _pay(self, invocation: Invocation) -> None:
        """Threads of a pool cannot wait for the clock: the function does so after them."""
        if getcurrent() is not invocation.runner:
            return
        owed, invocation.owes = invocation.owes, 0.0
        self._invocation = None
        self.time.wait(owed)
        self._invocation = invocation
        if self.time.seconds > invocation.began + invocation.function.timeout:
            raise EndedError

    def sleep(self, seconds: float) -> None:
        assert self._invocation
        self._invocation.owes += seconds
        self._pay(self._invocation)

    def remaining_milliseconds(self) -> int:
        assert self._invocation
        passed = self.time.seconds - self._invocation.began
        return int(1000 * (self._invocation.function.timeout - passed))

    # Functions

    def invoke(self, name: str, run: Callable[[], Any], over: Callable[[Any], None]) -> None:
        """Begin a function; `over` is given its answer, or None when it was ended."""
        function = FUNCTIONS[name]

        def runs() -> None:
            invocation = self._invocation = Invocation(function, getcurrent(), self.time.seconds)
            answer = None
            try:
                answer = run()
                self._pay(invocation)
            except EndedError:
                self.timeouts[name] += 1
            self._invocation = None
            self.used["LambdaRequest"] += 1
            seconds = self.time.seconds - invocation.began
            self.used["LambdaGigabyteSecond"] += seconds * function.memory / 1024
            over(answer)

        self.time.begin(runs)

    def handle(self, queue: str, event: dict[str, Any]) -> Any:
        return self._direct(queue, event)

    def _surviving(self, run: Callable[[], Any]) -> Any:
        return run()

    def _every(self, seconds: float, name: str, run: Callable[[], Any]) -> None:
        def begins() -> None:
            self.used["ScheduledInvocation"] += 1
            self.invoke(name, run, lambda answer: None)
            self.time.after(seconds, begins)

        self.time.after(seconds, begins)


class EventSource:
    """A queue and the mapping that feeds its function: batches, a window, and so many functions at once."""

    def __init__(self, world: SimulatedWorld, name: str, function: Function) -> None:
        self._world, self._name, self._function = world, name, function
        self._ready: deque[str] = deque()
        self._coming = 0
        self._busy = 0
        self._is_gathering = False

    @property
    def is_idle(self) -> bool:
        return not (self._ready or self._coming or self._busy)

    def send(self, body: str, seconds: float) -> None:
        self._coming += 1
        self._world.time.after(seconds + DELIVERY_SECONDS, lambda: self._arrive(body))

    def _arrive(self, body: str) -> None:
        self._coming -= 1
        self._ready.append(body)
        if len(self._ready) >= self._function.batch_size or not self._function.window:
            self._feed(gathered=not self._function.window)
        elif not self._is_gathering:
            self._is_gathering = True
            self._world.time.after(self._function.window, self._gathered)

    def _gathered(self) -> None:
        self._is_gathering = False
        self._feed(gathered=True)

    def _feed(self, *, gathered: bool) -> None:
        size = self._function.batch_size
        while self._busy < self._function.at_once and self._ready:
            if len(self._ready) < size and not gathered:
                return
            self._invoke([self._ready.popleft() for _ in range(min(size, len(self._ready)))])

    def _invoke(self, batch: list[str]) -> None:
        self._busy += 1
        received = -(-len(batch) // RECEIVED_TOGETHER)
        self._world.used["ReceiveMessage"] += received
        event = {"Records": [{"messageId": str(at), "body": body} for at, body in enumerate(batch)]}

        def over(answer: Any) -> None:
            self._busy -= 1
            again = batch
            if answer is not None:
                again = [batch[int(one["itemIdentifier"])] for one in answer["batchItemFailures"]]
            self._world.used["DeleteMessageBatch"] += received if len(again) < len(batch) else 0
            for body in again:
                self.send(body, VISIBILITY_TIMEOUTS * self._function.timeout)
            self._feed(gathered=True)

        queue = str(self._function.queue)
        self._world.invoke(self._name, lambda: self._world.handle(queue, event), over)
