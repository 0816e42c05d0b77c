"""Signals to archives that keep a guarantee and need no model."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import (
    NO_MODEL,
    ArchiveWriter,
    Block,
    Header,
    IndexedArchive,
    Metadata,
)
from narrows.codec.archive.guarantee import KEY, Guarantee, guarantee_of
from narrows.codec.coders import Coders
from narrows.codec.encoding.guaranteed_blocks import guaranteed_block
from narrows.codec.encoding.guarantees import Range, absolute, check_bounds, range_of, relative
from narrows.codec.encoding.requests import Progress, Request, unseen
from narrows.codec.levels.kinds import Levels
from narrows.codec.model.model import Model
from narrows.codec.model.model_file import pack_model
from narrows.codec.networks.engines import engine_for
from narrows.errors import DataError, SettingError
from narrows.processes import ALONE, Workers

Signals = npt.NDArray[Any]


def free_encoder(
    frame_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    request: Request,
    spanned: Callable[[], Range],
) -> FreeEncoder:
    """Return the encoder that keeps what a request promises; see `guarantee_for`."""
    return FreeEncoder(frame_shape, dtype, guarantee_for(frame_shape, dtype, request, spanned))


def guarantee_for(
    frame_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    request: Request,
    spanned: Callable[[], Range],
) -> Guarantee:
    """Return what a request promises of such signals.

    `spanned` returns the range of the signals' values; it is called for a relative bound alone.

    Raises
    ------
    SettingError
        For a bound that signals of this type cannot keep.
    """
    if request.lossless:
        return Guarantee()
    if request.max_error is not None:
        bounds = check_bounds("max_error", request.max_error)
        return absolute(bounds, dtype, frame_shape)
    parts = check_bounds("max_relative_error", request.max_relative_error)
    return relative(parts, dtype, frame_shape, spanned())


class FreeEncoder:
    """Compresses signals of one shape and type, and promises how near they come back.

    Parameters
    ----------
    frame_shape : tuple of int
    dtype : numpy dtype
    guarantee : Guarantee

    Attributes
    ----------
    modes : Counter of str
        The blocks written so far, by `Block.kind`.
    """

    def __init__(
        self, frame_shape: tuple[int, ...], dtype: np.dtype[Any], guarantee: Guarantee
    ) -> None:
        self._shape, self._dtype, self.guarantee = frame_shape, dtype, guarantee
        self._model_id = NO_MODEL
        self._levels: Levels | None = None
        self._embedded: bytes | None = None
        self.modes: Counter[str] = Counter()

    def with_networks(
        self, model: Model, coders: Coders | None = None, *, embed_model: bool = False
    ) -> Self:
        """Return the encoder itself, which codes by a model's networks where they keep the promise.

        Its archives need the model then; with `embed_model` they carry it. `coders` are those of
        the model's codec, where there is one.
        """
        if serves(model, self.guarantee):
            coders = coders or Coders(engine_for())
            self._model_id, self._levels = model.model_id, coders.levels(model)
            self._embedded = pack_model(model.without_encoder()) if embed_model else None
        elif embed_model:
            raise SettingError(
                "embed_model (--embed-model) of a model without networks for what is promised: "
                "such archives need no model; leave it out"
            )
        return self

    def header(self, metadata: Metadata | None = None) -> Header:
        """Return the header of such archives, which states the promise."""
        told = metadata or {}
        if KEY in told:
            raise SettingError(f"metadata with the key {KEY!r}, which is kept for what is promised")
        promised = {**told, **self.guarantee.metadata}
        return Header(self._model_id, self._dtype, self._shape, self._embedded, promised)

    def compress_to(
        self,
        stream: BinaryIO,
        header: Header,
        x: Iterable[Signals],
        progress: Progress = unseen,
        workers: Workers = ALONE,
    ) -> int:
        """Compress parts of signals, each of which becomes a block; return the archive's length."""
        return self._write(ArchiveWriter(stream, header), x, progress, workers)

    def append_to(
        self,
        stream: BinaryIO,
        archive: IndexedArchive,
        x: Iterable[Signals],
        progress: Progress = unseen,
        workers: Workers = ALONE,
    ) -> int:
        """Go on with an archive that promises the same, and return its new length.

        `stream` stands where the archive's blocks end.
        """
        self.check_appendable(archive.header)
        return self._write(ArchiveWriter(stream, archive.header, archive), x, progress, workers)

    def check_appendable(self, header: Header) -> None:
        """Refuse an archive that promises something else."""
        if header.model_id != self._model_id:
            raise SettingError(
                "the archive needs another model than this would, or one where this needs none: "
                "append as it was written, or make an archive of its own"
            )
        if (header.frame_shape, header.dtype) != (self._shape, self._dtype):
            raise DataError(
                f"signals of shape {self._shape} and {self._dtype} for an archive of those of "
                f"{header.frame_shape} and {header.dtype}; append signals that are alike"
            )
        promised = guarantee_of(header.metadata)
        if promised != self.guarantee:
            raise SettingError(
                f"the archive promises {promised or 'nothing'}, and this would be "
                f"{self.guarantee}; append with the same, or make an archive of its own"
            )

    def _write(
        self, writer: ArchiveWriter, x: Iterable[Signals], progress: Progress, workers: Workers
    ) -> int:
        encode = partial(_encoded, self.guarantee, self._levels)
        for block in workers.in_order(encode, self._checked(x)):
            writer.write(block)
            self.modes[block.kind] += 1
            progress(block.n_signals)
        writer.close()
        return writer.n_bytes

    def block(self, part: Signals) -> Block:
        """Code `(n, *frame_shape)` signals to a block."""
        return _encoded(self.guarantee, self._levels, part)

    def _checked(self, x: Iterable[Signals]) -> Iterator[Signals]:
        for part in x:
            if part.shape[1:] != self._shape or part.dtype != self._dtype:
                raise DataError(
                    f"signals of shape {part.shape[1:]} and {part.dtype} after those of "
                    f"{self._shape} and {self._dtype}; all must be alike"
                )
            if len(part):
                yield part


def serves(model: Model, guarantee: Guarantee) -> bool:
    """Tell whether a model has networks that code what is promised, or nearer."""
    if model.levels is None:
        return False
    lattice = model.levels.lattice
    if lattice is None or guarantee.is_lossless:
        return lattice is None and guarantee.is_lossless
    return lattice.bound <= min(guarantee.bounds)


def _encoded(guarantee: Guarantee, levels: Levels | None, part: Signals) -> Block:
    return guaranteed_block(np.ascontiguousarray(part), guarantee, levels=levels)


def compress_promised(
    x: Signals,
    request: Request,
    metadata: Metadata | None,
    jobs: int,
    block_signals: int | None,
    model: Model,
    coders: Coders,
    progress: Progress,
    *,
    embed_model: bool,
) -> bytes:
    """Compress `(n, *frame_shape)` signals as a request promises, to the bytes of an archive."""
    shape, stream = x.shape[1:], io.BytesIO()
    encoder = free_encoder(shape, x.dtype, request, lambda: range_of([x], shape))
    encoder.with_networks(model, coders, embed_model=embed_model)
    header = encoder.header(metadata)
    size = header.block_of(block_signals)
    with Workers(jobs) as workers:
        parts = (x[start : start + size] for start in range(0, len(x), size))
        encoder.compress_to(stream, header, parts, progress, workers)
    return stream.getvalue()
