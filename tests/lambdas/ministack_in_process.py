"""boto3 clients whose requests MiniStack answers in this very process, without a port."""

import asyncio
import io
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import ministack.app as gateway
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config

ENDPOINT = "http://127.0.0.1:1"


class Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


def session() -> boto3.Session:
    """A session to be used with ENDPOINT as `endpoint_url`."""
    made = boto3.Session(
        aws_access_key_id="000000000000", aws_secret_access_key="test", region_name="us-east-1"
    )
    made.events.register("before-send", _answer)
    return made


def client(service: str) -> Any:
    return session().client(service, endpoint_url=ENDPOINT, config=Config(s3={"addressing_style": "path"}))


def resource(service: str) -> Any:
    return session().resource(service, endpoint_url=ENDPOINT)


def _answer(request: Any, **_: Any) -> AWSResponse:
    status, headers, body = asyncio.run(_serve(request))
    return AWSResponse(request.url, status, HeadersDict(headers), Body(body))


async def _serve(request: Any) -> tuple[int, dict[str, str], bytes]:
    url = urlsplit(request.url)
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    sent = [{"type": "http.request", "body": body.encode() if isinstance(body, str) else bytes(body)}]
    headers = [(name.lower().encode(), _text(value).encode()) for name, value in request.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [*headers, (b"host", url.netloc.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    got: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        got.append(message)

    await gateway.app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in got[0]["headers"]}
    return got[0]["status"], answered, b"".join(message.get("body", b"") for message in got[1:])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
