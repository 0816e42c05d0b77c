"""Learning to predict tiles of arrays from their decoded neighbours.

All but the tables follows from one stationary covariance. The tables are counted in closed loop,
since what a decoder has of the neighbours depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.tile_encoder import TileEncoder, analysis_of
from narrows.codec.encoding.window_encoder import in_output_units
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model import Model
from narrows.codec.networks.layers import Dense, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.lattice import bricks_of
from narrows.codec.prediction.tile_prediction import (
    MAGNITUDE_BITS,
    MAX_AXES,
    MAX_MAGNITUDE,
    MAX_SCALE,
    MAX_TILE_LIMIT,
    SCALES_PER_OCTAVE,
    SCALES_PER_TABLE,
    TilePrediction,
    rim_of,
)
from narrows.codec.transform import Transform
from narrows.errors import SettingError
from narrows.signals.bricks import arrays_of, some_arrays
from narrows.training.data.stationary import Covariances, Floats
from narrows.training.freeze.prediction_tables import shape_table
from narrows.training.freeze.tradeoffs import fit_of_bricks

RIM = 2  # elements; three gained nothing
MAX_SIZE = 1024  # elements of a tile, whose covariance is a matrix of as many rows
WEIGHT, PRIOR = 24, 5
MAX_TILES = 4096  # that tables are counted on, at all qualities together
ROUNDS = 3
MOST_BITS = 15  # of the border's fractions
SHARE_OF_ROUNDING = 0.003  # of the noise of a step: what rounding the border's weights may add
MEAN_OF_SPREAD = 0.7  # magnitude of a symbol, in the spread of its latent


def with_tiles(
    model: Model,
    x: npt.NDArray[Any],
    shapes: Sequence[tuple[int, ...]],
    known: npt.NDArray[np.bool_] | None = None,
) -> Model:
    """Return the model with what predicts tiles from those before them.

    Parameters
    ----------
    model : Model
    x : (n, *frame_shape)
        The tiles of arrays, one array behind the other.
    shapes : sequence of tuple
        Of the arrays.
    known : (n, *frame_shape), optional
        Nothing is learnt from other elements; by default from all.
    """
    arrays = arrays_of(in_output_units(x, model.normaliser).astype(np.float64), shapes)
    largest = max(int(np.abs(array).max()) for array in arrays)
    limit = (1 << largest.bit_length() + 1) - 1
    if limit > MAX_TILE_LIMIT:
        raise SettingError(
            f"architecture predictive for {model.dtype} of a range of {model.peak:g}, too fine for "
            "its integers of 30 bits; convert to int16 or float32, or take architecture linear"
        )
    places = rim_for(model.frame_shape)
    there = () if known is None else arrays_of(known, shapes)
    rim, learnt = -int(places.min()), Covariances.of(arrays, places, model.frame_shape, there)
    (analysis, _), steps = analysis_of(model.decoder), _steps(model)
    noises = [float(np.median(step)) ** 2 / 12.0 for step in steps]
    noise, borders = noises[(len(noises) - 1) // 2], []
    scale = np.zeros((len(noises), 1 << places.shape[1], analysis.shape[1]), dtype=np.int32)
    for pattern in range(1 << places.shape[1]):
        known = known_of(places, pattern)
        weights = learnt.weights(noise, known)
        scale[:, pattern] = _scales(learnt, known, noises, weights, analysis, steps)
        if pattern:
            ends = limit, model.frame_shape
            among = learnt.rim[np.ix_(known, known)]
            borders.append(_border(weights, *ends, min(noises), among))
    first = int(np.quantile(scale, 0.02)) // SCALES_PER_TABLE * SCALES_PER_TABLE - 32
    n_tables = (int(scale.max()) + 64 - first) // SCALES_PER_TABLE + 1
    numbers = first + SCALES_PER_TABLE * np.arange(n_tables)
    none = [np.zeros(0, np.int32)] * n_tables
    draft = TilePrediction(
        borders, scale, _magnitudes(numbers), _tables(none, numbers), rim, limit, WEIGHT, PRIOR,
        first,
    )  # fmt: skip
    return _counted(model, draft, x, shapes, numbers)


def rim_for(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the places of the elements that predict tiles of a shape."""
    return rim_of(shape, min(RIM, *shape))


def check_tiles(shape: tuple[int, ...]) -> None:
    """Refuse tiles that are not predicted."""
    told = " x ".join(map(str, shape))
    if not 1 <= len(shape) <= MAX_AXES:
        raise SettingError(
            f"architecture predictive for tiles of {told}; tiles of 1 to {MAX_AXES} axes are "
            "predicted: give --tile so many lengths, or take architecture linear"
        )
    if prod(shape) > MAX_SIZE:
        raise SettingError(
            f"architecture predictive for tiles of {told}, {prod(shape):,} numbers; at most "
            f"{MAX_SIZE:,} are possible: give a smaller --tile"
        )


