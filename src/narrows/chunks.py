"""Chunks of arrays that a host stores: each is cut into a model's frames, and wrapped.

    chunk ─cut─► frames ─► wrapped blocks ─► frames ─join─► chunk

The host keeps the chunk's shape and dtype, and which model it is. A chunk is either whole frames,
`(n, *frame_shape)`, or an array of the frame's axes, with others before them or not: then it is cut
in tiles, or along its first axis in windows, and what a tile has beyond the end is dropped again.

What keeps a bound, or all bits, needs no model: a chunk then is signals along its first axis. Whole
frames of a model that has networks of levels are coded by these without loss.

Hosts fill chunks at the end of an array. What they fill is not coded: only the part before is.
"""

from __future__ import annotations

import logging
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import NO_MODEL, Header
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.archive.wrapped import pack_filled, pack_wrapped, take_filled
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.cutting import Signals
from narrows.codec.encoding.encoder import Encoder
from narrows.codec.encoding.free_encoder import free_encoder, serves
from narrows.codec.encoding.guarantees import check_bounds, range_of
from narrows.codec.encoding.kept import Kept
from narrows.codec.encoding.requests import Request, unseen
from narrows.codec.model.model import Model
from narrows.codec.without_model import FreeDecoder
from narrows.errors import DataError, FormatError
from narrows.processes import ALONE
from narrows.remembered import Remembered
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


def pack_chunk(
    chunk: Array,
    codec: Codec,
    request: Request,
    filler: Any = None,
    remembered: Remembered | None = None,
) -> bytes:
    """Compress a chunk of the model's dtype; see `check_chunk` for its shape.

    `filler` is the value that the host puts where there are no data; signals that are remembered
    keep their symbols.
    """
    model = codec.model
    check_chunk(chunk.shape, chunk.dtype, model)
    is_signals = chunk.shape[1:] == model.frame_shape
    chunk = np.ascontiguousarray(chunk, model.dtype)
    chunk, start = _without_filled(chunk, filler, 1 if is_signals else chunk.ndim)
    if is_signals or not chunk.size:
        return wrap(chunk.reshape(-1, *model.frame_shape), codec, request, start, remembered)
    frames = _frames(chunk, model.frame_shape)
    _, blocks = in_blocks(frames, codec.encoder.header().block_signals, model.wavelets is not None)
    return wrap(blocks, codec, request, start, remembered)


def pack_promised(
    chunk: Array, request: Request, model: Model | None = None, filler: Any = None
) -> bytes:
    """Compress a chunk as a request promises; a relative bound is of its range.

    Parameters
    ----------
    chunk : array
    request : Request
    model : Model, optional
        Whose networks of levels code, if the chunk `has_networks`; a host that gives it here gives
        it to `unpack_promised`.
    filler : scalar, optional
        The value that the host puts where there are no data.

    Raises
    ------
    SettingError
        For a bound that its dtype cannot keep.
    """
    chunk = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("="))
    by_networks = model is not None and has_networks(model, request, chunk.shape, chunk.dtype)
    chunk, start = _without_filled(chunk, filler, 1 if by_networks else chunk.ndim)
    if not chunk.size:
        own = model.model_id if model is not None and by_networks else NO_MODEL
        return pack_wrapped([], Header(own, chunk.dtype, (1,)), start)
    x = np.ascontiguousarray(_rows(chunk))
    shape = x.shape[1:]
    encoder = free_encoder(shape, x.dtype, request, lambda: range_of([x], shape))
    if model is not None and by_networks:
        encoder.with_networks(model)
    header = encoder.header()
    size = header.block_signals
    parts = (x[at : at + size] for at in range(0, len(x), size))
    return pack_wrapped([encoder.block(part) for part in parts], header, start)


def unpack_promised(
    data: bytes,
    shape: Shape,
    dtype: np.dtype[Any],
    request: Request | None = None,
    decoder: Decoder | None = None,
    filler: Any = None,
) -> Array:
    """Undo `pack_promised`; FormatError if the chunk is damaged."""
    asked = (request or Request(lossless=True), shape, dtype)
    if decoder is not None and has_networks(decoder.model, *asked):
        (n,), start = take_filled(data, shape[:1])
        return _filled(decoder.unwrap(data, n, start), shape, filler)
    lengths, start = take_filled(data, shape)
    rows = (0, 1)
    if all(lengths):
        rows = _rows(np.broadcast_to(np.zeros((), dtype), lengths)).shape
    header = Header(NO_MODEL, dtype.newbyteorder("="), rows[1:])
    part = FreeDecoder(header).unwrap(data, rows[0], start)
    return _filled(part.reshape(lengths), shape, filler)


