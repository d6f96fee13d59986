"""Attribute matching of PS3.4 C.2.2.2: single values, lists, wildcards, ranges and names."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

# Longer than any date or time.
DIGITS = 20
LISTED = {"UI", "CS"}
RANGED = {"DA", "TM", "DT"}
NUMBERS = {"IS", "DS"}
NAME_DELIMITERS = re.compile(r"[\s^=,.*]+")


def matches(asked: str, value: Any, vr: str, *, fuzzy: bool) -> bool:
    """Whether an attribute's value, or one of its values, is what is asked for. Nothing asked matches all."""
    if asked in ("", "*"):
        return True
    texts = [
        str(each).strip(" \0") for each in (value if isinstance(value, list) else [value]) if each is not None
    ]
    test = _test(asked, vr, fuzzy)
    return any(test(text) for text in texts)


@lru_cache(maxsize=256)
def _test(asked: str, vr: str, fuzzy: bool) -> Callable[[str], bool]:
    if vr in RANGED:
        return _ranged(asked, vr)
    if vr == "PN":
        return _fuzzy(asked) if fuzzy else _wildcards(asked, re.IGNORECASE)
    if vr in LISTED:
        tests = [_wildcards(each) for each in re.split(r"[,\\]", asked)]
        return lambda text: any(test(text) for test in tests)
    if vr in NUMBERS:
        return lambda text: _number(text) == _number(asked)
    return _wildcards(asked)


def _wildcards(asked: str, flags: int = 0) -> Callable[[str], bool]:
    first, *others = [_literal(part) for part in re.split(r"\*+", asked)]
    # What stands between two stars is looked for once, at its first place: another place would find no more,
    # and to try all of them among many stars takes for ever.
    between = "".join(f"(?>.*?{part})" for part in others[:-1])
    last = f".*{others[-1]}" if others else ""
    pattern = re.compile(first + between + last, flags | re.DOTALL)
    return lambda text: pattern.fullmatch(text) is not None


def _literal(asked: str) -> str:
    return "".join("." if each == "?" else re.escape(each) for each in asked)


def _fuzzy(asked: str) -> Callable[[str], bool]:
    """Every word asked for begins a word of the name, in whatever order and case."""
    words = _words(asked)
    return lambda text: all(any(name.startswith(word) for name in _words(text)) for word in words)


def _words(text: str) -> list[str]:
    return [word for word in NAME_DELIMITERS.split(text.casefold()) if word]


def _ranged(asked: str, vr: str) -> Callable[[str], bool]:
    # A minus may begin the zone of a DT, and then there is no range.
    first, dash, last = asked.partition("-")
    lowest, highest = _bound(first, "0"), _bound(last if dash else first, "9")
    return lambda text: bool(text) and lowest <= _bound(text, "0") <= highest


def _bound(text: str, padding: str) -> str:
    """Digits only, so that 12:30 and 1230, a day and its hours, compare."""
    return re.sub(r"[^0-9]", "", text).ljust(DIGITS, padding)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
