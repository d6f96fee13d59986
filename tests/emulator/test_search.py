"""SearchImageSets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import ON_AWS, AwsAccount, LocalAws, Store

pytestmark = pytest.mark.also_on_aws

TWO_PATIENTS = {
    "1.dcm": ct_file(),
    "2.dcm": ct_file(
        PatientID="P2",
        AccessionNumber="A2",
        StudyID="S2",
        StudyInstanceUID="1.2.9",
        SeriesInstanceUID="1.2.9.1",
        StudyDate="20270101",
    ),
}


@pytest.fixture(scope="module")
def searched(aws: LocalAws | AwsAccount) -> Iterator[Store]:
    store = Store(aws)
    store.import_files(TWO_PATIENTS)
    # Not primary: it conflicts with the first.
    store.import_files({"3.dcm": ct_file(PatientID="P3")}, "conflicting/")
    yield store
    if ON_AWS:
        store.delete()


def equal(name: str, value: Any) -> dict[str, Any]:
    return {"operator": "EQUAL", "values": [{name: value}]}


def between(name: str, low: Any, high: Any) -> dict[str, Any]:
    return {"operator": "BETWEEN", "values": [{name: low}, {name: high}]}


def patients(found: list[dict[str, Any]]) -> list[str]:
    return sorted(each["DICOMTags"]["DICOMPatientId"] for each in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DICOMPatientId", "P2"),
        ("DICOMAccessionNumber", "A2"),
        ("DICOMStudyId", "S2"),
        ("DICOMStudyInstanceUID", "1.2.9"),
        ("DICOMSeriesInstanceUID", "1.2.9.1"),
    ],
)
def test_an_attribute_finds_exactly_its_value(searched: Store, name: str, value: str) -> None:
    assert patients(searched.search(equal(name, value))) == ["P2"]


def test_primary_sets_can_be_told_from_others(searched: Store) -> None:
    assert patients(searched.search(equal("isPrimary", False))) == ["P3"]


def test_filters_narrow_each_other(searched: Store) -> None:
    both = searched.search(equal("DICOMStudyInstanceUID", "1.2.3"), equal("isPrimary", True))

    assert patients(both) == ["P1"]


def test_a_value_that_is_nowhere_finds_nothing(searched: Store) -> None:
    assert searched.search(equal("DICOMPatientId", "P")) == []


def test_a_study_is_found_between_two_dates(searched: Store) -> None:
    low, high = {"DICOMStudyDate": "20270101"}, {"DICOMStudyDate": "20280101", "DICOMStudyTime": "000000"}

    assert patients(searched.search(between("DICOMStudyDateAndTime", low, high))) == ["P2"]


def moment(date: str, time: str = "") -> dict[str, str]:
    return {"DICOMStudyDate": date, **({"DICOMStudyTime": time} if time else {})}


@pytest.mark.parametrize("time", ["030405", "030405.0000"])
def test_a_study_is_found_by_its_date_and_time(searched: Store, time: str) -> None:
    found = searched.search(equal("DICOMStudyDateAndTime", moment("20270101", time)))

    assert patients(found) == (["P2"] if time == "030405" else [])


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (moment("20260102"), moment("20260102", "030405"), ["P1", "P3"]),
        (moment("20260102"), moment("20260102"), []),
        (moment("20260102", "0304"), moment("20260102", "0305"), ["P1", "P3"]),
        (moment("20260102", "030406"), moment("20270101", "030404"), []),
        (moment("19900101", "000000"), moment("20270102", "000000"), ["P1", "P2", "P3"]),
    ],
)
def test_both_bounds_belong_to_the_range_and_a_date_alone_is_midnight(
    searched: Store, low: dict[str, str], high: dict[str, str], found: list[str]
) -> None:
    assert patients(searched.search(between("DICOMStudyDateAndTime", low, high))) == found


@pytest.mark.parametrize("name", ["createdAt", "updatedAt"])
def test_an_image_set_is_found_by_a_time_of_its_own(searched: Store, name: str) -> None:
    (one,) = searched.search(equal("DICOMPatientId", "P3"))

    assert patients(searched.search(equal(name, one[name]))) == ["P3"]
    assert "P3" in patients(searched.search(between(name, one[name], one[name])))


def test_a_text_filter_and_a_time_filter_go_together(searched: Store) -> None:
    now = datetime.now(UTC)
    lately = between("updatedAt", now - timedelta(days=1), now + timedelta(days=1))
    sort = {"sortField": "updatedAt", "sortOrder": "ASC"}
    answer = searched.imaging.search_image_sets(
        datastoreId=searched.id,
        searchCriteria={"filters": [lately, equal("DICOMSeriesInstanceUID", "1.2.3.4")], "sort": sort},
    )

    found = [each["DICOMTags"]["DICOMPatientId"] for each in answer["imageSetsMetadataSummaries"]]
    assert found == ["P1", "P3"]


@pytest.mark.parametrize("field", ["createdAt", "updatedAt", "DICOMStudyDateAndTime"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_pages_follow_the_order(searched: Store, field: str, order: str) -> None:
    sort = {"sort": {"sortField": field, "sortOrder": order}}
    paginator = searched.imaging.get_paginator("search_image_sets")
    pages = list(
        paginator.paginate(datastoreId=searched.id, searchCriteria=sort, PaginationConfig={"PageSize": 1})
    )
    paged = [each["imageSetId"] for page in pages for each in page["imageSetsMetadataSummaries"]]
    whole = searched.imaging.search_image_sets(datastoreId=searched.id, searchCriteria=sort)

    assert paged == [each["imageSetId"] for each in whole["imageSetsMetadataSummaries"]]
    assert len(paged) == 3


def test_more_than_two_filters_are_refused(searched: Store) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        searched.search(*[equal("DICOMPatientId", "P1")] * 3)


def test_a_token_of_something_else_is_refused(searched: Store) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        searched.search(nextToken="abc")


def test_an_image_set_is_found_by_when_it_was_made(searched: Store) -> None:
    now = datetime.now(UTC)
    past = searched.search(between("createdAt", now - timedelta(days=2), now - timedelta(days=1)))
    present = searched.search(between("createdAt", now - timedelta(days=1), now + timedelta(days=1)))

    assert (len(past), len(present)) == (0, 3)


@pytest.mark.parametrize(
    "refused",
    [
        {"operator": "BETWEEN", "values": [{"DICOMPatientId": "P1"}, {"DICOMPatientId": "P2"}]},
        {"operator": "EQUAL", "values": [{"DICOMPatientId": "P1"}, {"DICOMPatientId": "P2"}]},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(searched: Store, refused: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        searched.search(refused)


def test_results_carry_the_tags_of_patient_study_and_series(searched: Store) -> None:
    (found,) = searched.search(equal("DICOMPatientId", "P2"))

    tags = found["DICOMTags"]
    assert tags["DICOMPatientName"] == "Test^One"
    assert tags["DICOMStudyDate"] == "20270101"
    assert tags["DICOMSeriesModality"] == "CT"
    assert tags["DICOMSeriesNumber"] == 1
    assert tags["DICOMNumberOfStudyRelatedSeries"] == 1
    assert tags["DICOMNumberOfStudyRelatedInstances"] == 1


def test_results_come_last_updated_first(searched: Store) -> None:
    times = [each["updatedAt"] for each in searched.search()]

    assert times == sorted(times, reverse=True)


def test_results_can_be_sorted_by_study_date(searched: Store) -> None:
    answer = searched.imaging.search_image_sets(
        datastoreId=searched.id,
        searchCriteria={"sort": {"sortField": "DICOMStudyDateAndTime", "sortOrder": "ASC"}},
    )

    dates = [each["DICOMTags"]["DICOMStudyDate"] for each in answer["imageSetsMetadataSummaries"]]
    assert dates == ["20260102", "20260102", "20270101"]
    assert answer["sort"] == {"sortField": "DICOMStudyDateAndTime", "sortOrder": "ASC"}


def test_pages_hold_every_result_once(searched: Store) -> None:
    found: list[str] = []
    page: dict[str, Any] = {}
    while not found or "nextToken" in page:
        token = {"nextToken": page["nextToken"]} if page else {}
        page = searched.imaging.search_image_sets(datastoreId=searched.id, maxResults=1, **token)
        found += [each["imageSetId"] for each in page["imageSetsMetadataSummaries"]]

    assert len(found) == len(set(found)) == 3