def _without_filled(chunk: Array, filler: Any, axes: int) -> tuple[Array, bytes]:
    """Return the part of a chunk beyond which, along the first axes, all has the filler's bits.

    Returns
    -------
    part : array
    start : bytes
        What says how large it is; nothing where it is the whole chunk.
    """
    if filler is None or not chunk.size:
        return chunk, b""
    bits = np.dtype(f"u{chunk.itemsize}")
    of_filler = np.asarray(filler).astype(chunk.dtype).reshape(1).view(bits)[0]
    other = chunk.view(bits) != of_filler
    if other[(-1,) * chunk.ndim]:
        return chunk, b""
    if not other.any():
        lengths = [0] * axes
    else:
        along = (other.any(axis=tuple({*range(chunk.ndim)} - {axis})) for axis in range(axes))
        lengths = [int(np.flatnonzero(each)[-1]) + 1 for each in along]
    if lengths == [*chunk.shape[:axes]]:
        return chunk, b""
    part = chunk[tuple(slice(0, length) for length in lengths)]
    return np.ascontiguousarray(part), pack_filled(lengths)


def _filled(part: Array, shape: Shape, filler: Any) -> Array:
    """Undo `_without_filled`."""
    if part.shape == shape:
        return part
    if filler is None:
        raise FormatError(
            f"wrapped piece of {shape} whose end is filled, for a host that fills none"
        )
    out = np.full(shape, np.asarray(filler).astype(part.dtype), part.dtype)
    out[tuple(slice(0, length) for length in part.shape)] = part
    return out


def has_networks(model: Model, request: Request, shape: Shape, dtype: np.dtype[Any]) -> bool:
    """Tell whether a chunk is coded by a model's networks of levels: whole frames alone."""
    kind = (shape[1:], dtype.newbyteorder("="))
    is_whole = len(shape) > 1 and kind == (model.frame_shape, model.dtype)
    return is_whole and networks_serve(model, request)


def networks_serve(model: Model, request: Request) -> bool:
    """Tell whether a model has networks that code what is promised."""
    if request.lossless:
        return serves(model, Guarantee())
    if request.max_error is None:  # a part of a range is another bound in every chunk
        return False
    return serves(model, Guarantee(check_bounds("max_error", request.max_error)))


def _rows(chunk: Array) -> Array:
    """Return a chunk as signals along its first axis: a list of numbers is one."""
    return chunk if chunk.ndim > 1 else chunk.reshape(1, -1)


def wrap(
    x: Signals,
    codec: Codec,
    request: Request,
    start: bytes = b"",
    remembered: Remembered | None = None,
) -> bytes:
    """Compress signals for a host that knows the model and their number; see `pack_wrapped`."""
    encoder = codec.encoder if remembered is None else _recalling(codec, remembered)
    kept = Kept()
    header = encoder.header()
    blocks = list(encoder.blocks(x, request, header, unseen, kept, ALONE))
    if kept:
        LOG.info("%s", kept)  # of each of many chunks, which nobody asked about
    return pack_wrapped(blocks, header, start)


@lru_cache(maxsize=8)
def _recalling(codec: Codec, remembered: Remembered) -> Encoder:
    """Return an encoder that takes the symbols of what was decoded before."""
    of_model = partial(remembered.symbols_of, codec.model_id, codec.model.latent_size)
    return Encoder(codec.decoder, of_model)


def unpack_chunk(
    data: bytes,
    shape: Shape,
    decoder: Decoder,
    filler: Any = None,
    remembered: Remembered | None = None,
) -> Array:
    """Decompress a chunk of a shape that the host knows; FormatError if it is damaged.

    What its signals were decoded from is put into `remembered`.
    """
    model, seen = decoder.model, None
    if remembered is not None:
        seen = partial(remembered.keep_signals, decoder.model_id)
    if shape[1:] == model.frame_shape:
        (n,), start = take_filled(data, shape[:1])
        return _filled(decoder.unwrap(data, n, start, seen), shape, filler)
    lengths, start = take_filled(data, shape)
    if not all(lengths):
        return _filled(decoder.unwrap(data, 0, start).reshape(lengths), shape, filler)
    grid = _grid(lengths, model.dtype, model.frame_shape, model.wavelets is not None)
    frames = decoder.unwrap(data, grid.n_frames, start, seen).reshape(-1, *grid.lengths)
    return _filled(join(frames, grid, np.empty(lengths, model.dtype)), shape, filler)


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
