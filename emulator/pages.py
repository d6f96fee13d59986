"""Pages of a listing: opaque tokens that stay right while rows come and go."""

import base64
import json
from typing import Any

from emulator.errors import ValidationException
from emulator.storage import Row

PAGE_SIZE = 50
NOT_OURS = "nextToken is not one that this operation returned"
# The largest integer of SQLite.
LARGEST = 2**63 - 1


def position(token: str | None) -> tuple[Any, str] | None:
    """Where the page before ended: its last row's sort value and id."""
    if token is None:
        return None
    try:
        value, identity = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as error:
        raise ValidationException(NOT_OURS) from error
    is_sorted_by = isinstance(value, str) or (isinstance(value, int | float) and abs(value) <= LARGEST)
    if not is_sorted_by or not isinstance(identity, str):
        raise ValidationException(NOT_OURS)
    return value, identity


def cut(rows: list[Row], size: int, column: str) -> tuple[list[Row], str | None]:
    """The page, and the token of the next. `rows` holds one row more than `size` when there is a next."""
    page = rows[:size]
    if len(rows) <= size:
        return page, None
    last = json.dumps([page[-1][column], page[-1]["id"]])
    return page, base64.urlsafe_b64encode(last.encode()).decode()
