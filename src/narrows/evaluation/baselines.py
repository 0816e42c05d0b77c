"""What a person would use instead, measured on the same signals in the same run."""

from __future__ import annotations

import bz2
import lzma
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.evaluation.metrics import Evaluation

PCA_BITS_PER_LATENT = 1.6  # the best of 0.4 to 3.2 on digits and MNIST, by up to 1.2 dB


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

    Attributes
    ----------
    name : str
    bytes_per_signal : float
    psnr : float
        In dB; infinite for lossless.
    model_bytes : int
        What the receiver needs besides.
    """

    name: str
    bytes_per_signal: float
    psnr: float
    model_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Give the fields; PSNR is None where the row is lossless."""
        psnr = self.psnr if math.isfinite(self.psnr) else None
        return {
            "name": self.name,
            "bytes_per_signal": self.bytes_per_signal,
            "psnr": psnr,
            "model_bytes": self.model_bytes,
        }


GENERAL: dict[str, Callable[[bytes], bytes]] = {
    "zlib -9": lambda raw: zlib.compress(raw, 9),
    "bzip2 -9": lambda raw: bz2.compress(raw, 9),
    "lzma -9e": lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
}
"""General compressors of the standard library; all signals in one stream, their best case."""


def raw_row(x: npt.NDArray[Any]) -> Row:
    """Give the line of the signals as they are."""
    return Row("raw", x.nbytes / len(x), math.inf)


def general_rows(x: npt.NDArray[Any], names: tuple[str, ...] = tuple(GENERAL)) -> list[Row]:
    """Compress `(n, *frame_shape)` signals without loss, all in one stream."""
    raw = np.ascontiguousarray(x).tobytes()
    return [Row(name, len(GENERAL[name](raw)) / len(x), math.inf) for name in names]


def codec_row(name: str, measured: Evaluation) -> Row:
    """Give the line of a codec of ours."""
    return Row(name, measured.bytes_per_signal, measured.psnr, measured.model_bytes)


def train_pca(x_train: npt.NDArray[Any], aimed_bits: float, seed: int = 0) -> Codec:
    """Train the linear codec: PCA through the same runtime and coder, at the same rate.

    PCA is not held to the latent size of a network: it is given as many components as help it at
    `aimed_bits` a signal, because those that do not are rounded to zero and cost nothing.
    """
    from narrows.api import train

    size = prod(x_train.shape[1:])
    latent_size = min(size, len(x_train), max(1, round(aimed_bits / PCA_BITS_PER_LATENT)))
    return train(
        x_train,
        latent_size=latent_size,
        bits_per_latent=aimed_bits / latent_size,
        architecture="linear",
        seed=seed,
    )
