"""Arrays in Zarr stores, of version 3: `narrows` as the codec that turns chunks to bytes.

    codec.save("field.narrows"); narrows.register_model(codec)
    zarr.create_array(store, shape=x.shape, dtype=x.dtype, **narrows.zarr.encoding(codec, x.shape))

The metadata of the array hold the model's id and the options; a chunk holds nothing but its own
bits, five bytes of mode and checksum, and what an entropy coder ends with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from narrows.chunks import (
    check_chunk,
    networks_serve,
    pack_chunk,
    pack_promised,
    unpack_chunk,
    unpack_promised,
)
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.requests import PROMISES, Request
from narrows.errors import DataError, needing
from narrows.integrations.loaded_models import (
    as_id,
    codec_of,
    decoder_of,
    embedded_decoder,
    register_model,
    remembered,
)
from narrows.remembered import hash_of

with needing("zarr", "chunks of Zarr arrays", "xarray"):
    from zarr.abc.codec import ArrayBytesCodec

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

NAME = "narrows"
CHUNK_BYTES = 1 << 20  # of an array's chunks, where nothing else is asked for


@dataclass(frozen=True, kw_only=True)
class NarrowsCodec(ArrayBytesCodec):  # type: ignore[misc, unused-ignore]
    """The codec of a Zarr array.

    Attributes
    ----------
    model : str or None
        Its id, 32 hexadecimal digits: of one that was registered with `narrows.register_model`, or
        in a folder of NARROWS_MODELS. Bounds and `lossless` need none, but where the model has
        networks of levels for what is promised, and chunks are whole frames, these code.
    quality, effort, target_bytes, target_psnr : optional
        See `narrows.Codec.compress`.
    strict : bool
        Refuse chunks of which something would be kept exactly.
    missing : sequence of float
        Values that stand for missing ones, beside NaN: they come back exactly.
    max_error, max_relative_error, lossless : optional
        What is promised of every element; a relative error is a part of a chunk's range.
    model_base64 : str or None
        The model that only decompresses, so that the store opens where the model is not known.
    """

    is_fixed_size = False

    model: str | None = None
    quality: int | None = None
    effort: int | None = None
    target_bytes: float | None = None
    target_psnr: float | None = None
    strict: bool = False
    missing: Sequence[float] = ()
    max_error: float | Sequence[float] | None = None
    max_relative_error: float | Sequence[float] | None = None
    lossless: bool = False
    model_base64: str | None = None

    def __post_init__(self) -> None:
        for name in ("missing", "max_error", "max_relative_error"):  # hashable
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(value) if isinstance(value, list) else value)
        if not self._request.promises or self.model is not None:  # refused before an array is made
            as_id(self.model)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make the codec from the metadata of an array."""
        return cls(**(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """Return the metadata: what differs from the defaults."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        defaults = {each.name: each.default for each in fields(self)}
        changed = {name: value for name, value in told.items() if value != defaults[name]}
        for name, value in changed.items():
            changed[name] = list(value) if isinstance(value, tuple) else value
        return {"name": NAME, "configuration": changed}

    def validate(self, *, shape: Any, dtype: Any, chunk_grid: Any) -> None:
        """Refuse an array that the model cannot hold, when it is made or opened."""
        chunks = getattr(chunk_grid, "chunk_shape", None)
        if chunks is None:
            raise DataError(f"chunks of {type(chunk_grid).__name__}; narrows takes a regular grid")
        native = dtype.to_native_dtype()
        if self._request.promises:
            pack_promised(np.zeros((1,) * len(chunks), native), self._request)
            self._decoder_of_promised()
        else:
            decoder = decoder_of(self.model, self.model_base64)
            check_chunk(tuple(chunks), native, decoder.model)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refuse: chunks are as long as their content needs."""
        raise NotImplementedError

    @cached_property
    def _request(self) -> Request:
        return Request(
            self.quality, self.effort, self.target_bytes, self.target_psnr, self.strict,
            self.missing, self.max_error, self.max_relative_error, self.lossless,
        )  # fmt: skip

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        chunk, filler = chunk_data.as_numpy_array(), chunk_spec.fill_value
        packed = remembered.code_of(self._key(chunk, filler))
        if packed is None and self._request.promises:
            decoder = self._decoder_of_promised()
            model = None if decoder is None else decoder.model
            packed = pack_promised(chunk, self._request, model, filler)
        elif packed is None:
            packed = pack_chunk(chunk, codec_of(self.model), self._request, filler, remembered)
        return chunk_spec.prototype.buffer.from_bytes(packed)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        data, shape, filler = chunk_data.to_bytes(), tuple(chunk_spec.shape), chunk_spec.fill_value
        chunk: Any
        if self._request.promises:
            promised = (chunk_spec.dtype.to_native_dtype(), self._request)
            chunk = unpack_promised(data, shape, *promised, self._decoder_of_promised(), filler)
        else:
            decoder = decoder_of(self.model, self.model_base64)
            chunk = unpack_chunk(data, shape, decoder, filler, remembered)
        remembered.keep(self._key(chunk, filler), data)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(chunk)

    def _decoder_of_promised(self) -> Decoder | None:
        """Return the model whose networks may code what is promised, if any is named."""
        return None if self.model is None else decoder_of(self.model, self.model_base64)

    def _key(self, chunk: Any, filler: Any) -> bytes:
        """Return what tells a decoded chunk, and how it was coded, from all others."""
        native = chunk.astype(chunk.dtype.newbyteorder("="), copy=False)
        return hash_of(native, self.model, self._request, np.asarray(filler).tobytes())

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)


def encoding(
    codec: Codec | None, array: Any, *, embed_model: bool = False, **options: Any
) -> dict[str, Any]:
    """Return how an array is stored with a codec, which is registered, or within a bound.

    For `zarr.create_array(store, ..., **encoding(codec, x))`, and in xarray for
    `data_set.to_zarr(store, encoding={"name": encoding(codec, data_set["name"])}, zarr_format=3)`.

    Parameters
    ----------
    codec : Codec or None
        With `max_error`, `max_relative_error` or `lossless` among the options, None, or one whose
        networks of levels code.
    array : array, or tuple of int
        What is stored, or its shape.
    embed_model : bool, default False
        Keep the decoder in the metadata of the array, so that the store opens anywhere.
    options
        Those of `NarrowsCodec`.

    Returns
    -------
    dict
        `serializer`, `compressors` and `chunks`: as many whole frames as take about a MiB.
    """
    shape = tuple(getattr(array, "shape", array))
    asked = Request(**{name: value for name, value in options.items() if name in PROMISES})
    if codec is None or (asked.promises and not networks_serve(codec.model, asked)):
        dtype = np.dtype(getattr(array, "dtype", np.float64))
        chunks = chunks_for(shape, (1,) * len(shape), dtype)
        return {"serializer": NarrowsCodec(**options), "compressors": (), "chunks": chunks}
    model_id = register_model(codec)
    embedded = embedded_decoder(codec) if embed_model else None
    serializer = NarrowsCodec(model=model_id, model_base64=embedded, **options)
    chunks = chunks_for(shape, codec.model.frame_shape, codec.model.dtype)
    return {"serializer": serializer, "compressors": (), "chunks": chunks}


def chunks_for(
    shape: tuple[int, ...], frame_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[int, ...]:
    """Return chunks of whole frames, about as long along all axes that are cut."""
    if shape[1:] == frame_shape:
        frame_bytes = int(np.prod(frame_shape)) * dtype.itemsize
        return (max(1, min(shape[0], CHUNK_BYTES // frame_bytes)), *frame_shape)
    axes = len(shape) - len(frame_shape)
    if axes < 0:
        raise DataError(f"array of shape {shape}; this model takes frames of {frame_shape}")
    chunks = [1] * axes + list(frame_shape)
    bytes_now = int(np.prod(chunks)) * dtype.itemsize
    while 2 * bytes_now <= CHUNK_BYTES:
        free = [i for i in range(axes, len(shape)) if chunks[i] < shape[i]]
        if not free:
            break
        shortest = min(free, key=lambda i: chunks[i])
        chunks[shortest] *= 2
        bytes_now *= 2
    whole = [-(-size // n) * n for size, n in zip(shape[axes:], frame_shape, strict=True)]
    return (*chunks[:axes], *map(min, chunks[axes:], whole))
