"""What a finished model's encoder decides by, measured on its training signals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.brick_encoder import BrickEncoder
from narrows.codec.encoding.costs import errors, squared, with_known
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model import Model
from narrows.codec.model.tradeoff import Fit, Tradeoffs
from narrows.codec.prediction.bricks import Brick, cut_to_tiles
from narrows.codec.transform import Transform

FLOAT_LEVELS = 2.0**12  # units of error in the range of float signals
MAX_INTEGER_LEVELS = 2.0**16  # units of error in the range of integer signals
MAX_SIGNALS, MIN_SIGNALS = 64, 8  # whose latents are moved
MAX_DECODED = 1 << 12  # frames in all
RATE_SIGNALS = 1024
BITS_OF_A_STEP = 6.0 / math.log(2.0)
"""Lambda times curvature for well-chosen steps at many bits a latent.

It is the slope of D = step**2 / 12 where D falls as 2**(-2 R) (Gish & Pierce 1968)."""

Units = float | npt.NDArray[np.float64]


def fit_tradeoffs(
    codec: Codec,
    x: npt.NDArray[Any],
    symbols: Mapping[int, Symbols],
    lambdas: Sequence[float],
    weights: Sequence[float] = (),
) -> Tradeoffs:
    """Measure curvatures, and derive lambda from them where training had none.

    Parameters
    ----------
    codec : Codec
        With the tables of its symbols.
    x : (n, *frame_shape)
        Training signals.
    symbols : mapping of int to (n, latent_size) int32
        Of these signals.
    lambdas : sequence of float
        Of each quality in training, in bits per squared error for a peak of 1; or none.
    weights : sequence of float
        What an error counts in each channel; none where all count the same.
    """
    model = codec.model
    whole_units = model.dtype.kind != "f" and not len(weights)
    levels = MAX_INTEGER_LEVELS if whole_units else FLOAT_LEVELS
    unit = 2.0 ** math.floor(math.log2(levels / model.peak))
    if whole_units:
        unit = min(unit, 1.0)
    units = unit * np.array(weights) if len(weights) else unit
    curvatures = [_curvatures(codec, each, quality, units) for quality, each in symbols.items()]
    found = [value / (model.peak * unit) ** 2 for value in lambdas] or [
        min(BITS_OF_A_STEP / max(1.0, float(curvature.mean())), _bits_for_all(codec, x, q, units))
        for q, curvature in enumerate(curvatures, 1)
    ]
    whole = np.clip(np.rint(curvatures), 0, 2**31 - 1).astype(np.int32)
    return Tradeoffs(unit, found, whole, weights)


def _bits_for_all(codec: Codec, x: npt.NDArray[Any], quality: int, units: Units) -> float:
    """Return the bits of a signal over its distortion: the lambda where D falls as 1 / R.

    The curves of many collections are about so steep. The steps alone give a far larger lambda to
    models of few latents and fine steps, such as PCA and plain autoencoders: they would pay more
    bits for a little quality than more latents take.
    """
    few = x[np.linspace(0, len(x) - 1, min(len(x), RATE_SIGNALS)).astype(int)]
    symbols = codec.encode(few, quality, effort=0)
    bits = float(ideal_bits(symbols, codec.model.quality(quality).tables).mean())
    distortion = float(squared(errors(codec.decode(symbols, quality), few, units)).mean())
    return max(bits, 1.0) / max(distortion, 1.0)


def _curvatures(
    codec: Codec, symbols: Symbols, quality: int, units: Units
) -> npt.NDArray[np.float64]:
    """Return the mean distortion of one step of each latent, `(latent_size,)`."""
    k = symbols.shape[1]
    n = max(MIN_SIGNALS, min(MAX_SIGNALS, MAX_DECODED // k))
    chosen = symbols[np.linspace(0, len(symbols) - 1, min(n, len(symbols))).astype(int)]
    before = codec.decode(chosen, quality)
    moved = (codec.decode(chosen + step, quality) for step in np.eye(k, dtype=np.int32))
    return np.array([squared(errors(frames, before, units)).mean() for frames in moved])


MAX_SIGNALS = 8192  # that are measured
SHARE_BELOW = 0.999


def measure_fit(model: Model, x: npt.NDArray[Any], missing: Sequence[float]) -> Fit:
    """Measure the distortion of some of `(n, *frame_shape)` training signals at each quality.

    `missing` are values that stand for missing ones.
    """
    assert model.tradeoffs is not None
    codec, n = Codec(model), min(len(x), MAX_SIGNALS)
    some = x[np.arange(n) * len(x) // n]
    most = []
    for quality, symbols in codec.encoder.encode_at_all_qualities(some).items():
        e = errors(codec.decode(symbols, quality), some, model.tradeoffs.units)
        most.append(_stay_below(e))
    return Fit(list(map(float, missing)), most)


def fit_of_bricks(model: Model, bricks: Sequence[Brick]) -> Fit:
    """Return the fit of a model with that of whole bricks, as far as it is wider."""
    assert model.tradeoffs is not None
    assert model.fit is not None
    own, encoder, most = model.wavelets, BrickEncoder(Transform(model)), []
    assert own is not None
    for quality, before in enumerate(model.fit.distortion, 1):
        found = []
        for brick in bricks:
            values = own.values(encoder.encode(brick, quality).coefficients, quality)
            tiles = cut_to_tiles(values, model.frame_shape).astype(np.float64)
            decoded = with_known(model.normaliser.from_integers(tiles), brick.frames, brick.known)
            found.append(errors(decoded, brick.frames, model.tradeoffs.units))
        most.append(max(before, _stay_below(np.concatenate(found))))
    return replace(model.fit, distortion=most)


def _stay_below(e: npt.NDArray[np.float64]) -> float:
    """Return the mean square of an element that nearly all of `(n, size)` errors stay below."""
    return float(np.quantile(squared(e) / e.shape[1], SHARE_BELOW, method="higher"))
