"""The CloudFormation type AWS::HealthImaging::Datastore: create and delete, no update, as on AWS."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.errors import ResourceNotFoundException, ServiceError
from emulator.model import service_model
from emulator.validation import validate

PROPERTIES = {"DatastoreName": "datastoreName", "KmsKeyArn": "kmsKeyArn", "Tags": "tags"}


def datastore_provisioner(
    datastores: Datastores, request_scope: Callable[[], Scope]
) -> Mapping[str, Callable[..., Any]]:
    """The handlers of the type. They return once the data store is ACTIVE or DELETED."""

    def create(
        _logical_id: str, properties: Mapping[str, Any], _stack_name: str
    ) -> tuple[str, dict[str, str]]:
        scope = request_scope()
        datastore = datastores.begin(scope, _parameters(properties))
        datastores.finish_creating(datastore["id"])
        made = datastores.get(scope, {"datastoreId": datastore["id"]})["datastoreProperties"]
        if made["datastoreStatus"] != "ACTIVE":
            raise ValueError("the data store is CREATE_FAILED: KmsKeyArn must name an enabled symmetric key")
        return datastore["id"], _attributes(made)

    def delete(datastore_id: str, _properties: Mapping[str, Any]) -> None:
        try:
            datastore = datastores.find(request_scope(), datastore_id)
        except ResourceNotFoundException:
            return
        if datastore["status"] != "DELETED":
            datastores.begin_deleting(datastore)
            datastores.finish_deleting(datastore_id)

    return {"create": create, "delete": delete}


def _parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    unknown = properties.keys() - PROPERTIES.keys()
    if unknown:
        raise ValueError(f"AWS::HealthImaging::Datastore has no property {', '.join(sorted(unknown))}")
    parameters = {PROPERTIES[name]: value for name, value in properties.items()}
    parameters["clientToken"] = secrets.token_hex(16)
    try:
        validate(service_model().operation_model("CreateDatastore").input_shape, parameters)
    except ServiceError as error:
        raise ValueError(error.message) from error
    return parameters


def _attributes(made: Mapping[str, Any]) -> dict[str, str]:
    return {
        "DatastoreId": made["datastoreId"],
        "DatastoreArn": made["datastoreArn"],
        "DatastoreStatus": made["datastoreStatus"],
        "CreatedAt": _iso(made["createdAt"]),
        "UpdatedAt": _iso(made["updatedAt"]),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
