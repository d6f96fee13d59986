"""DICOMweb with OpenID Connect tokens, through a Lambda authorizer that runs here."""

import io
import json
import time
import uuid
import zipfile
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from ct_files import ct_file
from dicomweb_requests import Response
from local_aws import ACCOUNT, REGION, LocalAws, Store, wait_for

from emulator.aws import Scope
from emulator.dicomweb.bearer import FailedDependencyException, admits, check_token, role_of
from emulator.errors import AccessDeniedException

ARN = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{'a' * 32}"
SCOPE = Scope(ACCOUNT, REGION)
INSTANCE = "/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1"
# The token's own claims say what the function is to answer.
FUNCTION = """
import base64, json, time

def handle(event, context):
    payload = event["bearerToken"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    time.sleep(claims.get("sleep", 0))
    if "raise" in claims:
        raise RuntimeError("no")
    if claims.get("operation", event["operation"]) != event["operation"]:
        return {"isTokenValid": False}
    return claims["answer"]
"""


def token(**claims: Any) -> str:
    now = int(time.time())
    payload = json.dumps({"iat": now - 10, "exp": now + 60, **claims}).encode()
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", payload, b"signature"))


class Authorized:
    """A data store with an authorizer, one instance, and a role that may get it and nothing else."""

    def __init__(self, aws: LocalAws) -> None:
        self.lambda_ = aws.client("lambda")
        self.name = f"authorizer-{uuid.uuid4().hex[:8]}"
        self.store = Store(aws, lambdaAuthorizerArn=self._function(aws))
        self.lambda_.add_permission(
            FunctionName=self.name,
            StatementId="imaging",
            Action="lambda:InvokeFunction",
            Principal="medical-imaging.amazonaws.com",
            SourceArn=self.store.arn,
        )
        get = {"Effect": "Allow", "Action": "medical-imaging:GetDICOMInstance", "Resource": self.store.arn}
        self.role = self.store.new_role([get])
        self.store.import_files({"1.dcm": ct_file(SOPInstanceUID="1.2.3.4.1")})
        # The function starts in more than the second that it has.
        wait_for(lambda: self.get(self.allowed()).status != 408)

    def _function(self, aws: LocalAws) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("authorizer.py", FUNCTION)
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = aws.client("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument=document)["Role"]
        made = self.lambda_.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=role["Arn"],
            Handler="authorizer.handle",
            Code={"ZipFile": archive.getvalue()},
        )
        arn: str = made["FunctionArn"]
        return arn

    def allowed(self, **claims: Any) -> str:
        return token(answer={"isTokenValid": True, "roleArn": self.role}, **claims)

    def get(self, bearer: str, path: str = INSTANCE, **headers: str) -> Response:
        url = f"{self.store.imaging.meta.endpoint_url}/datastore/{self.store.id}{path}"
        request = AWSRequest("GET", url, headers={"Authorization": f"Bearer {bearer}", **headers})
        answered = URLLib3Session(verify=self.store.verify).send(request.prepare())
        lowered = {name.lower(): value for name, value in answered.headers.items()}
        return Response(answered.status_code, lowered, answered.content)


@pytest.fixture(scope="module")
def authorized(aws: LocalAws) -> Authorized:
    return Authorized(aws)


def test_a_bearer_gets_what_the_role_may_get(authorized: Authorized) -> None:
    answer = authorized.get(authorized.allowed(operation="GetDICOMInstance"), Accept="application/dicom")

    assert (answer.status, answer.content_type) == (200, "application/dicom")
    assert answer.body[128:132] == b"DICM"


def test_a_bearer_does_not_get_what_the_role_may_not(authorized: Authorized) -> None:
    answer = authorized.get(authorized.allowed(), f"{INSTANCE}/metadata")

    assert answer.status == 403
    assert "medical-imaging:GetDICOMInstanceMetadata" in answer.json["message"]


