"""FORMAT.md, "Archive": from the bytes of an archive to its signals."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .bricks import decode_brick
from .conventions import Cursor, Shape, need
from .exact_values import read_exact
from .learned import read_learned
from .levels import read_levels
from .metadata import take_metadata
from .model import Model, read_model
from .normaliser import DTYPES
from .payload import decode_payload
from .predicted import decode_windows
from .raw_blocks import elements, inflate, raw_of_planes
from .rotated import read_rotated
from .several_qualities import decode_groups


def read_archive(archive_bytes: bytes, model_bytes: bytes | None = None) -> np.ndarray:
    """Decode an archive with its embedded model, or with one from elsewhere: (n, *frame_shape)."""
    cursor = Cursor(archive_bytes)
    flags, name, dtype, shape = read_header(cursor)
    if flags & 2:
        take_metadata(cursor)
    embedded = read_embedded(cursor) if flags & 1 else None
    model = None
    if any(name):
        models = (read_model(blob) for blob in (model_bytes, embedded) if blob is not None)
        model = next((model for model in models if model.id == name), None)
        need(model, f"the archive needs the model {name.hex()}")
        assert model is not None
        need((model.dtype, model.frame_shape) == (dtype, shape), "the model is of other frames")
    signals, entries = [np.empty((0, *shape), dtype)], []
    while True:
        start = cursor.at
        if cursor.number() == 0x0F:
            break
        cursor.at = start
        signals.append(read_block(cursor, model, dtype, shape))
        entries.append((len(signals[-1]), cursor.at - start))
    check_index(cursor, entries)
    return np.concatenate(signals)


def read_metadata(archive_bytes: bytes) -> dict[str, Any]:
    """Read what is stored beside the signals of an archive."""
    cursor = Cursor(archive_bytes)
    flags, *_ = read_header(cursor)
    return take_metadata(cursor) if flags & 2 else {}


def read_header(cursor: Cursor) -> tuple[int, bytes, np.dtype, Shape]:
    """Read the header of an archive: flags, model id, element type and frame shape."""
    need(cursor.take(4) == b"\x89NRW", "this is no archive")
    need(cursor.number() == 0, "an unknown version")
    flags, name = cursor.number(), cursor.take(16)
    need(flags & 0x0F & ~0x03 == 0, "an unknown required flag")
    code, n_dims = cursor.number(), cursor.number()
    need(code < len(DTYPES) and n_dims <= 8, "an unknown element type, or too many dimensions")
    shape = tuple(cursor.varint() for _ in range(n_dims))
    cursor.check_crc(0)
    dtype = np.dtype(DTYPES[code])
    need(1 <= math.prod(shape) * dtype.itemsize <= 2**28 - 16, "a frame is empty or too large")
    return flags, name, dtype, shape


def read_embedded(cursor: Cursor) -> bytes:
    """Read the bytes of the embedded model."""
    start, size = cursor.at, cursor.varint()
    need(size <= 2**30, "the embedded model is too large")
    blob = cursor.take(size)
    cursor.check_crc(start)
    return blob


def read_block(cursor: Cursor, model: Model | None, dtype: np.dtype, shape: Shape) -> np.ndarray:
    """Read one block: its signals."""
    frame_bytes = math.prod(shape) * dtype.itemsize
    start, first, n, size = cursor.at, cursor.number(), cursor.varint(), cursor.varint()
    mode, quality = first & 15, first >> 4
    need(mode <= 7, "an unknown mode")
    need(1 <= n <= max(1, min(2**17 - 1, (2**21 - 16) // frame_bytes)), "a wrong number of signals")
    need(size <= n * frame_bytes, "a payload is longer than its signals")
    payload = cursor.check_crc(start, size)
    if mode == 5:
        if payload[:1] in (b"\1", b"\3"):
            need(model and model.levels, "networks of levels that there are none of")
            assert model is not None
            return model.by_levels(payload[1:], n, payload[:1] == b"\3")
        return read_levels(payload, (n, *shape), dtype)
    if mode not in (1, 2):
        need(model, "a block of a model in an archive that needs none")
        assert model is not None
        return read_modelled(mode, payload, quality, model, n)
    if mode == 1:
        payload = raw_of_planes(inflate(payload, n * frame_bytes), dtype.itemsize)
    need(len(payload) == n * frame_bytes, "a payload has another length than its signals")
    return elements(payload, dtype, n, shape)


def read_modelled(mode: int, payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n signals that a model has coded."""
    ways = {0: read_coded, 4: read_predicted, 6: read_learned, 7: read_rotated}
    if mode in ways:
        return ways[mode](payload, quality, model, n)
    cursor = Cursor(payload)
    inner = cursor.number()
    need(inner in ways, "nothing that exact values may stand before")
    mask, values, rest = read_exact(cursor.rest(), (n, *model.frame_shape), model.dtype)
    coded = np.flatnonzero(~mask.reshape(n, -1).all(axis=1))
    need(len(coded) > 0, "a block holds exact values alone")
    if inner == 4:
        coded = np.arange(n)
    signals = np.empty(mask.shape, model.dtype)
    signals[coded] = ways[inner](rest, quality, model, len(coded))
    signals[mask] = values
    return signals


def read_coded(payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n signals from symbols of one quality, or of several for quality 0."""
    if quality:
        need(quality <= len(model.codings), "the model has no such quality")
        symbols = decode_payload(payload, model.codings[quality - 1], model.k, n)
        return model.decode(symbols, quality)
    signals = np.empty((n, *model.frame_shape), model.dtype)
    for own, rows, symbols in decode_groups(payload, model.codings, model.k, n):
        signals[rows] = model.decode(symbols, own)
    return signals


def read_predicted(payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n windows, each of which may need those before it, or the tiles of a brick."""
    need(model.prediction or model.wavelets, "the model predicts nothing")
    need(1 <= quality <= len(model.codings), "the model has no such quality")
    decode = partial(model.integers, quality=quality)
    if model.wavelets is not None:
        return model.frames(decode_brick(payload, n, quality, model.wavelets))
    assert model.prediction is not None
    groups = model.codings[quality - 1]
    return model.frames(
        decode_windows(payload, n, quality, model.prediction, groups, model.k, decode)
    )


def check_index(cursor: Cursor, entries: Sequence[tuple[int, int]]) -> None:
    """Check the index and the tail behind the end byte, which is taken already."""
    start = cursor.at - 1
    need(cursor.varint() == len(entries), "the index has another number of blocks")
    for entry in entries:
        need((cursor.varint(), cursor.varint()) == entry, "the index does not agree with a block")
    cursor.check_crc(start)
    n_bytes = cursor.at - start
    need(cursor.number(4) == n_bytes and cursor.rest() == b"WRN\x98", "the tail is wrong")
