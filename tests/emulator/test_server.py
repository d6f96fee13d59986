"""The server as a process: it starts soon, ends in good order, and continues where it was."""

import http.client
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ct_files import ct_file
from local_aws import LocalAws, Store, free_port, only_series, wait_for

from emulator import server
from emulator.environment import client_environment


class Restartable:
    """A server of its own that a test may stop and start."""

    def __init__(self, state: Path) -> None:
        self.state, self.port, self.pid = state, free_port(), 0

    def start(self) -> LocalAws:
        self.pid = server.start(self.state, self.port, throttle=0)
        return LocalAws(self.state, self.port, self.pid)

    def stop(self) -> None:
        server.stop(self.pid)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Restartable]:
    own = Restartable(tmp_path / "state")
    yield own
    own.stop()


def zipped(name: str, content: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(name, content)
    return archive.getvalue()


def test_it_answers_within_five_seconds(restartable: Restartable) -> None:
    began = time.monotonic()
    restartable.start()

    assert time.monotonic() - began < 5


def test_what_it_holds_survives_a_restart(restartable: Restartable) -> None:
    aws = restartable.start()
    store = Store(aws, tags={"team": "imaging"})
    store.import_files({"1.dcm": ct_file()})
    queue = aws.client("sqs").create_queue(QueueName="waiting")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
    before = store.search()
    restartable.stop()
    aws = restartable.start()

    (message,) = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    (image_set,) = store.search()
    assert message["Body"] == "kept"
    assert [image_set] == before
    assert store.metadata(image_set["imageSetId"])["ImageSetID"] == image_set["imageSetId"]
    assert store.imaging.list_tags_for_resource(resourceArn=store.arn)["tags"] == {"team": "imaging"}
    assert store.import_files({"2.dcm": ct_file()})["jobStatus"] == "COMPLETED"


def test_a_job_that_was_running_is_run_again_and_raises_the_version_once(restartable: Restartable) -> None:
    store = Store(restartable.start())
    store.import_files({"first.dcm": ct_file()}, "before/")
    store.upload({f"in/{number}.dcm": ct_file(InstanceNumber=number) for number in range(60)})
    job_id = store.start()
    wait_for(lambda: store.job(job_id)["jobStatus"] == "IN_PROGRESS")
    restartable.stop()
    restartable.start()
    wait_for(lambda: store.job(job_id)["jobStatus"] == "COMPLETED", seconds=60)

    (image_set,) = store.search()
    assert image_set["version"] == 2
    assert image_set["DICOMTags"]["DICOMNumberOfStudyRelatedInstances"] == 61


@pytest.mark.parametrize("pause", [0, 0.2, 0.5, 1, 2])
def test_a_job_whose_process_is_killed_ends_whole_or_not_at_all(
    restartable: Restartable, pause: float
) -> None:
    store = Store(restartable.start())
    store.import_files({"first.dcm": ct_file(InstanceNumber=1)}, "before/")
    store.upload({f"in/{number}.dcm": ct_file(InstanceNumber=number) for number in range(60)})
    job_id = store.start()
    # Wherever the job is by then.
    time.sleep(pause)
    restartable.kill()
    restartable.start()
    wait_for(lambda: store.job(job_id)["jobStatus"] in ("COMPLETED", "FAILED"))

    (image_set,) = store.search()
    is_whole = store.job(job_id)["jobStatus"] == "COMPLETED"
    instances = only_series(store.metadata(image_set["imageSetId"]))["Instances"].values()
    assert (image_set["version"], len(instances)) == ((2, 61) if is_whole else (1, 1))
    for each in instances:
        assert store.frame(image_set["imageSetId"], each["ImageFrames"][0]["ID"])


def test_what_was_locked_when_the_process_was_killed_is_finished_by_the_next(
    restartable: Restartable,
) -> None:
    store = Store(restartable.start())
    # Three series, so three image sets: one to update, one to copy and one to delete.
    store.import_files({f"{n}.dcm": ct_file(SeriesInstanceUID=f"1.{n}") for n in range(3)})
    updated, copied, deleted = (each["imageSetId"] for each in store.search())
    tree = b'{"Study": {"DICOM": {"StudyDescription": "a"}}}'
    store.imaging.update_image_set_metadata(
        datastoreId=store.id,
        imageSetId=updated,
        latestVersionId="1",
        updateImageSetMetadataUpdates={"DICOMUpdates": {"updatableAttributes": tree}},
    )
    store.imaging.copy_image_set(
        datastoreId=store.id,
        sourceImageSetId=copied,
        copyImageSetInformation={"sourceImageSet": {"latestVersionId": "1"}},
    )
    store.imaging.delete_image_set(datastoreId=store.id, imageSetId=deleted)
    restartable.kill()
    restartable.start()

    def statuses() -> list[str]:
        return [
            store.imaging.get_image_set(datastoreId=store.id, imageSetId=each)["imageSetWorkflowStatus"]
            for each in (updated, copied, deleted)
        ]

    wait_for(lambda: statuses() == ["UPDATED", "CREATED", "DELETED"])
    assert store.metadata(updated)["Study"]["DICOM"]["StudyDescription"] == "a"
    assert len(store.search()) == 3


def test_a_port_in_use_is_refused_in_words(aws: LocalAws, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is in use: stop what listens there, or choose another port"):
        server.start(tmp_path, aws.port)


def test_two_servers_never_share_a_state(aws: LocalAws) -> None:
    with pytest.raises(RuntimeError, match=r"ended with status 1: see .*emulator\.log"):
        server.start(aws.state, free_port())


def test_stopping_what_has_ended_is_no_error() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    server.stop(ended.pid)


def test_nothing_of_it_stays_running(restartable: Restartable) -> None:
    store = Store(restartable.start())
    store.import_files({"1.dcm": ct_file()})
    children = subprocess.check_output(
        ["ps", "-o", "pid=", "--ppid", str(restartable.pid)], text=True
    ).split()
    restartable.stop()

    assert children
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_an_idle_client_does_not_hold_up_its_end(restartable: Restartable) -> None:
    aws = restartable.start()
    trusting = ssl.create_default_context(cafile=aws.verify)
    idle = http.client.HTTPSConnection("127.0.0.1", aws.port, context=trusting)
    idle.request("GET", "/_ministack/health")
    assert idle.getresponse().read()
    began = time.monotonic()
    restartable.stop()

    assert time.monotonic() - began < 15


def test_functions_find_node(aws: LocalAws, store: Store) -> None:
    functions, name = aws.client("lambda"), f"node-{uuid.uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime="nodejs24.x",
        Handler="index.handle",
        Role=store.role,
        Code={"ZipFile": zipped("index.js", "exports.handle = async () => process.version")},
    )
    answer = functions.invoke(FunctionName=name)

    assert json.loads(answer["Payload"].read()).startswith("v24.")


def test_a_client_process_reaches_the_server_whatever_its_environment(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    program = (
        "import boto3; print(boto3.client('s3').list_buckets()['Owner']['ID'] != '',"
        " boto3.client('medical-imaging').list_datastores()['ResponseMetadata']['HTTPStatusCode'])"
    )
    environment = client_environment(aws.endpoint, Path(aws.verify))

    output = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert output.split() == ["True", "200"]


def test_the_environment_names_the_account_and_the_region() -> None:
    environment = client_environment(
        "https://127.0.0.1:1", Path("/ca.pem"), region="eu-west-2", account="123456789012"
    )

    assert environment["AWS_ACCESS_KEY_ID"] == "123456789012"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-2"
    assert environment["PATH"] == os.environ["PATH"]
