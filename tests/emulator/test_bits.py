"""Frames of one bit a pixel, cut out of the value of a file and put together again."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emulator.pixels import bits


@given(st.integers(1, 9), st.integers(1, 40), st.data())
def test_each_frame_has_its_own_pixels_and_together_they_are_the_value(
    frames: int, frame_bits: int, data: st.DataObject
) -> None:
    pixels = data.draw(
        st.lists(st.integers(0, 1), min_size=frames * frame_bits, max_size=frames * frame_bits)
    )
    value = np.packbits(np.array(pixels, "u1"), bitorder="little").tobytes()

    cut = list(bits.cut(memoryview(value + b"\0\0"), frames, frame_bits))

    for number, frame in enumerate(cut):
        own = np.array(pixels[number * frame_bits : (number + 1) * frame_bits], "u1")
        assert frame == np.packbits(own, bitorder="little").tobytes()
    assert len(cut) == frames
    assert bits.joined(cut, frame_bits) == value


def test_one_frame_is_unpacked_at_a_time() -> None:
    value, frame_bits = memoryview(bytes(4_000_000)), 511 * 511
    frames = len(value) * 8 // frame_bits
    tracemalloc.start()

    whole = bits.joined(list(bits.cut(value, frames, frame_bits)), frame_bits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert whole == value[: len(whole)]
    # The frames, the pieces, the whole they make, and a byte for each bit of a frame or two.
    assert peak < 4 * len(value)
