"""The functions of the import: what starts each, and what each may do to the ledger and the queues."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration

READ_WRITE = ("PutItem", "UpdateItem", "GetItem", "Query")
# Lambda gives a whole vCPU with so much memory. Functions that read each file of a job are bound by it, and
# cost no more for being done sooner.
ONE_CPU = 1769


@dataclass(frozen=True, kw_only=True)
class Step:
    """One function. `queue` feeds it, it may send to `sends_to`, and it is told the names in `buckets`.

    `rows` are what it may do to the ledger, and `paces` to the pace, where that is in a table of its own.
    """

    name: str
    description: str
    timeout: Duration
    rows: tuple[str, ...]
    paces: tuple[str, ...] = ()
    reads_index: bool = False
    buckets: tuple[str, ...] = ()
    reads_objects: bool = False
    sends_to: tuple[str, ...] = ()
    memory_size: int = 256
    queue: str | None = None
    batch_size: int = 1
    batching_window: Duration | None = None
    max_concurrency: int | None = None

    @property
    def key_through(self) -> tuple[str, ...]:
        """The services that hold, under the deployment's key, what the function reads and writes."""
        queues = ("sqs",) if self.queue or self.sends_to else ()
        objects = ("s3",) if self.reads_objects else ()
        return ("lambda", "dynamodb", *queues, *objects)


STEPS = (
    Step(
        name="register",
        description="Writes a ledger row for each uploaded object version",
        timeout=Duration.seconds(60),
        rows=("PutItem", "UpdateItem", "GetItem"),
        reads_objects=True,
        sends_to=("plan",),
        memory_size=512,
        queue="uploads",
        batch_size=100,
        batching_window=Duration.seconds(1),
        max_concurrency=20,
    ),
    Step(
        name="plan",
        description="Turns folders that fell quiet into import jobs",
        timeout=Duration.seconds(300),
        rows=READ_WRITE,
        paces=("GetItem",),
        reads_index=True,
        buckets=("staging",),
        sends_to=("plan", "stage", "start"),
        memory_size=ONE_CPU,
        queue="plan",
        max_concurrency=20,
    ),
    Step(
        name="stage",
        description="Copies the files of a job that cannot be read where they lie",
        timeout=Duration.seconds(300),
        rows=READ_WRITE,
        buckets=("staging",),
        reads_objects=True,
        sends_to=("start", "plan"),
        memory_size=512,
        queue="stage",
        max_concurrency=10,
    ),
    Step(
        name="start",
        description="Starts one paced import job",
        timeout=Duration.seconds(60),
        rows=READ_WRITE,
        paces=("GetItem", "UpdateItem"),
        buckets=("staging",),
        sends_to=("stage", "start", "plan"),
        memory_size=ONE_CPU,
        queue="start",
        max_concurrency=30,
    ),
    Step(
        name="record",
        description="Reads a job's manifests and settles the fate of its files",
        timeout=Duration.seconds(300),
        rows=READ_WRITE,
        buckets=("staging",),
        reads_objects=True,
        sends_to=("plan", "stage", "results"),
        memory_size=ONE_CPU,
        queue="results",
        max_concurrency=10,
    ),
    Step(
        name="sweep",
        description="Finds lost events, stuck jobs and objects nobody registered",
        timeout=Duration.seconds(300),
        rows=("Query", "GetItem", "UpdateItem"),
        reads_index=True,
        sends_to=("uploads", "plan", "start", "results"),
        memory_size=512,
    ),
    Step(
        name="backfill",
        description="Tells register of the files that were in the bucket before",
        timeout=Duration.seconds(300),
        rows=READ_WRITE,
        sends_to=("uploads",),
        memory_size=512,
    ),
)
QUEUES = {step.queue: step for step in STEPS if step.queue}


def is_in_loop(step: Step) -> bool:
    """Whether what the step sends can come back to it, in its own queue or by way of other steps.

    Lambda stops a function that the same chain of messages invokes for the seventeenth time, unless it is
    told that this is meant (Lambda developer guide, recursive loop detection).
    """
    reached: set[str] = set()
    ahead = list(step.sends_to)
    while ahead:
        if (queue := ahead.pop()) not in reached:
            reached.add(queue)
            ahead += QUEUES[queue].sends_to
    return step.queue in reached


# What a step may do to an imported file's source, by `sources.after_import`: what is not used is not given.
SOURCE_RIGHTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "keep": {},
    "tag": {"record": ("s3:GetObjectVersionTagging", "s3:PutObjectVersionTagging")},
    "delete": {"sweep": ("s3:DeleteObjectVersion",)},
}
