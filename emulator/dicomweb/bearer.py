"""DICOMweb with an OpenID Connect token: the data store's Lambda authorizer names the role of its bearer.

The request is then made again, signed by that role, so that IAM judges it like any other.
"""

import http.client
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from emulator import events
from emulator.aws import Aws, Credentials, RoleRefused, Scope
from emulator.dicomweb.routes import RESOURCE, action_of
from emulator.errors import (
    AccessDeniedException,
    ResourceNotFoundException,
    ServiceError,
    UnknownOperationException,
)
from emulator.routes import Answer, guarded
from emulator.storage import Row, Storage

PREFIX = "bearer "
PRINCIPAL = "medical-imaging.amazonaws.com"
SECONDS_TO_AUTHORIZE = 1
OLDEST_TOKEN = 12 * 3600
# What a request keeps when it is signed again.
KEPT_HEADERS = ("accept", "content-type", "host")
PASSED_HEADERS = ("content-type", "x-amzn-errortype", "warning")


class FailedDependencyException(ServiceError):  # noqa: N818 - what DICOMweb answers
    """The authorizer, or the role that it names, is not as it must be."""

    status = 424


class RequestTimeoutException(ServiceError):  # noqa: N818 - what DICOMweb answers
    """The authorizer took longer than it may."""

    status = 408


def is_bearer(path: str, headers: Mapping[str, str]) -> bool:
    """Whether the request is DICOMweb and carries a token instead of a signature."""
    is_dicomweb = RESOURCE.fullmatch(path) is not None
    return is_dicomweb and headers.get("authorization", "").lower().startswith(PREFIX)


