"""A bucket cut into slices of keys that can be worked through one beside the other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lambdas.importing.files import Version


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The keys after `after`, which may be None, up to and with `until`."""

    after: str | None
    until: str


def cut(pages: Iterable[list[Version]], after: str | None, versions: int) -> Iterator[Slice]:
    """Slices of so many versions, or a page more, that follow `after` and each other without a gap.

    Pages come in the order of keys, as S3 lists them. All versions of a key lie in one slice.
    """
    until, count = after, 0
    for page in pages:
        until = max([version.key for version in page], default=until)
        count += len(page)
        if until is not None and count >= versions:
            yield Slice(after=after, until=until)
            after, count = until, 0
    if until is not None and count:
        yield Slice(after=after, until=until)
