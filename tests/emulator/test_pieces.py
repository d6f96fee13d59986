"""Large answers in pieces."""

import asyncio
from typing import Any

import pytest

from emulator.pieces import LARGEST, in_pieces

START = {"type": "http.response.start", "status": 200, "headers": []}


def sent(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What reaches the server of an application that sends these."""
    found: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def keep(message: dict[str, Any]) -> None:
        found.append(message)

    asyncio.run(in_pieces(app)({"type": "http"}, None, keep))
    return found


@pytest.mark.parametrize("size", [LARGEST + 1, 2 * LARGEST, 3 * LARGEST - 1])
def test_a_large_body_arrives_whole_in_pieces_that_are_not(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"end"
    start, *pieces = sent(START, {"type": "http.response.body", "body": body})
    assert start == START
    assert b"".join(each["body"] for each in pieces) == body
    assert max(len(each["body"]) for each in pieces) == LARGEST
    assert [each["more_body"] for each in pieces] == [True] * (len(pieces) - 1) + [False]


def test_a_body_that_goes_on_is_not_ended_by_its_last_piece() -> None:
    pieces = sent({"type": "http.response.body", "body": b"x" * (LARGEST + 1), "more_body": True})
    assert [each["more_body"] for each in pieces] == [True, True]


def test_a_small_body_is_left_alone() -> None:
    message = {"type": "http.response.body", "body": b"x" * LARGEST}
    assert sent(message) == [message]
