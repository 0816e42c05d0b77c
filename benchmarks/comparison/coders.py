"""The one contract of all that is measured: signals to blobs, and blobs back to signals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Coder:
    """A pair of inverse functions (but for the loss), at one setting.

    Attributes
    ----------
    encode : callable
        (n, *frame_shape) -> list of bytes; their lengths are the size, nothing else is counted.
    decode : callable
        list of bytes, n -> (n, *frame_shape)
    model_bytes : int
        What the receiver needs besides.
    """

    encode: Callable
    decode: Callable
    model_bytes: int = 0


def each(encode, decode, model_bytes=0):
    """Make a coder of functions that take one signal: one blob for each."""
    return Coder(
        lambda x: [bytes(encode(signal)) for signal in x],
        lambda blobs, n: np.stack([decode(blob) for blob in blobs]),
        model_bytes,
    )


def together(layout, encode, decode, model_bytes=0):
    """Make a coder of functions that take one array: all signals in one blob."""
    return Coder(
        lambda x: [bytes(encode(layout.join(x)))],
        lambda blobs, n: layout.split(decode(blobs[0]), n),
        model_bytes,
    )
