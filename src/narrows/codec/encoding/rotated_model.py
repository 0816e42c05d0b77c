"""What encoding along axes of a block's own needs beside decoding: an encoder, and curvatures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.symbol_search import squares_by_channel
from narrows.codec.model.model import Model
from narrows.codec.model.quality import Quality
from narrows.codec.model.tradeoff import Tradeoff, Tradeoffs
from narrows.codec.networks.layers import Dense
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.own_axes import MATRIX_BITS, WEIGHT_MAX, OwnAxes, longest, rotated

ENCODER_BITS = 14  # of weights after the point
EXACT_BITS = 52


def rotated_codec(model: Model, quality: Quality, axes: OwnAxes) -> Model:
    """Return the model of one quality whose latents, and symbols searched, are those of a block.

    Raises
    ------
    UnprovenModelError
        If the arithmetic of its encoder is not proven to be exact.
    """
    encoder, tradeoffs, tradeoff = model.encoder, model.tradeoffs, quality.tradeoff
    assert encoder is not None
    assert tradeoffs is not None
    assert tradeoff is not None
    decoding = rotated(model, quality, axes)
    in_steps = along_longest(model, quality) * 2.0 ** (ENCODER_BITS - MATRIX_BITS)
    weight = np.floor(axes.matrix().T * in_steps[:, None] + 0.5)  # (k, k)
    weight = np.clip(weight, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int16)
    half = np.full(len(weight), 1 << ENCODER_BITS - 1, np.int64)
    turn = Dense(weight, half, ENCODER_BITS, encoder.output_limit)
    layers = (*encoder.layers, turn)
    curvature = _curvature(decoding, tradeoff)
    return replace(
        decoding,
        encoder=IntegerNetwork(layers, encoder.input_shape, encoder.input_limit),
        tradeoffs=Tradeoffs(tradeoffs.unit, [tradeoff.lambda_], curvature, tradeoffs.weights),
        given_encoder_digest=None,
    )


def along_longest(model: Model, quality: Quality) -> npt.NDArray[np.float64]:
    """Return how many steps of the longest latent one step of each is, `(k,)`, as gains count."""
    at, _ = longest(model, quality)
    each = quality.gain.astype(np.float64) * quality.step
    return np.asarray(each / each[at]) if each[at] else np.zeros_like(each)


def _curvature(model: Model, tradeoff: Tradeoff) -> npt.NDArray[np.int32]:
    """Compute what a change of each latent by a step does to errors, `(1, k)`."""
    first, second = (layer.tensors()["weight"].astype(np.float64) for layer in _dense(model))
    product = first @ second  # (k, size), exact: both are of 16 bits, and k is at most 2**10
    size, peak = product.shape[1], float(np.abs(product).max())
    spare = (EXACT_BITS - int(size).bit_length()) // 2
    down = max(0, int(np.frexp(peak)[1]) - spare)  # so that sums of squares are exact, too
    product = np.floor(product * 2.0**-down)
    slopes = np.atleast_1d(tradeoff.units * np.array(model.normaliser.slope))
    slope = float(slopes.max())
    squares = squares_by_channel(product, slopes / slope)
    shift = sum(layer.shift for layer in _dense(model)) - down
    unit = int(model.quantiser.step[0, 0]) * slope * 2.0**-shift
    curvature = np.clip(np.floor(unit * unit * squares + 0.5), 0, 2**31 - 1)
    return curvature.astype(np.int32)[None]


def _dense(model: Model) -> list[Dense]:
    return [layer for layer in model.decoder.layers if isinstance(layer, Dense)]
