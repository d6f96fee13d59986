"""DICOMweb as a client without an SDK speaks it: plain HTTP, signed for medical-imaging."""

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any

import covered
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from local_aws import ACCOUNT, REGION, Store

OCTETS = 'multipart/related; type="application/octet-stream"'


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def content_type(self) -> str:
        return self.headers["content-type"].partition(";")[0]

    def parts(self) -> list[tuple[str, bytes]]:
        """Content-Type and body of each part of a multipart answer."""
        message = Message()
        message["content-type"] = self.headers["content-type"]
        boundary = message.get_param("boundary")
        assert isinstance(boundary, str)
        _, *pieces, last = (b"\r\n" + self.body).split(f"\r\n--{boundary}".encode())
        assert last.startswith(b"--")
        heads = [piece.partition(b"\r\n\r\n") for piece in pieces]
        return [(_content_type(head.decode()), body) for head, _, body in heads]


def _content_type(head: str) -> str:
    (found,) = (line for line in head.split("\r\n") if line.lower().startswith("content-type:"))
    return found.partition(":")[2].strip()


class DicomWeb:
    """A client of one data store."""

    def __init__(self, store: Store, access_key: str = ACCOUNT, secret_key: str = "test") -> None:
        self.endpoint = store.imaging.meta.endpoint_url
        self.base = f"{self.endpoint}/datastore/{store.id}"
        self._credentials = Credentials(access_key, secret_key)
        self._session = URLLib3Session(verify=store.verify)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """`path` is below the data store, unless it is a URL. Header names are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else self.base + path
        request = AWSRequest(method, url, data=body, headers=named)
        SigV4Auth(self._credentials, "medical-imaging", REGION).add_auth(request)
        answered = self._session.send(request.prepare())
        covered.saw_dicomweb(method, url.partition(self.base)[2], answered.status_code)
        lowered = {name.lower(): value for name, value in answered.headers.items()}
        return Response(answered.status_code, lowered, answered.content)

    def get(self, path: str, **headers: str) -> Response:
        return self.send("GET", path, **headers)


def instance_path(dataset: Any) -> str:
    uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    return "/studies/{}/series/{}/instances/{}".format(*uids)
