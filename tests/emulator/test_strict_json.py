"""JSON that Python reads and nobody else can: half characters, and numbers that are none."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import LocalAws, Store
from raw_requests import raw_request
from test_import_overrides import mapping, run
from test_updates import begin, describe, imported, settled

from emulator import strict_json
from emulator.errors import ValidationException
from emulator.image_sets.changes import Changes
from emulator.image_sets.constraints import check

HALF = "fine \ud83d"
UNWRITABLE = ['["\\ud83d"]', '{"\\ude00": 1}', "[1e999]", "[-1e999]", "[NaN]", "[Infinity]", "[" * 5000]


@pytest.mark.parametrize("text", [*UNWRITABLE, "[", b'["\xed\xa0\xbd"]', "[" + "9" * 5000 + "]"])
def test_what_cannot_be_written_again_is_not_read(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whichever kind
        strict_json.loads(text)


@pytest.mark.parametrize("value", [{"a": [1, -1.5e308, True, None]}, "\U0001f600", "é", 10**400])
def test_all_other_json_is_read(value: Any) -> None:
    assert strict_json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("text", UNWRITABLE)
def test_an_update_of_it_is_refused_and_locks_nothing(store: Store, text: str) -> None:
    image_set_id = imported(store)
    series = '{"1.2.3.4": {"Instances": {"1.2.3.4.1": {"DICOM": {"ImageComments": %s}}}}}' % text  # noqa: UP031
    tree = f'{{"SchemaVersion": 1.1, "Study": {{"Series": {series}}}}}'.encode()

    with pytest.raises(ClientError, match="updatableAttributes is not JSON"):
        begin(store, image_set_id, {"DICOMUpdates": {"updatableAttributes": tree}}, force=True)
    assert settled(store, image_set_id)["versionId"] == "1"
    with pytest.raises(ClientError, match="updatableAttributes is not JSON"):
        begin(store, image_set_id, describe(HALF))


@pytest.mark.parametrize("body", [*UNWRITABLE, '{"searchCriteria": {"filters": "\\ud83d"}}'])
def test_a_request_of_it_is_refused(aws: LocalAws, store: Store, body: str) -> None:
    answered = raw_request(aws, "POST", f"/datastore/{store.id}/searchImageSets", body.encode())

    assert (answered.status, answered.json["message"]) == (400, "the request body is not JSON")


@pytest.mark.parametrize(
    "content",
    [
        {"00104000": {"vr": "LT", "Value": [HALF]}},
        b'{"00189305": {"vr": "FD", "Value": [1e999]}}',
        b'{"00189305": {"vr": "FD", "Value": [NaN]}}',
    ],
)
def test_a_mapped_file_of_it_fails_its_own_instances_alone(store: Store, content: Any) -> None:
    files = {"1.dcm": ct_file(), "2.dcm": ct_file(StudyInstanceUID="1.2.4"), "study.json": content}

    job = run(store, files, mapping("study.json"))

    (line,) = store.lines(job, "FAILURE/failure.ndjson")
    assert (job["jobStatus"], line["inputFile"]) == ("COMPLETED", "in/1.dcm")
    assert line["exception"]["message"].endswith("it is not JSON")


@pytest.mark.parametrize(
    ("keyword", "value", "fits"),
    [
        ("RevolutionTime", 1.7e308, True),
        ("RevolutionTime", 10**400, False),
        ("RevolutionTime", float("inf"), False),
        ("RevolutionTime", float("nan"), False),
        ("RecommendedDisplayFrameRateInFloat", 3.4e38, True),
        ("RecommendedDisplayFrameRateInFloat", 3.5e38, False),
    ],
)
def test_a_floating_point_value_is_one_that_its_vr_holds(keyword: str, value: float, fits: bool) -> None:
    tree = {"Study": {"Series": {"1.2": {"Instances": {"1.2.3": {"DICOM": {keyword: value}}}}}}}
    changes = Changes(removals={}, updates=tree)

    if fits:
        check(changes, forced=False, is_primary=False, whole_study=False)
    else:
        with pytest.raises(ValidationException, match="is not a valid F"):
            check(changes, forced=False, is_primary=False, whole_study=False)
