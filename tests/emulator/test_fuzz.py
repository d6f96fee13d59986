"""A small share of `make fuzz`, and what its verdict rests on."""

from collections import Counter

from local_aws import Store

from benchmarks.fuzz import fuzzed
from benchmarks.outcomes import SERVER_ERROR, reasons, untold

FILES = 60


def test_damaged_files_end_a_job_completed_with_a_line_for_each(store: Store) -> None:
    files = {f"{number}": fuzzed(number) for number in range(FILES)}

    job = store.import_files(files)

    found = reasons(*store.all_lines(job))
    assert job["jobStatus"] == "COMPLETED"
    assert untold((f"in/{name}" for name in files), found) == []
    assert not [reason for _, reason in found if reason.startswith(SERVER_ERROR)]


def test_a_fuzzed_file_is_the_same_every_time() -> None:
    assert fuzzed(7) == fuzzed(7) != fuzzed(8)


def test_files_without_a_line_or_with_two_are_found() -> None:
    found = Counter({("a", "imported"): 1, ("b", "imported"): 1, ("b", "DICOM attributes does not exist"): 1})

    assert untold(["a", "b", "c"], found) == ["b", "c"]
    assert untold(["a"], Counter({("a", "imported"): 1, ("x", "imported"): 1})) == ["x"]


def test_reasons_name_warnings_and_faults_of_ours() -> None:
    fault = {"exceptionType": SERVER_ERROR, "message": "the process died"}
    warned = {"inputFile": "a", "importResponse": {"warnings": [{"type": "X"}, {"type": "Y"}]}}
    failed = {"inputFile": "b", "exception": fault}

    found = reasons([{"inputFile": "a", "importResponse": {}}], [failed], [warned])

    assert set(found) == {
        ("a", "imported with X and Y"),
        ("b", "InternalServerException: the process died"),
    }
