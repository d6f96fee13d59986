"""A folder's files, counted as a study."""

from datetime import timedelta

from ledger_in_memory import NOON, a_file

from cli.studies import study, totals
from lambdas.importing.files import Status


def test_a_study_counts_each_fate_and_each_image_set_once() -> None:
    found = study(
        "ct/",
        [
            a_file("ct/1", Status.IMPORTED, after=9, image_set_id="a"),
            a_file("ct/2", Status.IMPORTED, after=9, image_set_id="a"),
            a_file("ct/3", Status.IMPORTED, after=9, image_set_id="b"),
            a_file("ct/4", Status.FAILED, after=9, reason="no SOP class"),
            a_file("ct/5", Status.FAILED, after=9, reason="no SOP class"),
            a_file("ct/6", Status.SKIPPED, after=0, reason="empty"),
            a_file("ct/7"),
        ],
    )
    assert (found.uploaded, found.imported, found.failed, found.skipped, found.waiting) == (7, 3, 2, 1, 1)
    assert found.image_sets == 2
    assert found.reasons == ["no SOP class"]


def test_the_seconds_run_from_the_last_upload_to_the_last_fate() -> None:
    late = NOON + timedelta(seconds=4)
    files = [
        a_file("ct/1", Status.IMPORTED, after=12.5),
        a_file("ct/2", Status.IMPORTED, after=11, uploaded_at=late),
    ]
    assert study("ct/", files).seconds == 8.5


def test_a_study_with_a_waiting_file_has_no_seconds_yet() -> None:
    assert study("ct/", [a_file("ct/1", Status.IMPORTED, after=9), a_file("ct/2")]).seconds is None


def test_the_totals_add_up_and_name_the_slowest_study() -> None:
    found = [
        study("a/", [a_file("a/1", Status.IMPORTED, after=3)]),
        study("b/", [a_file("b/1", Status.FAILED, after=7)]),
    ]
    sums = totals(found)
    assert (sums["studies"], sums["uploaded"], sums["imported"], sums["failed"], sums["seconds"]) == (
        2,
        2,
        1,
        1,
        7,
    )


def test_no_studies_have_totals_of_nothing() -> None:
    assert totals([])["seconds"] is None