def test_what_does_not_exist_is_404_with_a_token_too(authorized: Authorized) -> None:
    assert authorized.get(authorized.allowed(), INSTANCE + "9?x=1").status == 404


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"isTokenValid": False, "roleArn": ""}, 403),
        ({"isTokenValid": True, "roleArn": ""}, 403),
        ({"isTokenValid": True, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, 424),
        ({"isTokenValid": True, "roleArn": "arn:aws:iam::111122223333:role/other"}, 424),
        ({"roleArn": "x"}, 424),
        (None, 424),
    ],
)
def test_what_the_authorizer_answers_decides(authorized: Authorized, answer: Any, status: int) -> None:
    assert authorized.get(token(answer=answer)).status == status


def test_an_authorizer_that_fails_fails_the_request(authorized: Authorized) -> None:
    answer = authorized.get(token(**{"raise": True}))

    assert (answer.status, answer.json["message"][:17]) == (424, "Authorizer Failed")


def test_an_authorizer_has_one_second(authorized: Authorized) -> None:
    answer = authorized.get(authorized.allowed(sleep=1.5))

    assert (answer.status, answer.json["message"][:18]) == (408, "Authorizer Timeout")


def test_an_expired_token_reaches_no_authorizer(authorized: Authorized) -> None:
    answer = authorized.get(authorized.allowed(exp=1, sleep=5))

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


def test_a_store_without_an_authorizer_takes_no_token(aws: LocalAws, authorized: Authorized) -> None:
    other = Store(aws)
    url = f"{aws.endpoint}/datastore/{other.id}/studies"
    request = AWSRequest("GET", url, headers={"Authorization": f"Bearer {authorized.allowed()}"})

    assert URLLib3Session(verify=aws.verify).send(request.prepare()).status_code == 403


NOW = 1_800_000_000.0
HOURS = 3600


def jwt(**claims: Any) -> str:
    return token(**{"iat": NOW, "exp": NOW + 60, **claims})


@pytest.mark.parametrize(
    "claims", [{}, {"iat": NOW - 12 * HOURS}, {"nbf": NOW}, {"nbf": NOW - 1, "aud": "somebody"}]
)
def test_a_current_token_is_taken(claims: dict[str, Any]) -> None:
    check_token(jwt(**claims), NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        jwt(exp=NOW),
        jwt(iat=NOW - 12 * HOURS - 1),
        jwt(iat=NOW + 1),
        jwt(nbf=NOW + 1),
        jwt(exp=None),
        jwt(iat="today"),
        "opaque",
        "a.b.c",
        "...",
        "",
    ],
)
def test_any_other_token_is_refused(wrong: str) -> None:
    with pytest.raises(AccessDeniedException, match="Invalid or Expired Token"):
        check_token(wrong, NOW)


def test_a_role_of_the_account_is_the_answer() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"

    assert role_of({"isTokenValid": True, "roleArn": role}, SCOPE) == role


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"isTokenValid": "yes"}, {"isTokenValid": True, "roleArn": 1}]
)
def test_an_answer_of_another_form_is_a_misconfiguration(answer: Any) -> None:
    with pytest.raises(FailedDependencyException, match="Misconfiguration"):
        role_of(answer, SCOPE)


def policy(**changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "medical-imaging.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Condition": {"ArnLike": {"AWS:SourceArn": ARN}},
        **changes,
    }
    return json.dumps({"Statement": [statement]})


@pytest.mark.parametrize(
    "changes", [{}, {"Condition": {"ArnLike": {"aws:SourceArn": ["x", ARN[:-32] + "*"]}}}, {"Condition": {}}]
)
def test_a_policy_that_names_the_store_admits_it(changes: dict[str, Any]) -> None:
    assert admits(policy(**changes), ARN)


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Action": "lambda:GetFunction"},
        {"Condition": {"ArnLike": {"AWS:SourceArn": ARN[:-1] + "b"}}},
    ],
)
def test_any_other_policy_does_not(changes: dict[str, Any]) -> None:
    assert not admits(policy(**changes), ARN)


def test_a_statement_for_everybody_stands_beside_that_for_the_service() -> None:
    url = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": "x"}
    own = json.loads(policy())["Statement"]

    assert admits(json.dumps({"Statement": [url, *own]}), ARN)
