"""The AWS CLI runs each of its own examples, and its output has the members that the example shows."""

import gzip
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from cli_examples import Example, examples
from cli_scenes import FRAME, IMAGE_SETS, World
from local_aws import LocalAws, wait_for

from emulator.environment import client_environment
from emulator.model import service_model

EXAMPLES = examples()
# Version 2 of the CLI needs it to take a blob as it is written. Version 1, which PyPI has, always does.
ONLY_IN_VERSION_2 = ("--cli-binary-format", "raw-in-base64-out")
# The value of these members must be the example's too.
TOLD = {
    "contentEncoding",
    "contentType",
    "datastoreName",
    "datastoreStatus",
    "Deployment",
    "imageSetState",
    "imageSetWorkflowStatus",
    "ImageSetWorkflowStatus",
    "jobName",
    "jobStatus",
    "losslessStorageFormat",
}
# Members that the service answers with today, and did not when its examples were written.
NEWER = {
    "imageSetArn",
    "isPrimary",
    "lastAccessedAt",
    "sort",
    "sortField",
    "sortOrder",
    "storageTier",
    "DICOMAccessionNumber",
    "DICOMSeriesBodyPart",
    "DICOMSeriesInstanceUID",
    "DICOMSeriesModality",
    "DICOMSeriesNumber",
}


class Cli:
    """The `aws` of this environment, on the local AWS."""

    def __init__(self, aws: LocalAws) -> None:
        self.environment = client_environment(aws.endpoint, Path(aws.verify))
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("cli_process.py")],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, folder: Path) -> str:
        """What the command, which begins with `aws`, writes to stdout in that folder."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        program, *arguments = shlex.split(command.replace("\\\n", " "))
        assert program == "aws"
        arguments = [each for each in arguments if each not in ONLY_IN_VERSION_2]
        self.process.stdin.write(json.dumps({"arguments": arguments, "folder": str(folder)}) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        assert code == 0, (folder / "stderr").read_text(encoding="utf-8")
        return (folder / "stdout").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cli(aws: LocalAws) -> Iterator[Cli]:
    made = Cli(aws)
    yield made
    made.process.communicate()


@pytest.fixture(scope="module")
def world(aws: LocalAws) -> World:
    return World(aws)


def members(value: Any, path: str = "") -> set[str]:
    """The dotted names in a document, and the values of those that must be told alike."""
    if isinstance(value, list):
        return {found for each in value for found in members(each, path)}
    if not isinstance(value, dict):
        return set()
    names = {path + name for name in value}
    told = {f"{path}{name}={value[name]}" for name in value.keys() & TOLD}
    return names | told | {found for name, each in value.items() for found in members(each, f"{path}{name}.")}


def newer(found: set[str]) -> set[str]:
    return {each for each in found if each.rpartition(".")[2] not in NEWER and "=" not in each}


def test_every_operation_has_an_example() -> None:
    operations = {xform_name(name, "-") for name in service_model().operation_names}
    assert {example.command for example in EXAMPLES} == operations
    assert len(EXAMPLES) == 35


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_of_the_cli_runs(example: Example, cli: Cli, world: World, tmp_path: Path) -> None:
    ids = world.ids(example)
    for name, text in example.files.items():
        (tmp_path / name).write_text(replaced(text, ids), encoding="utf-8")
    output = cli.run(replaced(example.text, ids), tmp_path)

    if example.output is None:
        expected, found = set(), members(json.loads(output or "{}"))
        assert example.command in ("get-image-frame", "tag-resource", "untag-resource")
        assert newer(found) <= {"contentType"}
    else:
        expected, found = members(example.output), members(json.loads(output))
        assert newer(found - expected) == set()
    assert expected - found == set()
    ends_well(world, example, ids, json.loads(output or "{}"), tmp_path)


def replaced(text: str, ids: dict[str, str]) -> str:
    for theirs, ours in ids.items():
        text = text.replace(theirs, ours)
    return text


def ends_well(world: World, example: Example, ids: dict[str, str], output: Any, folder: Path) -> None:
    """What the command began ends, and what it wrote or changed is what boto3 sees."""
    image_set = next((ids[each] for each in IMAGE_SETS if each in ids), "")
    arn = f"{world.store.arn}/imageset/{image_set}" if image_set else world.store.arn
    match example.command:
        case "copy-image-set":
            made = output["destinationImageSetProperties"]["imageSetId"]
            assert world.settled(made)["imageSetWorkflowStatus"] == "COPIED"
        case "update-image-set-metadata":
            assert world.settled(image_set)["imageSetWorkflowStatus"] == "UPDATED"
        case "delete-image-set":
            deleted = wait_for(lambda: world.settled(image_set)["imageSetState"] == "DELETED")
            assert deleted
        case "start-dicom-import-job":
            wait_for(lambda: world.store.job(output["jobId"])["jobStatus"] == "COMPLETED")
        case "get-image-frame":
            assert (folder / "imageframe.jph").read_bytes() == world.store.frame(image_set, ids[FRAME])
        case "get-image-set-metadata":
            written = gzip.decompress((folder / "studymetadata.json.gz").read_bytes())
            assert json.loads(written) == world.store.metadata(image_set)
        case "tag-resource" | "untag-resource":
            tags = world.store.imaging.list_tags_for_resource(resourceArn=arn)["tags"]
            assert ("Deployment" in tags) == (example.command == "tag-resource")


def test_the_program_itself_reaches_the_local_aws(cli: Cli, world: World) -> None:
    command = [Path(sys.executable).with_name("aws"), "medical-imaging", "list-datastores"]
    answered = subprocess.run(command, env=cli.environment, capture_output=True, check=True)
    found = json.loads(answered.stdout)["datastoreSummaries"]
    assert world.store.id in [each["datastoreId"] for each in found]


def test_a_refusal_is_told_in_the_cli_s_own_words(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ResourceNotFoundException.*GetDatastore operation"):
        cli.run(f"aws medical-imaging get-datastore --datastore-id {'0' * 32}", tmp_path)
