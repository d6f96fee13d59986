"""Signed requests that no SDK would send."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from dicomweb_requests import Response
from local_aws import ACCOUNT, REGION, LocalAws


def raw_request(
    aws: LocalAws,
    method: str,
    path: str,
    body: bytes = b"",
    keys: tuple[str, str] = (ACCOUNT, "test"),
    **headers: str,
) -> Response:
    """Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, aws.endpoint + path, data=body, headers=named)
    SigV4Auth(Credentials(*keys), "medical-imaging", REGION).add_auth(request)
    answered = URLLib3Session(verify=aws.verify).send(request.prepare())
    lowered = {name.lower(): value for name, value in answered.headers.items()}
    return Response(answered.status_code, lowered, answered.content)
