"""AWS HealthImaging data stores, made so that no change to the app can replace one."""

from collections.abc import Mapping, Sequence
from typing import Any

import constructs
import jsii
from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_healthimaging as healthimaging
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from healthimaging.acknowledge import acknowledge_wildcard
from healthimaging.functions import FunctionSettings, toolkit_function
from healthimaging.keys import DatastoreKey

CLOUDFORMATION_TYPE = "AWS::HealthImaging::Datastore"
CUSTOM_TYPE = "Custom::HealthImagingDatastore"
TAGS_TYPE = "Custom::HealthImagingDatastoreTags"
CLOUDFORMATION_FORMAT = "HTJ2K"
# The service's limit of a function; a data store is active within minutes.
CREATE_TIMEOUT = Duration.minutes(15)

READ_ACTIONS = (
    "GetDatastore",
    "SearchImageSets",
    "GetImageSet",
    "GetImageSetMetadata",
    "GetImageFrame",
    "ListImageSetVersions",
    "SearchDICOMStudies",
    "SearchDICOMSeries",
    "SearchDICOMInstances",
    "GetDICOMInstance",
    "GetDICOMInstanceFrames",
    "GetDICOMInstanceMetadata",
    "GetDICOMSeriesMetadata",
    "GetDICOMBulkdata",
)


class DatastoreBase(Construct):
    """A data store, whether this app made it or not."""

    datastore_id: str
    datastore_arn: str
    encryption_key: kms.IKey | None

    def grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        """Allow HealthImaging actions on the data store itself, not on its image sets."""
        return self._grant(grantee, actions, [self.datastore_arn])

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow image sets to be searched and read, by the native API and by DICOMweb."""
        arns = [self.datastore_arn, f"{self.datastore_arn}/imageset/*"]
        return self._grant(grantee, READ_ACTIONS, arns)

    def _grant(self, grantee: iam.IGrantable, actions: tuple[str, ...], arns: list[str]) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=[f"medical-imaging:{name}" for name in actions], resource_arns=arns
        )

    def metric(self, metric_name: str, **options: Any) -> cloudwatch.Metric:
        """A metric of HealthImaging; data stores made before February 2026 have none unless AWS is asked."""
        return cloudwatch.Metric(
            namespace="AWS/HealthImaging",
            metric_name=metric_name,
            **{
                "dimensions_map": {"DatastoreId": self.datastore_id},
                "statistic": "Average",
                **options,
            },
        )

    def metric_image_sets(self, **options: Any) -> cloudwatch.Metric:
        """Image sets, primary and not."""
        return self.metric("TotalImageSetCount", **options)

    def metric_storage_bytes(self, **options: Any) -> cloudwatch.Metric:
        """Bytes stored, in all storage tiers."""
        dimensions = {"DatastoreId": self.datastore_id, "StorageTier": "AllStorage"}
        return self.metric("StorageBytes", dimensions_map=dimensions, **options)


class Datastore(DatastoreBase):
    """A data store under a key of its own.

    CloudFormation replaces a data store whose name, key or tags change, and an empty one takes the place
    of the one with the patients in it. So it is always retained, no tag of the CDK reaches it (`tags` are
    applied through TagResource), and a stack with tags of its own is refused.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        datastore_name: str,
        key_alias: str,
        key_administrators: Sequence[str] = (),
        functions: FunctionSettings,
        lossless_storage_format: str = CLOUDFORMATION_FORMAT,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        key = DatastoreKey(self, "Key", alias=key_alias, administrators=key_administrators)
        self.encryption_key = key
        if lossless_storage_format == CLOUDFORMATION_FORMAT:
            resource = healthimaging.CfnDatastore(
                self, "Resource", datastore_name=datastore_name, kms_key_arn=key.key_arn
            )
            resource.apply_removal_policy(RemovalPolicy.RETAIN)
            resource.add_property_deletion_override("Tags")
            self.datastore_id = resource.attr_datastore_id
            self.datastore_arn = resource.attr_datastore_arn
        else:
            custom = self._create_by_api(datastore_name, key, lossless_storage_format, functions)
            self.datastore_id = custom.get_att_string("DatastoreId")
            self.datastore_arn = custom.get_att_string("DatastoreArn")
        self._apply_tags(tags or {}, functions)
        self.node.add_validation(NoStackTags(self))

    @staticmethod
    def from_datastore_attributes(
        scope: Construct, construct_id: str, *, datastore_id: str, encryption_key: kms.IKey | None = None
    ) -> DatastoreBase:
        """A data store of this account and Region that something else made."""
        datastore = DatastoreBase(scope, construct_id)
        datastore.datastore_id = datastore_id
        datastore.datastore_arn = _datastore_arn(datastore, datastore_id)
        datastore.encryption_key = encryption_key
        return datastore

    def _create_by_api(
        self, name: str, key: kms.IKey, lossless_storage_format: str, functions: FunctionSettings
    ) -> CustomResource:
        """CloudFormation has no property for the format, so a function calls CreateDatastore."""
        create = toolkit_function(
            self,
            "Create",
            handler="lambdas.datastore.create.handle",
            settings=functions,
            description="Creates the HealthImaging data store and waits until it is active",
            timeout=CREATE_TIMEOUT,
        )
        self._grant(create, ("CreateDatastore",), ["*"])
        any_datastore = _datastore_arn(self, "*")
        self._grant(create, ("GetDatastore",), [any_datastore])
        role = create.role
        assert isinstance(role, iam.Role)
        acknowledge_wildcard(role, "The id of the data store is known once it exists.", any_datastore)
        key.grant(
            create,
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:RetireGrant",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        )
        return CustomResource(
            self,
            "Resource",
            resource_type=CUSTOM_TYPE,
            service_token=create.function_arn,
            service_timeout=CREATE_TIMEOUT,
            removal_policy=RemovalPolicy.RETAIN,
            properties={
                "DatastoreName": name,
                "KmsKeyArn": key.key_arn,
                "LosslessStorageFormat": lossless_storage_format,
            },
        )

    def _apply_tags(self, tags: Mapping[str, str], functions: FunctionSettings) -> None:
        tag = toolkit_function(
            self,
            "Tag",
            handler="lambdas.datastore.tags.handle",
            settings=functions,
            description="Applies the deployment's tags to the HealthImaging data store",
            timeout=Duration.minutes(1),
        )
        self.grant(tag, "TagResource", "UntagResource")
        CustomResource(
            self,
            "Tags",
            resource_type=TAGS_TYPE,
            service_token=tag.function_arn,
            service_timeout=Duration.minutes(2),
            # The data store is retained, and so are its tags: there is nothing to ask the function for.
            removal_policy=RemovalPolicy.RETAIN,
            properties={"DatastoreArn": self.datastore_arn, "Tags": dict(tags)},
        )


@jsii.implements(constructs.IValidation)
class NoStackTags:
    """CloudFormation copies a stack's own tags to its resources, where they would replace the data store."""

    def __init__(self, datastore: Datastore) -> None:
        self._stack = Stack.of(datastore)

    def validate(self) -> list[str]:
        names = sorted(self._stack.tags.tag_values())
        if not names:
            return []
        return [
            f"the stack {self._stack.stack_name} has the tags {', '.join(names)}, and CloudFormation would "
            "replace its data stores when one of them changes: exclude the resource type aws:cdk:stack "
            "from Tags.of(...).add, and pass no tags to the Stack"
        ]


def _datastore_arn(scope: Construct, datastore_id: str) -> str:
    return Stack.of(scope).format_arn(
        service="medical-imaging", resource="datastore", resource_name=datastore_id
    )
