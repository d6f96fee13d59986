"""Frames of one bit a pixel, which in a file follow each other without a gap: one may begin inside a byte.

A bit takes a byte while it is moved, so one frame is moved at a time.
"""

from collections.abc import Iterable, Iterator

import numpy as np


def cut(value: memoryview, frames: int, frame_bits: int) -> Iterator[bytes]:
    """Each of the frames, from a byte of its own on."""
    for begin in range(0, frames * frame_bits, frame_bits):
        end = begin + frame_bits
        own = value[begin // 8 : -(-end // 8)]
        if begin % 8 == end % 8 == 0:
            yield own.tobytes()
        else:
            bits = np.unpackbits(np.frombuffer(own, "u1"), bitorder="little")[begin % 8 :][:frame_bits]
            yield np.packbits(bits, bitorder="little").tobytes()


def joined(frames: Iterable[bytes], frame_bits: int) -> bytes:
    """What `cut` makes the frames of."""
    if frame_bits % 8 == 0:
        return b"".join(frame[: frame_bits // 8] for frame in frames)
    pieces = []
    left = np.empty(0, "u1")
    for frame in frames:
        bits = np.unpackbits(np.frombuffer(frame, "u1"), bitorder="little")[:frame_bits]
        bits = np.concatenate([left, bits])
        full = len(bits) // 8 * 8
        pieces.append(np.packbits(bits[:full], bitorder="little").tobytes())
        left = bits[full:]
    return b"".join([*pieces, np.packbits(left, bitorder="little").tobytes()])
