"""What a client accepts, and what it sends: media types with their parameters."""

import re
from collections.abc import Mapping
from typing import NamedTuple

ANYTHING = "*/*"
MULTIPART = "multipart/related"
PARAMETER = re.compile(r';\s*([\w!#$%&*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
# Commas inside quotes separate nothing.
SEPARATE = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')


class MediaType(NamedTuple):
    """A media type in lower case, and its parameters by lower-case name."""

    name: str
    parameters: Mapping[str, str]

    @property
    def part(self) -> str:
        """What the parts of a multipart type are, or what a single part is."""
        return self.parameters.get("type", ANYTHING).lower() if self.is_multipart else self.name

    @property
    def is_multipart(self) -> bool:
        return self.name == MULTIPART

    def may_be(self, name: str) -> bool:
        """Whether the part may be of that type, wildcards considered.

        >>> media_type("image/*").may_be("image/jphc")
        True
        """
        kind, _, rest = self.part.partition("/")
        return kind in ("*", name.partition("/")[0]) and rest in ("*", name.partition("/")[2])


def media_type(text: str) -> MediaType:
    """Read one media type.

    >>> media_type('multipart/related; type="image/jphc"; q=0.5')
    MediaType(name='multipart/related', parameters={'type': 'image/jphc', 'q': '0.5'})
    """
    name, _, rest = text.partition(";")
    found = PARAMETER.findall(";" + rest)
    return MediaType(name.strip().lower(), {key.lower(): value.strip().strip('"') for key, value in found})


def accepted(headers: Mapping[str, str]) -> list[MediaType]:
    """What the client accepts, dearest first: anything when it does not say."""
    given = [media_type(each) for each in SEPARATE.split(headers.get("accept") or ANYTHING) if each.strip()]
    return sorted((each for each in given if _quality(each) > 0), key=_quality, reverse=True)


def _quality(each: MediaType) -> float:
    try:
        return float(each.parameters.get("q", 1))
    except ValueError:
        return 1
