"""CloudTrail's event history: who called which operation of HealthImaging, and never with what."""

import json
from typing import Any

from ct_files import ct_file
from iam_users import User
from local_aws import LocalAws, Store, only_series


def recorded(aws: LocalAws, user: User, name: str) -> list[dict[str, Any]]:
    """The user's events of that name."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": name}]
    found = aws.client("cloudtrail").lookup_events(LookupAttributes=wanted)["Events"]
    return [each for each in found if each["AccessKeyId"] == user.keys[0]]


def everything(aws: LocalAws) -> User:
    return User(aws, {"Action": "*", "Resource": "*"})


def test_a_call_is_told_by_its_operation_and_its_caller(aws: LocalAws, store: Store) -> None:
    user = everything(aws)
    user.imaging.get_datastore(datastoreId=store.id)

    (event,) = recorded(aws, user, "GetDatastore")
    assert event["EventSource"] == "medical-imaging.amazonaws.com"
    assert event["ReadOnly"] == "true"


def test_what_is_searched_for_is_not_told(aws: LocalAws, store: Store) -> None:
    user = everything(aws)
    wanted = [{"operator": "EQUAL", "values": [{"DICOMPatientId": "Doe"}]}]
    user.imaging.search_image_sets(datastoreId=store.id, searchCriteria={"filters": wanted})

    (event,) = recorded(aws, user, "SearchImageSets")
    assert "Doe" not in json.dumps(event, default=str)


def test_data_events_are_not_in_the_history(aws: LocalAws, store: Store) -> None:
    user = everything(aws)
    store.import_files({"1.dcm": ct_file()})
    (found,) = store.search()
    image_set = {"datastoreId": store.id, "imageSetId": found["imageSetId"]}
    (instance,) = only_series(store.metadata(found["imageSetId"]))["Instances"].values()
    frame_id = instance["ImageFrames"][0]["ID"]

    user.imaging.get_image_set(**image_set)
    user.imaging.get_image_frame(**image_set, imageFrameInformation={"imageFrameId": frame_id})
    assert user.dicomweb(store).get("/studies/1.2.3/series/1.2.3.4/metadata").status == 200

    assert len(recorded(aws, user, "GetImageSet")) == 1
    assert recorded(aws, user, "GetImageFrame") == []
    assert recorded(aws, user, "GetDICOMSeriesMetadata") == []
