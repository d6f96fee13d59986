"""JSON from outside, of which everything can be written again."""

import json
from typing import Any


def loads(text: bytes | str) -> Any:
    """As `json.loads`. Raises ValueError, too, for what Python reads and no file, database or client takes.

    >>> loads('{"weight": 1e999}')
    Traceback (most recent call last):
    ValueError: Out of range float values are not JSON compliant

    Half of a surrogate pair is a character to Python, and to UTF-8 none:

    >>> loads(r'["fine \\ud83d"]')
    Traceback (most recent call last):
    UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud83d' in position 7: surrogates not allowed
    """
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    return found
