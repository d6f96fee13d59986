"""Large answers go out in pieces: asyncio copies twice what a socket does not take at once, and the client
decrypts one while the next is encrypted."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

LARGEST = 256 * 1024


def in_pieces(app: Any) -> Any:
    """The ASGI application `app`, no part of its answers larger than `LARGEST`."""

    async def run(scope: Message, receive: Any, send: Send) -> None:
        async def send_cut(message: Message) -> None:
            # Cut without a copy.
            body = memoryview(message.get("body", b""))
            if message["type"] != "http.response.body" or len(body) <= LARGEST:
                await send(message)
                return
            for start in range(0, len(body), LARGEST):
                more = start + LARGEST < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + LARGEST], "more_body": more})

        await app(scope, receive, send_cut)

    return run
