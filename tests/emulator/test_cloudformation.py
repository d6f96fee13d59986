"""AWS::HealthImaging::Datastore in a stack."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from ct_files import ct_file
from local_aws import ACCOUNT, REGION, LocalAws, Store, wait_for

ATTRIBUTES = ("DatastoreId", "DatastoreArn", "DatastoreStatus", "CreatedAt", "UpdatedAt")

Deployed = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def cloudformation(aws: LocalAws) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def deployed(cloudformation: Any) -> Deployed:
    """A finished stack with one data store of those properties."""

    def deploy(properties: dict[str, Any]) -> dict[str, Any]:
        outputs = {name: {"Value": {"Fn::GetAtt": ["Store", name]}} for name in ATTRIBUTES}
        outputs["Ref"] = {"Value": {"Ref": "Store"}}
        resource = {"Type": "AWS::HealthImaging::Datastore", "Properties": properties}
        name = f"stack-{uuid.uuid4().hex[:8]}"
        cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": {"Store": resource}, "Outputs": outputs})
        )
        wait_for(lambda: not described(cloudformation, name)["StackStatus"].endswith("_IN_PROGRESS"))
        return described(cloudformation, name)

    return deploy


def described(cloudformation: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return found


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_a_stack_makes_an_active_store(aws: LocalAws, deployed: Deployed) -> None:
    stack = deployed({"DatastoreName": "from-a-stack", "Tags": {"team": "imaging"}})

    imaging = aws.client("medical-imaging")
    found = outputs(stack)
    properties = imaging.get_datastore(datastoreId=found["DatastoreId"])["datastoreProperties"]
    tags = imaging.list_tags_for_resource(resourceArn=found["DatastoreArn"])["tags"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert (properties["datastoreName"], properties["datastoreStatus"]) == ("from-a-stack", "ACTIVE")
    assert tags == {"team": "imaging"}


def test_the_attributes_are_those_of_the_type(deployed: Deployed) -> None:
    found = outputs(deployed({}))

    arn = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{found['DatastoreId']}"
    assert found["Ref"] == found["DatastoreId"]
    assert found["DatastoreArn"] == arn
    assert found["DatastoreStatus"] == "ACTIVE"
    assert found["CreatedAt"].endswith("+00:00")


@pytest.mark.parametrize(
    "properties",
    [
        {"KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"},
        {"DatastoreName": "with spaces"},
        {"LosslessStorageFormat": "HTJ2K"},
    ],
    ids=["key that does not exist", "name of the wrong form", "property the type lacks"],
)
def test_a_store_that_cannot_be_made_fails_the_stack(deployed: Deployed, properties: dict[str, Any]) -> None:
    assert deployed(properties)["StackStatus"] == "ROLLBACK_COMPLETE"


def test_deleting_the_stack_deletes_the_store(aws: LocalAws, cloudformation: Any, deployed: Deployed) -> None:
    stack = deployed({})
    cloudformation.delete_stack(StackName=stack["StackName"])

    imaging = aws.client("medical-imaging")
    store = {"datastoreId": outputs(stack)["DatastoreId"]}

    def is_deleted() -> bool:
        properties = imaging.get_datastore(**store)["datastoreProperties"]
        return bool(properties["datastoreStatus"] == "DELETED")

    wait_for(is_deleted)


def test_a_store_that_holds_image_sets_keeps_its_stack(
    aws: LocalAws, cloudformation: Any, deployed: Deployed
) -> None:
    stack = deployed({})
    store = Store(aws)
    store.id, store.arn = (outputs(stack)[name] for name in ("DatastoreId", "DatastoreArn"))
    store.role = store.new_role([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    store.import_files({"1.dcm": ct_file()})
    cloudformation.delete_stack(StackName=stack["StackName"])

    wait_for(lambda: described(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_FAILED")
    assert len(store.search()) == 1
