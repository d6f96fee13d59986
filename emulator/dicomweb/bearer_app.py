"""The ASGI application around MiniStack, which knows signatures and no tokens."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emulator.dicomweb.bearer import Bearers, is_bearer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# Each waits for the signed request that it becomes, which must find a thread free.
THREADS = 16


def with_bearers(app: Any, bearers: Bearers) -> Any:
    """The ASGI application `app`, with `bearers` before it."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bearer")

    async def run(scope: Message, receive: Receive, send: Any) -> None:
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope.get("headers", [])
        }
        if scope["type"] != "http" or not is_bearer(scope["path"], headers):
            await app(scope, receive, send)
            return
        body = await _body(receive)
        query = scope.get("query_string", b"").decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        answer = await asyncio.get_running_loop().run_in_executor(
            threads, bearers.answer, scope["method"], scope["path"], target, headers, body
        )
        named = {
            **answer.headers,
            "Content-Length": str(len(answer.body)),
            "Access-Control-Allow-Origin": "*",
            "x-amzn-requestid": str(uuid.uuid4()),
        }
        encoded = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in named.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": answer.body})

    return run


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
