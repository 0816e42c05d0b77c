"""Sources that are compressed within a bound or without loss: what is promised, and by whom."""

from __future__ import annotations

import io
from math import prod
from typing import TYPE_CHECKING

from narrows.codec.archive import MAX_BLOCK_BYTES, Metadata
from narrows.element_types import ELEMENT_TYPES
from narrows.errors import DataError, SettingError
from narrows.processes import Workers
from narrows.signals.checks import check_dtype
from narrows.signals.source import ArraySource, Source

if TYPE_CHECKING:
    from narrows.codec.codec import Codec
    from narrows.codec.encoding.free_encoder import FreeEncoder
    from narrows.codec.encoding.guarantees import Range
    from narrows.codec.encoding.requests import Request


def free_encoder_for(source: Source, request: Request) -> FreeEncoder:
    """Return what compresses signals as promised, and needs no model.

    Raises
    ------
    DataError
        For signals of another type than archives hold.
    SettingError
        For a bound that this type cannot keep, or one in parts of the range of a pipe.
    """
    from narrows.codec.encoding.free_encoder import free_encoder
    from narrows.codec.encoding.guarantees import range_of

    check_dtype(source.dtype, "data", source.array if isinstance(source, ArraySource) else None)
    if not source.shape or 0 in source.shape[1:]:
        raise DataError(
            f"signals of shape {source.shape} and {source.dtype}; accepted are (n, *frame_shape) "
            f"of {', '.join(map(str, ELEMENT_TYPES))}"
        )
    shape, dtype = source.shape[1:], source.dtype

    def spanned() -> Range:
        if not hasattr(source, "part"):
            raise SettingError(
                "max_relative_error of a pipe, whose range is known at its end; give max_error, "
                "or a file"
            )
        size = max(1, MAX_BLOCK_BYTES // dtype.itemsize // prod(shape))
        return range_of(source.blocks(size), shape)

    return free_encoder(shape, dtype, request, spanned)


def compress_promised(
    source: Source,
    request: Request,
    metadata: Metadata | None,
    jobs: int,
    block_signals: int | None,
    codec: Codec | None = None,
    embed_model: bool = False,
) -> bytes:
    """Compress a source as a request promises, to the bytes of an archive.

    A codec that has networks of levels codes by them what these keep, and may be embedded then.
    """
    encoder, stream = free_encoder_for(source, request), io.BytesIO()
    if codec is not None:
        encoder.with_networks(codec.model, codec.transform.coders, embed_model=embed_model)
    elif embed_model:
        raise SettingError("embed_model without a model; such archives need none: leave it out")
    header = encoder.header(metadata)
    with Workers(jobs) as workers:
        blocks = source.blocks(header.block_of(block_signals))
        encoder.compress_to(stream, header, blocks, workers=workers)
    return stream.getvalue()
