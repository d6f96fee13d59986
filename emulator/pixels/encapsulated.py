"""Encapsulated pixel data, cut into frames."""

from itertools import pairwise
from struct import Struct, unpack

from emulator.warning_codes import FRAME_NUMBER_MISMATCH, FRAMES_EXTRACTION_FAILURE, WarningCode

ITEM = Struct("<HHL")
ITEM_TAG = (0xFFFE, 0xE000)
DELIMITER_TAG = (0xFFFE, 0xE0DD)
END_OF_IMAGE = b"\xff\xd9"

Fragment = tuple[int, memoryview]


class Unextractable(ValueError):  # noqa: N818
    """Pixel data that cannot be cut into the frames that its attributes tell of."""

    def __init__(self, warning: WarningCode) -> None:
        super().__init__(warning.message)
        self.warning = warning


def fragments(value: bytes) -> tuple[list[int], list[Fragment]]:
    """Give the basic offset table and the fragments, each with the offset that the table would give it.

    Raises Unextractable when it is not a whole sequence of items.
    """
    items = list(_items(memoryview(value)))
    if not items:
        raise Unextractable(FRAMES_EXTRACTION_FAILURE)
    (_, table), *rest = items
    first = rest[0][0] if rest else 0
    offsets = list(unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4]))
    return offsets, [(position - first, data) for position, data in rest]


def split_frames(
    value: bytes, count: int, extended: tuple[list[int], list[int]] | None = None
) -> tuple[list[bytes], bool]:
    """Give the `count` frames, and whether an offset table was wrong and the fragments had to tell.

    `extended` is the offsets and lengths of the Extended Offset Table. Raises Unextractable.
    """
    basic, found = fragments(value)
    offsets = extended[0] if extended else basic
    groups = _by_table(found, offsets, count)
    if extended and len(extended[1]) != count:
        groups = None
    is_table_wrong = bool(offsets) and groups is None
    frames = [b"".join(group) for group in groups or _by_content(found, count)]
    if extended and not is_table_wrong:
        frames = [frame[:length] for frame, length in zip(frames, extended[1], strict=True)]
    return frames, is_table_wrong


def _items(value: memoryview) -> list[Fragment]:
    items = []
    position = 0
    while position + ITEM.size <= len(value):
        group, element, length = ITEM.unpack_from(value, position)
        if (group, element) == DELIMITER_TAG:
            break
        data = value[position + ITEM.size : position + ITEM.size + length]
        if (group, element) != ITEM_TAG or len(data) != length:
            raise Unextractable(FRAMES_EXTRACTION_FAILURE)
        items.append((position, data))
        position += ITEM.size + length
    return items


def _by_table(found: list[Fragment], offsets: list[int], count: int) -> list[list[memoryview]] | None:
    starts = {position: index for index, (position, _) in enumerate(found)}
    if len(offsets) != count or offsets[0] != 0 or not all(offset in starts for offset in offsets):
        return None
    bounds = [starts[offset] for offset in offsets] + [len(found)]
    if any(end <= begin for begin, end in pairwise(bounds)):
        return None
    return [[data for _, data in found[begin:end]] for begin, end in pairwise(bounds)]


def _by_content(found: list[Fragment], count: int) -> list[list[memoryview]]:
    datas = [data for _, data in found]
    if count == 1 and datas:
        return [datas]
    if len(datas) == count:
        return [[data] for data in datas]
    groups: list[list[memoryview]] = [[]]
    for data in datas:
        groups[-1].append(data)
        if bytes(data[-2:]) == END_OF_IMAGE or bytes(data[-3:]) == END_OF_IMAGE + b"\0":
            groups.append([])
    groups = [group for group in groups if group]
    if len(groups) != count:
        raise Unextractable(FRAME_NUMBER_MISMATCH)
    return groups
