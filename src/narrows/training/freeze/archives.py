"""Archives of a finished codec, made to be measured."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.kept import Kept
from narrows.codec.encoding.requests import Request
from narrows.codec.prediction.bricks import bricks_of


def codec_of(data: bytes) -> Codec:
    """Return the codec of the bytes of a model file, which another process has made."""
    return Codec.from_bytes(data)


def archive_of(codec: Codec, x: npt.NDArray[Any], shapes: Sequence[tuple[int, ...]] = ()) -> bytes:
    """Compress signals as `Codec.compress` does, and say nothing of what is kept exactly.

    Parameters
    ----------
    codec : Codec
    x : (n, *frame_shape)
    shapes : sequence of tuple
        Of the arrays whose tiles the signals are.
    """
    stream, encoder = io.BytesIO(), codec.encoder
    parts = bricks_of(x, shapes) if len(shapes) else x
    encoder.compress_to(stream, encoder.header(), parts, Request(), kept=Kept())
    return stream.getvalue()
