"""No change to the app may replace a data store or touch what is in it."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from config.deployment import Deployment, load_deployment
from healthimaging.datastore import Datastore
from healthimaging.functions import FunctionSettings

TYPE = "AWS::HealthImaging::Datastore"
CUSTOM_TYPE = "Custom::HealthImagingDatastore"


def one_store(app: App, **options: Any) -> Stack:
    stack = Stack(app, "Stack", **options)
    settings = FunctionSettings(key=kms.Key(stack, "Logs"), log_days=7, removal_policy=RemovalPolicy.DESTROY)
    Datastore(stack, "Store", datastore_name="store", key_alias="store", functions=settings)
    return stack


@pytest.mark.parametrize("name", ["sandbox", "production"])
def test_a_data_store_is_kept_when_it_is_deleted_or_replaced(name: str, request: Any) -> None:
    for _, resource in request.getfixturevalue(name).all_of(TYPE):
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_a_data_store_that_the_api_makes_is_kept_too(two_stores: Any) -> None:
    (resource,) = two_stores.resources("Data", CUSTOM_TYPE).values()
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert resource["Properties"]["LosslessStorageFormat"] == "JPEG_2000_LOSSLESS"


def test_every_data_store_is_under_a_key_of_its_own(two_stores: Any) -> None:
    stores = [*two_stores.all_of(TYPE), *two_stores.all_of(CUSTOM_TYPE)]
    keys = [resource["Properties"]["KmsKeyArn"]["Fn::GetAtt"] for _, resource in stores]
    assert len({name for name, _ in keys}) == len(stores) == 2
    for name, attribute in keys:
        key = two_stores.resources("Data", "AWS::KMS::Key")[name]
        assert attribute == "Arn"
        assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"


def test_a_changed_tag_changes_the_tags_resource_and_no_data_store(
    sandbox: Any, make_templates: Callable[[Deployment], Any]
) -> None:
    deployment = load_deployment("sandbox")
    tagged = make_templates(deployment.model_copy(update={"tags": {"cost-centre": "42"}}))
    assert dict(tagged.all_of(TYPE)) == dict(sandbox.all_of(TYPE))
    (tags,) = tagged.resources("Data", "Custom::HealthImagingDatastoreTags").values()
    assert tags["Properties"]["Tags"] == {"cost-centre": "42"}


def test_tags_reach_what_is_not_a_data_store(sandbox: Any) -> None:
    wanted = {"Key": "deployment", "Value": "sandbox"}
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Lambda::Function"):
        for name, resource in sandbox.all_of(kind):
            assert wanted in resource["Properties"]["Tags"], name


def test_no_tag_reaches_a_data_store_even_when_an_app_forgets_to_exclude_it(context: Any) -> None:
    app = App(context=context)
    stack = one_store(app)
    Tags.of(app).add("cost-centre", "42")
    Template.from_stack(stack).has_resource_properties(TYPE, {"Tags": Match.absent()})


def test_a_stack_with_tags_of_its_own_is_refused(context: Any) -> None:
    app = App(context=context)
    one_store(app, tags={"cost-centre": "42"})
    with pytest.raises(RuntimeError, match="has the tags cost-centre, and CloudFormation would replace"):
        app.synth()


def test_healthimaging_may_use_the_key_of_a_data_store_in_its_own_context_only(sandbox: Any) -> None:
    (store,) = sandbox.resources("Data", TYPE).values()
    key = sandbox.resources("Data", "AWS::KMS::Key")[store["Properties"]["KmsKeyArn"]["Fn::GetAtt"][0]]
    admitted = [
        statement
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"].get("Service") == "medical-imaging.amazonaws.com"
    ]
    assert len(admitted) == 1
    assert admitted[0]["Action"] == [
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
    ]
    assert list(admitted[0]["Condition"]["StringLike"]) == [
        "kms:EncryptionContext:kms-arn",
        "kms:EncryptionContext:aws:medical-imaging:datastoreId",
    ]


def test_readers_of_an_existing_data_store_read_its_image_sets_and_write_nothing(context: Any) -> None:
    stack = Stack(App(context=context), "Stack")
    role = iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())
    Datastore.from_datastore_attributes(stack, "Store", datastore_id="a" * 32).grant_read(role)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    verbs = {action.removeprefix("medical-imaging:")[:3] for action in statement["Action"]}
    assert verbs == {"Get", "Lis", "Sea"}
    resources = [str(arn) for arn in statement["Resource"]]
    assert all(f"datastore/{'a' * 32}" in arn for arn in resources)
    assert "imageset/*" in resources[1]


def test_metrics_name_the_data_store(context: Any) -> None:
    stack = Stack(App(context=context), "Stack")
    store = Datastore.from_datastore_attributes(stack, "Store", datastore_id="a" * 32)
    assert store.metric_image_sets().dimensions == {"DatastoreId": "a" * 32}
    assert store.metric_storage_bytes().dimensions == {"DatastoreId": "a" * 32, "StorageTier": "AllStorage"}
    assert store.metric_image_sets().namespace == "AWS/HealthImaging"
