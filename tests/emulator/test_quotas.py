"""What a job may hold."""

import pytest

from emulator.imports.jobs import as_folder, bucket_and_prefix
from emulator.imports.quotas import BYTES, FILES, FOLDERS, QuotaExceeded, within_quotas


def test_a_job_at_its_limits_is_accepted() -> None:
    objects = [(f"in/{number}", BYTES // FILES) for number in range(FILES)]

    assert within_quotas(objects, "in/") == [key for key, _ in objects]


@pytest.mark.parametrize(
    ("objects", "quota"),
    [
        ([(f"in/{number}", 1) for number in range(FILES + 1)], "FILE_COUNTS"),
        ([("in/a", BYTES + 1)], "FILE_SIZE"),
        ([("in/a", BYTES), ("in/b", 1)], "TOTAL_SIZE"),
        ([("in/" + "d/" * (FOLDERS + 1) + "a", 1)], "FOLDER_COUNTS"),
    ],
)
def test_more_than_a_job_may_hold_is_refused(objects: list[tuple[str, int]], quota: str) -> None:
    with pytest.raises(QuotaExceeded, match=f"{quota}_LIMIT_EXCEEDED: an import job takes at most"):
        within_quotas(objects, "in/")


def test_listing_stops_at_the_first_file_too_many() -> None:
    endless = ((f"in/{number}", 1) for number in iter(int, 1))

    with pytest.raises(QuotaExceeded):
        within_quotas(endless, "in/")


def test_a_folder_above_the_prefix_does_not_count() -> None:
    deep = "a/" * (FOLDERS + 1)

    assert within_quotas([(deep + "b/c", 1)], deep) == [deep + "b/c"]


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b/"),
        ("s3://bucket/a/", "s3://bucket/a/"),
        ("s3://bucket", "s3://bucket/"),
    ],
)
def test_a_prefix_is_taken_as_a_folder(uri: str, folder: str) -> None:
    assert as_folder(uri) == folder


def test_a_uri_is_a_bucket_and_a_prefix() -> None:
    assert bucket_and_prefix("s3://bucket/a/b/") == ("bucket", "a/b/")
