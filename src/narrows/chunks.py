"""Chunks of arrays that a host stores: each is cut into a model's frames, and wrapped.

    chunk ─cut─► frames ─► wrapped blocks ─► frames ─join─► chunk

The host keeps the chunk's shape and dtype, and which model it is. A chunk is either whole frames,
`(n, *frame_shape)`, or an array of the frame's axes, with others before them or not: then it is cut
in tiles, or along its first axis in windows, and what a tile has beyond the end is dropped again.

What keeps a bound, or all bits, needs no model: a chunk then is signals along its first axis. Whole
frames of a model that has networks of levels are coded by these without loss.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import NO_MODEL, Header
from narrows.codec.archive.wrapped import pack_wrapped
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.encoder import Signals
from narrows.codec.encoding.free_encoder import free_encoder
from narrows.codec.encoding.guarantees import range_of
from narrows.codec.encoding.kept import Kept
from narrows.codec.encoding.requests import Request, unseen
from narrows.codec.model.model import Model
from narrows.codec.without_model import FreeDecoder
from narrows.errors import DataError
from narrows.processes import ALONE
from narrows.signals.cutting import choose_cut
from narrows.signals.formats.npy import NPY
from narrows.signals.frames import Frames
from narrows.signals.inputs import in_blocks
from narrows.signals.members import member_of
from narrows.signals.reading import Reading
from narrows.signals.source import ArraySource
from narrows.signals.windows import Grid, join

LOG = logging.getLogger(__name__)
Array = npt.NDArray[Any]
Shape = tuple[int, ...]


def check_chunk(shape: Shape, dtype: np.dtype[Any], model: Model) -> None:
    """Refuse chunks that a model cannot hold.

    Raises
    ------
    DataError
        For another dtype, or axes that are not those of the frames; it says which are.
    """
    if dtype.newbyteorder("=") != model.dtype:
        raise DataError(f"chunks of {dtype.name}; this model takes {model.dtype}")
    if shape[1:] != model.frame_shape:
        _grid(shape, model.dtype, model.frame_shape, model.wavelets is not None)


def pack_chunk(chunk: Array, codec: Codec, request: Request) -> bytes:
    """Compress a chunk of the model's dtype; see `check_chunk` for its shape."""
    model = codec.model
    check_chunk(chunk.shape, chunk.dtype, model)
    chunk = np.ascontiguousarray(chunk, model.dtype)
    if chunk.shape[1:] == model.frame_shape:
        return wrap(chunk, codec, request)
    frames = _frames(chunk, model.frame_shape)
    _, blocks = in_blocks(frames, codec.encoder.header().block_signals, model.wavelets is not None)
    return wrap(blocks, codec, request)


def pack_promised(chunk: Array, request: Request, model: Model | None = None) -> bytes:
    """Compress a chunk as a request promises; a relative bound is of its range.

    Parameters
    ----------
    chunk : array
    request : Request
    model : Model, optional
        Whose networks of levels code, if the chunk `has_networks`; a host that gives it here gives
        it to `unpack_promised`.

    Raises
    ------
    SettingError
        For a bound that its dtype cannot keep.
    """
    x = np.ascontiguousarray(_rows(chunk), chunk.dtype.newbyteorder("="))
    shape = x.shape[1:]
    encoder = free_encoder(shape, x.dtype, request, lambda: range_of([x], shape))
    if model is not None and has_networks(model, request, chunk.shape, x.dtype):
        encoder.with_networks(model)
    header = encoder.header()
    size = header.block_signals
    parts = (x[start : start + size] for start in range(0, len(x), size))
    return pack_wrapped([encoder.block(part) for part in parts], header)


def unpack_promised(
    data: bytes,
    shape: Shape,
    dtype: np.dtype[Any],
    request: Request | None = None,
    decoder: Decoder | None = None,
) -> Array:
    """Undo `pack_promised`; FormatError if the chunk is damaged."""
    asked = (request or Request(lossless=True), shape, dtype)
    if decoder is not None and has_networks(decoder.model, *asked):
        return decoder.unwrap(data, shape[0])
    rows = _rows(np.broadcast_to(np.zeros((), dtype), shape)).shape
    header = Header(NO_MODEL, dtype.newbyteorder("="), rows[1:])
    return FreeDecoder(header).unwrap(data, rows[0]).reshape(shape)


def has_networks(model: Model, request: Request, shape: Shape, dtype: np.dtype[Any]) -> bool:
    """Tell whether a chunk is coded by a model's networks of levels: whole frames, without loss."""
    kind = (shape[1:], dtype.newbyteorder("="))
    is_whole = len(shape) > 1 and kind == (model.frame_shape, model.dtype)
    return is_whole and networks_serve(model, request)


def networks_serve(model: Model, request: Request) -> bool:
    """Tell whether a model has networks that code what is promised."""
    return request.lossless and model.levels is not None


def _rows(chunk: Array) -> Array:
    """Return a chunk as signals along its first axis: a list of numbers is one."""
    return chunk if chunk.ndim > 1 else chunk.reshape(1, -1)


def wrap(x: Signals, codec: Codec, request: Request) -> bytes:
    """Compress signals for a host that knows the model and their number."""
    kept, encoder = Kept(), codec.encoder
    header = encoder.header()
    blocks = list(encoder.blocks(x, request, header.block_signals, unseen, kept, ALONE))
    if kept:
        LOG.info("%s", kept)  # of each of many chunks, which nobody asked about
    return pack_wrapped(blocks, header)


def unpack_chunk(data: bytes, shape: Shape, decoder: Decoder) -> Array:
    """Decompress a chunk of a shape that the host knows; FormatError if it is damaged."""
    model = decoder.model
    if shape[1:] == model.frame_shape:
        return decoder.unwrap(data, shape[0])
    grid = _grid(shape, model.dtype, model.frame_shape, model.wavelets is not None)
    frames = decoder.unwrap(data, grid.n_frames).reshape(-1, *grid.lengths)
    return join(frames, grid, np.empty(shape, model.dtype))


def _frames(chunk: Array, frame_shape: Shape) -> Frames:
    source = ArraySource(chunk)
    member = member_of(source, "chunk", NPY, lambda: source)
    return Frames([member], choose_cut([member], Reading(frame_shape=frame_shape)), is_folder=False)


@lru_cache(maxsize=64)
def _grid(shape: Shape, dtype: np.dtype[Any], frame_shape: Shape, in_bricks: bool) -> Grid:
    """Return where the frames of chunks of a shape are, in the order of their blocks."""
    frames = _frames(np.broadcast_to(np.zeros((), dtype), shape), frame_shape)
    size = Header(bytes(16), dtype, frame_shape).block_signals
    laid, _ = in_blocks(frames, size, in_bricks)
    assert isinstance(laid, Frames)
    return laid.geometry.grid(0)