class Bearers:
    """Answers the requests that `is_bearer` tells."""

    def __init__(self, storage: Storage, aws: Aws, endpoint: str) -> None:
        self._storage = storage
        self._aws = aws
        self._endpoint = endpoint

    def answer(self, method: str, path: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """`target` is the path as sent, with its query."""
        return guarded(method, path, lambda: self._answer(method, path, target, headers, body))

    def _answer(self, method: str, path: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        datastore = self._datastore(path)
        operation = action_of(method, path)
        if operation is None:
            raise UnknownOperationException("no DICOMweb action of this service has this method and path")
        token = headers["authorization"][len(PREFIX) :].strip()
        check_token(token, time.time())
        scope = Scope(datastore["account"], datastore["region"])
        role = role_of(self._authorized(datastore, operation, token), scope)
        try:
            credentials = self._aws.assume_role(
                role, source_arn=events.datastore_arn(datastore), scope=scope, session_name="dicomweb"
            )
        except RoleRefused as error:
            raise FailedDependencyException(f"Authorizer Misconfiguration: {error}") from error
        return self._signed(credentials, scope, method, target, headers, body)

    def _datastore(self, path: str) -> Row:
        identity = path.split("/")[2]
        row = self._storage.row("SELECT * FROM datastores WHERE id = ? AND status = 'ACTIVE'", identity)
        if row is None:
            raise ResourceNotFoundException(f"data store {identity} does not exist")
        if row["authorizer_arn"] is None:
            raise AccessDeniedException(
                "the data store was created without lambdaAuthorizerArn: sign the request"
            )
        return row

    def _authorized(self, datastore: Row, operation: str, token: str) -> Any:
        """What the authorizer answers."""
        # botocore is slow to import, and no other request needs a client of it.
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError, ReadTimeoutError

        function = datastore["authorizer_arn"]
        if function.split(":")[3:5] != [datastore["region"], datastore["account"]]:
            raise FailedDependencyException("Cross Account/Cross Region Access: the authorizer is elsewhere")
        client = boto3.client(
            "lambda",
            endpoint_url=self._endpoint,
            region_name=datastore["region"],
            aws_access_key_id=datastore["account"],
            aws_secret_access_key="local",  # noqa: S106 - an account root of the local AWS has no other
            config=Config(read_timeout=SECONDS_TO_AUTHORIZE, retries={"total_max_attempts": 1}),
        )
        event = {"datastoreId": datastore["id"], "operation": operation, "bearerToken": token}
        try:
            if not admits(
                client.get_policy(FunctionName=function)["Policy"], events.datastore_arn(datastore)
            ):
                raise FailedDependencyException(
                    f"Authorizer Misconfiguration: the function's policy must allow {PRINCIPAL} to invoke it"
                    " for this data store"
                )
            invoked = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
            return _answer_of(invoked)
        except ReadTimeoutError as error:
            message = f"Authorizer Timeout: it took longer than {SECONDS_TO_AUTHORIZE} s"
            raise RequestTimeoutException(message) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise FailedDependencyException(f"Authorizer Misconfiguration: Lambda answers {code}") from error

    def _signed(
        self,
        credentials: Credentials,
        scope: Scope,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as Keys

        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        request = AWSRequest(method, self._endpoint + target, data=body, headers=kept)
        SigV4Auth(Keys(*credentials), "medical-imaging", scope.region).add_auth(request)
        connection = http.client.HTTPSConnection(urlsplit(self._endpoint).netloc)
        try:
            connection.request(method, target, body, dict(request.headers))
            response = connection.getresponse()
            given = [(name.lower(), value) for name, value in response.getheaders()]
            passed = {name: value for name, value in given if name in PASSED_HEADERS}
            return Answer(response.status, passed, response.read())
        finally:
            connection.close()


def check_token(token: str, at: float) -> None:
    """Raises AccessDeniedException unless the JWT is of that time. Signatures are the authorizer's part."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires, issued, begins = claims["exp"], claims["iat"], claims.get("nbf", 0)
        is_current = begins <= at < expires and at - OLDEST_TOKEN <= issued <= at
    except (ValueError, KeyError, TypeError, AttributeError):
        is_current = False
    if not is_current:
        raise AccessDeniedException(
            "Invalid or Expired Token: a JWT with exp and iat is needed, issued within the last 12 hours"
        )


def _answer_of(invoked: Mapping[str, Any]) -> Any:
    if "FunctionError" in invoked:
        raise FailedDependencyException("Authorizer Failed: the function raised an error")
    try:
        return json.loads(invoked["Payload"].read())
    except ValueError as error:
        raise FailedDependencyException("Authorizer Failed: the answer is not JSON") from error


def role_of(answer: Any, scope: Scope) -> str:
    """The role that the authorizer names. Raises what the service answers when it names none."""
    is_valid = answer.get("isTokenValid") if isinstance(answer, dict) else None
    if not isinstance(is_valid, bool):
        raise FailedDependencyException("Authorizer Misconfiguration: isTokenValid must be true or false")
    if not is_valid:
        raise AccessDeniedException("Invalid or Expired Token: the authorizer does not accept it")
    role = answer.get("roleArn")
    if not role:
        raise AccessDeniedException("Access Denied: the authorizer names no role")
    if not isinstance(role, str) or not role.startswith("arn:aws:iam::"):
        raise FailedDependencyException("Authorizer Misconfiguration: roleArn is not the ARN of a role")
    if role.split(":")[4] != scope.account:
        raise FailedDependencyException("Cross Account/Cross Region Access: the role is of another account")
    return role


def admits(policy: str, datastore_arn: str) -> bool:
    """Whether a function's policy lets HealthImaging invoke it for the data store."""
    return any(
        statement["Effect"] == "Allow"
        and PRINCIPAL in _services(statement)
        and "lambda:InvokeFunction" in _listed(statement.get("Action"))
        and any(fnmatchcase(datastore_arn, each) for each in _source_arns(statement))
        for statement in json.loads(policy)["Statement"]
    )


def _services(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    # Everybody, "*", is no service: HealthImaging must be named.
    return _listed(principal.get("Service")) if isinstance(principal, dict) else []


def _source_arns(statement: Mapping[str, Any]) -> list[str]:
    conditions = statement.get("Condition") or {"ArnLike": {"AWS:SourceArn": "*"}}
    return [
        pattern
        for tests in conditions.values()
        for key, patterns in tests.items()
        if key.lower() == "aws:sourcearn"
        for pattern in _listed(patterns)
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