def _counted(
    model: Model,
    draft: TilePrediction,
    x: npt.NDArray[Any],
    shapes: Sequence[tuple[int, ...]],
    numbers: npt.NDArray[np.int64],
) -> Model:
    """Return the model with tables of what is decided in closed loop, some times in turn."""
    most = max(1, MAX_TILES // model.n_qualities) * prod(model.frame_shape)
    few, some, _ = some_arrays(x, shapes, most)
    bricks = bricks_of(few, some)
    for _ in range(ROUNDS):
        encoder = TileEncoder(Transform(replace(model, tiles=draft)))
        coded = [
            encoder.encode(brick, quality)
            for quality in range(1, model.n_qualities + 1)
            for brick in bricks
        ]
        tables = np.concatenate([each.tables.ravel() for each in coded])
        symbols = np.concatenate([each.symbols.ravel() for each in coded])
        order = np.argsort(tables, kind="stable")
        ends = np.searchsorted(tables[order], np.arange(1, len(numbers)))
        draft = replace(draft, tables=_tables(np.split(symbols[order], ends), numbers))
    finished = replace(model, tiles=draft)
    return replace(finished, fit=fit_of_bricks(finished, bricks))


def _magnitudes(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the mean magnitudes of symbols, in parts of 256, at scales of 1/32 octave."""
    means = MEAN_OF_SPREAD * 2.0 ** (numbers / SCALES_PER_OCTAVE)
    means = np.where(means > 0.5, means, means**2)
    return np.asarray(np.rint(np.minimum(means * 2.0**MAGNITUDE_BITS, MAX_MAGNITUDE)), np.int32)


def _tables(
    symbols: Sequence[npt.NDArray[np.int32]], numbers: npt.NDArray[np.int64]
) -> list[FrequencyTable]:
    spreads = 2.0 ** (numbers / SCALES_PER_OCTAVE)
    # Below a step, few symbols are other than 0: about what a Laplacian has beyond half a step.
    means = MEAN_OF_SPREAD * spreads * np.exp(-0.5 / spreads)
    return [
        shape_table(each, max(float(mean), 2.0**-12))
        for each, mean in zip(symbols, means, strict=True)
    ]


def _steps(model: Model) -> Floats:
    """Return the steps of all latents in units of the decoder's output, `(n_qualities, k)`."""
    dense = model.decoder.layers[0]
    weight = np.asarray(dense.tensors()["weight"], dtype=np.float64)
    lengths = np.sqrt(np.square(weight).sum(axis=1)) * 2.0 ** -dense.settings()["shift"]
    return np.asarray(model.quantiser.step * lengths)


def known_of(places: npt.NDArray[np.int64], pattern: int) -> npt.NDArray[np.bool_]:
    """Return which elements of a rim are there, with neighbours along the axes of a pattern."""
    missing = [axis for axis in range(places.shape[1]) if not pattern >> axis & 1]
    return np.asarray((places[:, missing] >= 0).all(axis=1))


def _scales(
    learnt: Covariances,
    known: npt.NDArray[np.bool_],
    noises: Sequence[float],
    weights: Floats,
    analysis: Floats,
    steps: Floats,
) -> npt.NDArray[np.int32]:
    """Return the logarithms of the latents' spreads, by quality."""
    basis, out = analysis / np.sqrt(np.square(analysis).sum(axis=0)), []
    for noise, step in zip(noises, steps, strict=True):
        rest = learnt.unpredicted(noise, weights, known)
        variances = np.maximum(np.einsum("ij,ij->j", basis, rest @ basis), 0.0)
        spreads = np.sqrt(variances) / step + 2.0**-10
        out.append(np.rint(SCALES_PER_OCTAVE * np.log2(spreads)))
    return np.asarray(np.clip(out, -MAX_SCALE, MAX_SCALE), dtype=np.int32)


def _border(
    weights: Floats, limit: int, shape: tuple[int, ...], noise: float, rim: Floats
) -> IntegerNetwork:
    """Return the weights in no more bits than the noise of the finest step asks for.

    `rim` is the covariance of what they weigh.
    """
    most = MOST_BITS - int(np.ceil(np.log2(max(float(np.abs(weights).max()), 1e-9)) + 1e-3))
    for bits in range(1, max(2, most + 1)):
        whole = _rounded(weights * 2.0**bits)
        off = whole * 2.0**-bits - weights
        if float((off * (rim @ off)).sum()) <= SHARE_OF_ROUNDING * noise * weights.shape[1]:
            break
    half = np.full(whole.shape[1], 1 << (bits - 1), dtype=np.int64)
    layers = [Dense(whole.astype(np.int16), half, bits, None), Reshape(shape)]
    return IntegerNetwork(layers, (len(whole),), limit)


def _rounded(values: Floats) -> Floats:
    """Return whole numbers whose columns have the right sums, but for their rounding.

    Neighbours are much alike: an error of a sum counts far more than one of a difference.
    """
    whole = np.floor(values)
    more = np.rint(values.sum(axis=0) - whole.sum(axis=0)).astype(np.int64)
    place = np.argsort(np.argsort(whole - values, axis=0, kind="stable"), axis=0)
    return np.asarray(whole + (place < more))
