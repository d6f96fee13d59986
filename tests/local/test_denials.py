"""What nobody may do, tried on two data stores that stand side by side: see `benchmarks.denials`."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.attempts import dead_letters
from benchmarks.clinic import Clinic, clinic
from benchmarks.denials import RESULTS, Row, answer, tried


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    before = dict(os.environ)
    with clinic(tmp_path_factory.mktemp("clinic")) as running:
        yield running
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def rows(aws: Clinic) -> list[Row]:
    return tried(aws)


def test_everything_that_must_be_denied_is(rows: list[Row]) -> None:
    assert [row for row in rows if not row.holds] == []


def test_the_results_tell_of_these_rows(rows: list[Row]) -> None:
    written = json.loads(RESULTS.read_text())
    assert [(each["who"], each["must_not"]) for each in written] == [(row.who, row.must_not) for row in rows]
    assert len(rows) >= 60


def code_of(aws: Clinic, who: str, service: str, operation: str, **parameters: Any) -> str:
    return answer(lambda: getattr(aws.client(service, who), operation)(**parameters))


def test_those_who_are_denied_may_do_their_own_work(aws: Clinic) -> None:
    """So no denial above is for want of a valid key."""
    main, trial = (aws.outputs[f"Datastore{name}Id"] for name in ("Main", "Trial"))
    uploads = aws.outputs["InputBucket"]
    assert code_of(aws, "readers", "medical-imaging", "search_image_sets", datastoreId=main) == "allowed"
    assert code_of(aws, "tagged", "medical-imaging", "get_datastore", datastoreId=main) == "allowed"
    assert code_of(aws, "study", "medical-imaging", "get_datastore", datastoreId=main) == "allowed"
    assert code_of(aws, "stewards", "medical-imaging", "search_image_sets", datastoreId=trial) == "allowed"
    jobs = {"datastoreId": main}
    assert code_of(aws, "auditors", "medical-imaging", "list_dicom_import_jobs", **jobs) == "allowed"
    assert code_of(aws, "importers", "s3", "list_objects_v2", Bucket=uploads, Prefix="trial/") == "allowed"
    key = {"pk": {"S": "control"}, "sk": {"S": "/"}}
    table = aws.outputs["LedgerTable"]
    assert code_of(aws, "operators", "dynamodb", "get_item", TableName=table, Key=key) == "allowed"
    assert answer(lambda: dead_letters(aws, "operators")) == "allowed"
    for name, prefix in (("Main", "radiology/"), ("Trial", "trial/")):
        role = aws.resource("access", f"{name}ImportRole")
        assert code_of(aws, role, "s3", "list_objects_v2", Bucket=uploads, Prefix=prefix) == "allowed"
