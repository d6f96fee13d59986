"""Import jobs over an AWS in memory: cut off anywhere, and side by side."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_grouping import instance

from emulator.aws import Credentials, Datum, S3Refused, Scope
from emulator.datastores import ACTIVE_DATASTORES, Datastores
from emulator.errors import ServiceQuotaExceededException
from emulator.events import Outbox
from emulator.image_sets.metadata import instance_json
from emulator.image_sets.search import Search
from emulator.imports.frame_files import frame_file, frame_name
from emulator.imports.jobs import CONCURRENT_JOBS, ImportJobs
from emulator.imports.outcomes import Imported, Outcome, Source
from emulator.imports.quotas import FILES
from emulator.imports.run import ImportRuns
from emulator.storage import Storage
from emulator.workers import WorkerLost

SCOPE = Scope("000000000000", "us-east-1")
SYDNEY = Scope("000000000000", "ap-southeast-2")
STEPS = (
    "publish Import Job In Progress",
    "assume the role",
    "list",
    "read an object",
    "write a manifest",
    "publish Image Set Created",
    "publish Import Job Completed",
)


class Killed(BaseException):
    """The process dies here."""


class World:
    """AWS around the service. It outlives the service's process, which dies at the step named `deadly`."""

    def __init__(self) -> None:
        self.objects: dict[str, int] = {}
        self.written: dict[str, bytes] = {}
        self.published: list[tuple[str, Mapping[str, Any]]] = []
        self.deadly = ""

    def step(self, name: str) -> None:
        if name == self.deadly:
            raise Killed

    def publish(
        self, _scope: Scope, detail_type: str, detail: Mapping[str, Any], _resources: list[str]
    ) -> None:
        self.step(f"publish {detail_type}")
        self.published.append((detail_type, detail))

    def assume_role(self, _arn: str, *, source_arn: str, scope: Scope, session_name: str) -> Credentials:
        self.step("assume the role")
        return Credentials("id", "secret", "token")

    def may_pass_role(self, _arn: str) -> bool:
        return True

    def may_invoke(self, _function_arn: str) -> bool:
        return True

    def bucket_owner(self, _bucket: str) -> str | None:
        return SCOPE.account

    def key_is_usable(self, _scope: Scope, _arn: str) -> bool:
        return True

    def allows(self, _action: str, _resource_arn: str) -> bool:
        return True

    def put_metrics(self, _scope: Scope, _data: list[Datum]) -> None:
        pass

    def types(self) -> list[str]:
        return [detail_type for detail_type, _ in self.published]


class WorldS3:
    def __init__(self, world: World) -> None:
        self._world = world

    def objects(self, prefix: str) -> Iterator[tuple[str, int]]:
        self._world.step("list")
        return iter(
            sorted((key, size) for key, size in self._world.objects.items() if key.startswith(prefix))
        )

    def put(self, _bucket: str, key: str, body: bytes) -> None:
        self._world.step("write a manifest")
        self._world.written[key] = body


