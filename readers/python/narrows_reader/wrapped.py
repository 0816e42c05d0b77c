"""format/wrapped.md, "Blocks without a container": of a known model and number of signals."""

import math
import zlib

import numpy as np

from .archive import read_block
from .conventions import Cursor, Shape, need
from .frames import count_along, join
from .model import Model, read_model


def read_wrapped(data: bytes, model_bytes: bytes, n: int) -> np.ndarray:
    """Decode n signals, `(n, *frame_shape)`."""
    return decode_wrapped(bytes(data), read_model(model_bytes), n, 0)


def read_piece(data: bytes, model_bytes: bytes, shape: Shape, filler: float) -> np.ndarray:
    """Decode a piece of an array, of which a part may hold the host's filler alone."""
    model, data = read_model(model_bytes), bytes(data)
    are_signals = shape[1:] == model.frame_shape
    lengths, start = read_lengths(data, shape[:1] if are_signals else shape)
    out = np.full(shape, filler, model.dtype)
    inside = tuple(slice(0, length) for length in lengths)
    if are_signals or not all(lengths):
        signals = decode_wrapped(data, model, lengths[0], start)
        out[: lengths[0]] = signals if len(signals) else out[:0]
        return out
    frame = (*[1] * (len(shape) - len(model.frame_shape)), *model.frame_shape)
    counts = list(map(count_along, lengths, frame, frame))
    frames = decode_wrapped(data, model, math.prod(counts), start).reshape(-1, *frame)
    brick = None if model.wavelets is None else brick_of(counts, model)
    out[inside] = join(frames, lengths, frame, frame, brick)
    return out


def read_lengths(data: bytes, sizes: Shape) -> tuple[Shape, int]:
    """Read how long the part that is not filled is, and where that ends."""
    cursor = Cursor(data)
    if cursor.number() != 14:
        return sizes, 0
    lengths = tuple(cursor.varint() for _ in sizes)
    need(all(a <= b for a, b in zip(lengths, sizes, strict=True)), "a part beyond its piece")
    need(lengths != sizes, "a piece that is said to be filled, and is not")
    need(any(lengths) == all(lengths), "a part of no elements that has a length")
    return lengths, cursor.at


def brick_of(counts: list[int], model: Model) -> Shape:
    """Return how many frames a brick has along each axis."""
    frame_bytes = math.prod(model.frame_shape) * model.dtype.itemsize
    room = max(1, min(2**14 - 1, (2**21 - 16) // frame_bytes))
    brick, first = [1] * len(counts), len(counts) - len(model.frame_shape)
    order = sorted(range(first, len(counts)), key=lambda axis: counts[axis])
    for at, axis in enumerate(order):
        r = 1
        while (r + 1) ** (len(order) - at) <= room:
            r += 1
        n_bricks = -(-counts[axis] // r)
        brick[axis] = -(-counts[axis] // n_bricks)
        room //= brick[axis]
    return tuple(brick)


def decode_wrapped(data: bytes, model: Model, n: int, start: int) -> np.ndarray:
    """Decode n signals, whose blocks begin at `start`."""
    need(len(data) >= start + 5, "the bytes end too early")
    body, stored = data[:-4], int.from_bytes(data[-4:], "little")
    need(zlib.crc32(model.id + n.to_bytes(8, "little") + body) == stored, "a CRC-32 is wrong")
    body = body[start:]
    if body[0] != 15:
        return as_block(body[0], n, body[1:], model)
    cursor, signals = Cursor(body[1:]), []
    while cursor.at < len(body) - 1:
        first, count, size = cursor.number(), cursor.varint(), cursor.varint()
        signals.append(as_block(first, count, cursor.take(size), model))
    need(sum(map(len, signals)) == n, "a wrong number of signals")
    return np.concatenate([np.empty((0, *model.frame_shape), model.dtype), *signals])


def as_block(first: int, n: int, payload: bytes, model: Model) -> np.ndarray:
    """Decode what would be a block of an archive with this first byte."""
    start = bytes([first]) + varint(n) + varint(len(payload))
    check = zlib.crc32(start + payload).to_bytes(4, "little")
    return read_block(Cursor(start + check + payload), model, model.dtype, model.frame_shape)


def varint(value: int) -> bytes:
    """Write a varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
