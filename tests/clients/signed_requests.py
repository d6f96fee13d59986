"""Requests signed for medical-imaging, as AWS asks of a DICOMweb client."""

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase


class SigV4(AuthBase):
    """Sign each request of a `requests.Session`."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._signer = SigV4Auth(credentials, "medical-imaging", region)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        unsigned = AWSRequest(request.method, request.url, data=request.body)
        self._signer.add_auth(unsigned)
        request.headers.update(unsigned.headers.items())
        return request