class WorldWorkers:
    """Every object is an instance of series 1, but one named `lost`, which kills its process.

    One named `undecodable` kills it as long as it is to be decoded. One named `large` has metadata of 30 MB.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, task: tuple[Source, str], /) -> Outcome:
        self._world.step("read an object")
        source, key = task
        if key.endswith("lost") or (key.endswith("undecodable") and source.transcode):
            raise WorkerLost("the process that read the file died")
        file = Path(source.frames) / frame_file(frame_name(source.job_id, key))
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"frames")
        found = instance(key)
        dicom = {"TextValue": "x" * 30_000_000} if key.endswith("large") else {}
        parts = {**vars(found), "metadata": instance_json({"DICOM": dicom}, "1.2", [])}
        return Imported(**parts)

    def close(self) -> None:
        pass


class Process:
    """The service over what is on disk."""

    def __init__(self, folder: Path, world: World, scope: Scope = SCOPE) -> None:
        self.scope = scope
        self.storage = Storage(folder)
        outbox = Outbox(self.storage, world.publish)
        self.datastores = Datastores(self.storage, outbox, world)
        self.flush = outbox.flush
        workers = WorldWorkers(world)
        self.runs = ImportRuns(
            self.storage, outbox, world, workers, lambda _: WorldS3(world), "https://endpoint"
        )
        self.jobs = ImportJobs(self.storage, outbox, world, self.datastores, lambda _job_id: None)

    def new_store(self) -> str:
        datastore_id: str = self.datastores.begin(self.scope, {"clientToken": "t"})["id"]
        self.datastores.finish_creating(datastore_id)
        return datastore_id

    def new_job(self, datastore_id: str, prefix: str) -> str:
        parameters = {
            "datastoreId": datastore_id,
            "clientToken": prefix,
            "dataAccessRoleArn": "arn:aws:iam::000000000000:role/r",
            "inputS3Uri": f"s3://in/{prefix}",
            "outputS3Uri": "s3://out/",
        }
        job_id: str = self.jobs.start(self.scope, parameters)["jobId"]
        return job_id

    def job(self, datastore_id: str, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.jobs.get(SCOPE, {"datastoreId": datastore_id, "jobId": job_id})
        properties: dict[str, Any] = found["jobProperties"]
        return properties

    def image_sets(self, datastore_id: str) -> list[dict[str, Any]]:
        search = Search(self.storage, self.datastores)
        answer = search.image_sets(SCOPE, {"datastoreId": datastore_id})
        found: list[dict[str, Any]] = answer["imageSetsMetadataSummaries"]
        return found


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("deadly", STEPS[:-2])
def test_nothing_of_a_job_shows_before_its_end(tmp_path: Path, world: World, deadly: str) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1}
    job_id = process.new_job(store, "a/")
    world.deadly = deadly
    with pytest.raises(Killed):
        process.runs.run(job_id)

    assert process.image_sets(store) == []


@pytest.mark.parametrize("deadly", STEPS)
def test_a_job_cut_off_at_any_step_is_finished_by_the_next_process(
    tmp_path: Path, world: World, deadly: str
) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1, "a/2": 1}
    job_id = process.new_job(store, "a/")
    world.deadly = deadly
    with pytest.raises(Killed):
        process.runs.run(job_id)

    world.deadly = ""
    process = Process(tmp_path, world)
    process.flush()
    process.runs.run(job_id)

    assert process.job(store, job_id)["jobStatus"] == "COMPLETED"
    assert [each["version"] for each in process.image_sets(store)] == [1]
    assert world.types().count("Import Job Completed") == 1
    assert world.types().count("Image Set Created") == 1


def test_a_job_that_has_ended_is_not_run_again(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1}
    job_id = process.new_job(store, "a/")
    for _ in range(2):
        process.runs.run(job_id)

    assert [each["version"] for each in process.image_sets(store)] == [1]


def test_jobs_side_by_side_on_one_series_each_make_a_version(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {f"{job}/{number}": 1 for job in range(6) for number in range(5)}
    job_ids = [process.new_job(store, f"{job}/") for job in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(process.runs.run, job_ids))

    (image_set,) = process.image_sets(store)
    assert image_set["version"] == 6
    assert image_set["DICOMTags"]["DICOMNumberOfStudyRelatedInstances"] == 30


def test_an_object_that_kills_its_worker_is_a_server_error_and_the_rest_is_imported(
    tmp_path: Path, world: World
) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1, "a/lost": 1}
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    output = f"{store}-DicomImport-{job_id}/"
    assert process.job(store, job_id)["jobStatus"] == "COMPLETED"
    assert b"InternalServerException" in world.written[output + "FAILURE/failure.ndjson"]
    assert b'"a/1"' in world.written[output + "SUCCESS/success.ndjson"]


def frame_files(process: Process) -> int:
    return sum(path.is_file() for path in process.storage.frames.rglob("*"))


def test_an_object_that_kills_only_its_decoder_is_imported_without_one(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/undecodable": 1}
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    assert f"{store}-DicomImport-{job_id}/SUCCESS/success.ndjson" in world.written
    assert len(process.image_sets(store)) == 1


def test_metadata_beyond_50_mb_refuses_the_instances_and_not_the_job(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1large": 1, "a/2large": 1}
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    lines = world.written[f"{store}-DicomImport-{job_id}/FAILURE/failure.ndjson"].splitlines()
    assert process.job(store, job_id)["jobStatus"] == "COMPLETED"
    assert len(lines) == 2
    assert b"at most 52428800 are allowed" in lines[0]
    assert process.image_sets(store) == []
    assert frame_files(process) == 0


def test_frames_of_a_job_that_fails_are_deleted(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1, "a/2": 1}

    class Unwritable(WorldS3):
        def put(self, _bucket: str, _key: str, _body: bytes) -> None:
            raise S3Refused("AccessDenied")

    process.runs.run(process.new_job(store, "a/"))
    assert frame_files(process) == 2
    process.runs._open_s3 = lambda _source: Unwritable(world)
    process.runs.run(process.new_job(store, "a"))

    assert frame_files(process) == 2


def test_more_files_than_a_job_may_hold_fail_it(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {f"a/{number}": 1 for number in range(FILES + 1)}
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    job = process.job(store, job_id)
    assert job["jobStatus"] == "FAILED"
    assert job["message"].startswith("FILE_COUNTS_LIMIT_EXCEEDED: an import job takes at most 5000 files")


def test_what_nobody_foresaw_fails_the_job_without_a_value(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()

    def broken(_source: Source) -> WorldS3:
        raise KeyError("Doe^Jane")

    process.runs._open_s3 = broken
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    assert process.job(store, job_id)["message"] == "internal error - KeyError"


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path: Path, world: World) -> None:
    process = Process(tmp_path, world)
    store = process.new_store()
    world.objects = {"a/1": 1}

    class ReadOnly(WorldS3):
        def put(self, _bucket: str, _key: str, _body: bytes) -> None:
            raise S3Refused("AccessDenied")

    process.runs._open_s3 = lambda _source: ReadOnly(world)
    job_id = process.new_job(store, "a/")
    process.runs.run(job_id)

    assert process.job(store, job_id)["message"] == "the output cannot be written with the role: AccessDenied"
    assert process.image_sets(store) == []


def test_a_store_has_a_hundred_jobs_under_way_at_most(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    for number in range(CONCURRENT_JOBS):
        process.new_job(store, f"{number}/")

    with pytest.raises(ServiceQuotaExceededException, match="at most 100 may"):
        process.new_job(store, "one more/")


def test_in_sydney_a_store_has_twenty_jobs_under_way_at_most(tmp_path: Path) -> None:
    process = Process(tmp_path, World(), SYDNEY)
    store = process.new_store()
    for number in range(20):
        process.new_job(store, f"{number}/")

    with pytest.raises(ServiceQuotaExceededException, match="at most 20 may"):
        process.new_job(store, "one more/")


def test_an_account_has_a_hundred_active_data_stores_in_a_region_at_most(tmp_path: Path) -> None:
    stores = Process(tmp_path, World()).datastores
    made = [stores.begin(SCOPE, {"clientToken": str(number)}) for number in range(ACTIVE_DATASTORES)]
    for each in made:
        stores.finish_creating(each["id"])

    with pytest.raises(ServiceQuotaExceededException, match="at most 100 may be active"):
        stores.begin(SCOPE, {"clientToken": "one more"})
    # A request that is sent again makes nothing, and another Region has a quota of its own.
    assert stores.begin(SCOPE, {"clientToken": "0"})["id"] == made[0]["id"]
    assert stores.begin(SYDNEY, {"clientToken": "0"})["id"] != made[0]["id"]
    stores.begin_deleting(stores.find(SCOPE, made[0]["id"]))
    assert stores.begin(SCOPE, {"clientToken": "in its place"})["status"] == "CREATING"


def test_after_ninety_days_a_job_is_no_longer_listed(tmp_path: Path) -> None:
    process = Process(tmp_path, World())
    store = process.new_store()
    old, new = process.new_job(store, "old/"), process.new_job(store, "new/")
    for job_id, days in ((old, 91), (new, 89)):
        with process.storage.writing() as connection:
            connection.execute(
                "UPDATE jobs SET submitted_at = submitted_at - ? WHERE id = ?", (days * 86400, job_id)
            )

    listed = process.jobs.list(SCOPE, {"datastoreId": store})["jobSummaries"]
    assert [each["jobId"] for each in listed] == [new]
    assert process.job(store, old)["jobId"] == old
