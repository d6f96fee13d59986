"""Encapsulated pixel data: offset tables and fragments."""

import struct

import numpy as np
import pytest
from image_datasets import image_dataset, stored_from_file
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate, encapsulate_extended

FRAMES = [b"\xff\xd8" + bytes([number]) * 5 + b"\xff\xd9\0" for number in range(1, 4)]


def lossy_dataset(pixel_data: bytes, frames: int = 3) -> Dataset:
    dataset = image_dataset(np.zeros((4, 4), "u1"), uid.JPEGBaseline8Bit)
    dataset.NumberOfFrames = frames
    dataset.PixelData = pixel_data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def items(*values: bytes) -> bytes:
    return b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value for value in values)


def halves(frame: bytes) -> tuple[bytes, bytes]:
    return frame[:4], frame[4:]


def stored_data(dataset: Dataset) -> list[bytes]:
    return [frame.data for frame in stored_from_file(dataset).frames]


@pytest.mark.parametrize("has_table", [True, False])
def test_one_fragment_a_frame_is_read_with_or_without_a_table(has_table: bool) -> None:
    assert stored_data(lossy_dataset(encapsulate(FRAMES, has_bot=has_table))) == FRAMES


def test_the_basic_offset_table_tells_which_fragments_make_a_frame() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]
    starts = [0, 8 + 4 + 8 + 6, 2 * (8 + 4 + 8 + 6)]

    assert stored_data(lossy_dataset(items(struct.pack("<3L", *starts), *fragments))) == FRAMES


def test_without_a_table_the_end_of_image_tells_which_fragments_make_a_frame() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]

    assert stored_data(lossy_dataset(items(b"", *fragments))) == FRAMES


def test_all_fragments_make_the_only_frame() -> None:
    assert stored_data(lossy_dataset(items(b"", *halves(FRAMES[0])), frames=1)) == [FRAMES[0]]


def test_the_extended_offset_table_tells_the_length_of_each_frame_too() -> None:
    without_padding = [frame.rstrip(b"\0") for frame in FRAMES]
    pixel_data, offsets, _ = encapsulate_extended(FRAMES)
    dataset = lossy_dataset(pixel_data)
    dataset.ExtendedOffsetTable = offsets
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *map(len, without_padding))

    assert stored_data(dataset) == without_padding


@pytest.mark.parametrize("table", [(0, 1, 2), (8, 18, 36), (0, 18), (0, 36, 18)])
def test_a_wrong_offset_table_is_a_warning_where_the_fragments_tell_enough(table: tuple[int, ...]) -> None:
    pixels = stored_from_file(lossy_dataset(items(struct.pack(f"<{len(table)}L", *table), *FRAMES)))

    assert [frame.data for frame in pixels.frames] == FRAMES
    assert [(warning.code, warning.type) for warning in pixels.warnings] == [(45330, "INVALID_OFFSET_TABLE")]


def test_an_offset_table_that_leaves_out_the_first_fragment_is_a_warning() -> None:
    fragments = [half for frame in FRAMES for half in halves(frame)]

    pixels = stored_from_file(lossy_dataset(items(struct.pack("<3L", 12, 26, 52), *fragments)))

    assert [frame.data for frame in pixels.frames] == FRAMES
    assert [warning.type for warning in pixels.warnings] == ["INVALID_OFFSET_TABLE"]
