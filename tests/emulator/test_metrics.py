"""HealthImaging's metrics in CloudWatch, as boto3 reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from dicomweb_requests import DicomWeb
from local_aws import ACCOUNT, LocalAws, Store, wait_for


class CloudWatch:
    def __init__(self, aws: LocalAws) -> None:
        self._client = aws.client("cloudwatch")

    def points(self, name: str, dimensions: dict[str, str]) -> list[dict[str, Any]]:
        """Oldest first."""
        at = datetime.now(UTC)
        answer = self._client.get_metric_statistics(
            Namespace="AWS/HealthImaging",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=at - timedelta(hours=1),
            EndTime=at + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum", "Maximum", "SampleCount"],
        )
        return sorted(answer["Datapoints"], key=lambda each: each["Timestamp"])

    def holds(self, name: str, dimensions: dict[str, str]) -> float | None:
        """The most that was told in any minute."""
        points = self.points(name, dimensions)
        return max((each["Maximum"] for each in points), default=None)


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Store:
    """Two series of one study, and an instance that its patient sets apart."""
    found = Store(aws)
    found.import_files(
        {
            "1.dcm": ct_file(SOPInstanceUID="1.1"),
            "2.dcm": ct_file(SOPInstanceUID="1.2"),
            "3.dcm": ct_file(SOPInstanceUID="1.3", SeriesInstanceUID="1.2.3.5"),
            "4.dcm": ct_file(SOPInstanceUID="1.4", PatientID="P2"),
        }
    )
    wait_for(lambda: CloudWatch(aws).holds("TotalImageSetCount", {"DatastoreId": found.id}) == 3, seconds=60)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TotalImageSetCount", 3),
        ("PrimaryImageSetCount", 2),
        ("SmallImageSetCount", 3),
        ("DICOMStudyCount", 1),
        ("DICOMSeriesCount", 2),
        ("DICOMInstanceCount", 4),
    ],
)
def test_a_data_store_tells_what_it_holds(aws: LocalAws, store: Store, name: str, expected: int) -> None:
    points = CloudWatch(aws).points(name, {"DatastoreId": store.id})

    assert points[-1]["Maximum"] == expected
    assert points[-1]["Unit"] == "Count"


def test_bytes_are_told_by_storage_tier(aws: LocalAws, store: Store) -> None:
    watch = CloudWatch(aws)
    tiers = {
        tier: watch.holds("StorageBytes", {"DatastoreId": store.id, "StorageTier": tier})
        for tier in ("FrequentAccessStorage", "ArchiveInstantAccessStorage", "AllStorage")
    }

    assert tiers["AllStorage"]
    assert tiers["FrequentAccessStorage"] == tiers["AllStorage"]
    assert tiers["ArchiveInstantAccessStorage"] == 0
    assert watch.holds("StructuredStorageBytes", {"DatastoreId": store.id})


def test_an_account_tells_of_all_its_data_stores(aws: LocalAws, store: Store) -> None:
    watch, account = CloudWatch(aws), {"AccountId": ACCOUNT}

    assert (watch.holds("DataStoreCount", account) or 0) >= 1
    assert (watch.holds("ImageSetCount", account) or 0) >= 3
    assert watch.holds("StorageBytes", {**account, "StorageTier": "AllStorage"})


def test_calls_are_counted_by_operation_and_by_data_store(aws: LocalAws, store: Store) -> None:
    for _ in range(3):
        store.imaging.get_image_set(datastoreId=store.id, imageSetId=store.search()[0]["imageSetId"])
    with pytest.raises(ClientError, match="does not exist"):
        store.imaging.get_image_set(datastoreId=store.id, imageSetId="0" * 32)
    DicomWeb(store).get("/studies")
    watch = CloudWatch(aws)

    def calls(operation: str, **dimensions: str) -> float:
        return sum(each["Sum"] for each in watch.points("CallCount", {"Operation": operation, **dimensions}))

    wait_for(lambda: calls("SearchDICOMStudies", DatastoreId=store.id) == 1, seconds=60)
    assert calls("GetImageSet", DatastoreId=store.id) == 4
    assert calls("GetImageSet") >= 4
