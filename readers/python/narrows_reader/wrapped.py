"""format/wrapped.md, "Blocks without a container": of a known model and number of signals."""

import zlib

import numpy as np

from .archive import read_block
from .conventions import Cursor, need
from .model import Model, read_model


def read_wrapped(data: bytes, model_bytes: bytes, n: int) -> np.ndarray:
    """Decode n signals, `(n, *frame_shape)`."""
    model, data = read_model(model_bytes), bytes(data)
    need(len(data) >= 5, "the bytes end too early")
    body, stored = data[:-4], int.from_bytes(data[-4:], "little")
    need(zlib.crc32(model.id + n.to_bytes(8, "little") + body) == stored, "a CRC-32 is wrong")
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
