"""Learning how the wavelet coefficients of arrays are coded.

What magnitudes are expected beside those that are known, and the tables for them, are learnt from
what an encoder decides, which depends on them: so the arrays are encoded some times in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.brick_encoder import (
    LAMBDA,
    Coded,
    costs_of,
    decided,
    in_steps,
)
from narrows.codec.encoding.window_encoder import in_output_units
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model import Model
from narrows.codec.prediction.bands import n_features
from narrows.codec.prediction.bricks import array_of, bricks_of
from narrows.codec.prediction.lifting import LIMIT, MAX_LEVELS, analysed
from narrows.codec.prediction.wavelets import (
    MAX_AXES,
    MAX_FINER,
    MAX_STEP,
    MAX_VALUE_LIMIT,
    MAX_WEIGHT,
    SCALES_PER_OCTAVE,
    SCALES_PER_TABLE,
    WEIGHT_BITS,
    Wavelets,
)
from narrows.codec.transform import Transform
from narrows.errors import SettingError
from narrows.signals.bricks import arrays_of, some_arrays
from narrows.training.freeze.magnitudes import fitted
from narrows.training.freeze.prediction_tables import shape_table
from narrows.training.freeze.tradeoffs import fit_of_bricks

Floats = npt.NDArray[np.float64]

MAX_SIZE = 1024  # elements of a tile, whose covariance is a matrix of as many rows
MAX_ELEMENTS = 1 << 20  # of the arrays that are learnt from
ROUNDS = 3
LEAST_OF_STEP = 256  # units that the finest step has, where they are made finer
LEAST_MEAN = -11  # binary logarithm of the magnitude for which the first table is
WIDE = 2  # octaves of tables beyond what the training had
SHARE_OF_GROUP = 0.01  # of the bits, about, that another group of axes must save
FIRST_WEIGHT = 0.03
MAX_TILES, BISECTIONS = 2048, 20
ROUNDED_UP = 0.34  # of a step, about, from which a coefficient is worth the next symbol


def with_wavelets(model: Model, x: npt.NDArray[Any], shapes: Sequence[tuple[int, ...]]) -> Model:
    """Return the model with what codes arrays as a whole.

    Parameters
    ----------
    model : Model
    x : (n, *frame_shape)
        The tiles of arrays, one array behind the other.
    shapes : sequence of tuple
        Of the arrays.
    """
    arrays = arrays_of(in_output_units(x, model.normaliser), shapes)
    largest = max(int(np.abs(array).max()) for array in arrays)
    limit = (1 << largest.bit_length() + 1) - 1
    if limit > MAX_VALUE_LIMIT:
        raise SettingError(
            f"architecture predictive for {model.dtype} of a range of {model.peak:g}, too fine for "
            "its integers of 30 bits; convert to int16 or float32, or take architecture linear"
        )
    few, some, _ = some_arrays(x, shapes, MAX_ELEMENTS)
    bricks = bricks_of(few, some)
    values = [in_output_units(array_of(brick), model.normaliser) for brick in bricks]
    draft = _learnt(_draft(_errors(model, few), values, limit), values)
    finished = replace(model, wavelets=draft)
    return replace(finished, fit=fit_of_bricks(finished, bricks))


def check_tiles(shape: tuple[int, ...]) -> None:
    """Refuse tiles of arrays that are not coded as a whole."""
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


def _draft(
    errors: Sequence[float], values: Sequence[npt.NDArray[np.int64]], limit: int
) -> Wavelets:
    """Return what is known before anything is decided."""
    n_axes, mean = values[0].ndim, round(float(np.mean([array.mean() for array in values])))
    usual = (12.0 * errors[(len(errors) - 1) // 2]) ** 0.5
    groups = _groups_for([array - mean for array in values], usual)
    steps = _steps_for(errors, [analysed(array - mean, groups) for array in values])
    room = LIMIT.bit_length() - limit.bit_length() - n_axes * MAX_LEVELS // 2 - 2
    wanted = int(np.ceil(np.log2(LEAST_OF_STEP / max(float(steps.min()), 1e-9))))
    finer = max(0, min(wanted, room, MAX_FINER))
    whole = np.clip(np.rint(steps * 2.0**finer), 1, MAX_STEP).astype(np.int32)
    size = n_features(n_axes, len(groups)) + 1
    kinds = 1 << n_axes + len(groups)
    weights = np.full((len(steps), kinds, 1 << n_axes, size), FIRST_WEIGHT * 2.0**WEIGHT_BITS)
    first = SCALES_PER_OCTAVE * (WEIGHT_BITS + LEAST_MEAN)
    return Wavelets(
        groups, limit, mean, finer, whole, weights.astype(np.int32),
        _tables([np.zeros(0, np.int32)] * _n_tables(values, steps, first), first), first,
    )  # fmt: skip


def _groups_for(values: Sequence[npt.NDArray[np.int64]], step: float) -> list[list[int]]:
    """Return which axes are halved together: as is said in fewest bits, about."""
    best: tuple[float, list[list[int]]] | None = None
    for groups in partitions(values[0].ndim):
        bits = 0.0
        for array in values:
            steps = np.abs(analysed(array, groups)) / step
            bits += float(np.log2(1.0 + np.floor(steps + 1 / 3)).sum())
        bits *= 1.0 + SHARE_OF_GROUP * len(groups)
        if best is None or bits < best[0]:
            best = bits, groups
    assert best is not None
    return best[1]


def partitions(n: int) -> list[list[list[int]]]:
    """Return all ways to put the axes from 0 to n - 1 into groups, few groups first."""
    found: list[list[list[int]]] = [[]]
    for axis in range(n):
        found = [
            each
            for groups in found
            for each in (
                *([*groups[:i], [*groups[i], axis], *groups[i + 1 :]] for i in range(len(groups))),
                [*groups, [axis]],
            )
        ]
    return sorted(found, key=len)


def _n_tables(values: Sequence[npt.NDArray[np.int64]], steps: Floats, first: int) -> int:
    """Return how many tables reach to the largest coefficients, about."""
    spread = max(float(array.std()) for array in values) / float(steps.min())
    gain = 2.0 ** (values[0].ndim * MAX_LEVELS / 2)
    most = np.log2(max(spread * min(gain, max(array.size for array in values) ** 0.5), 2.0))
    last = SCALES_PER_OCTAVE * (WEIGHT_BITS + min(float(most), 14.0))
    return int((last - first) // SCALES_PER_TABLE) + 1


def _learnt(draft: Wavelets, values: Sequence[npt.NDArray[np.int64]]) -> Wavelets:
    """Return the draft with weights and tables of what is decided, some times in turn."""
    qualities = range(1, len(draft.step) + 1)
    for number in range(ROUNDS):
        costs, weights = costs_of(draft), draft.weights.copy()
        symbols, tables = [], []
        for quality in qualities:
            coded = [
                decided(in_steps(array, draft, quality), draft, costs, quality, LAMBDA, keep=True)
                for array in values
            ]
            if number < ROUNDS - 1:
                weights[quality - 1] = _weights(coded, draft, quality)
                draft = replace(draft, weights=weights)
            for each in coded:
                symbols += [each.coefficients[phase.places].ravel() for phase in each.phases]
                tables += [draft.number(phase, quality).ravel() for phase in each.phases]
        order = np.argsort(np.concatenate(tables), kind="stable")
        ends = np.searchsorted(np.concatenate(tables)[order], np.arange(1, len(draft.tables)))
        parts = np.split(np.concatenate(symbols)[order], ends)
        draft = replace(draft, tables=_tables(parts, draft.first))
    return draft


def _weights(coded: Sequence[Coded], own: Wavelets, quality: int) -> npt.NDArray[np.int32]:
    """Return the weights of magnitudes of what was decided at a quality."""
    rows: dict[int, dict[int, list[npt.NDArray[np.float32]]]] = {}
    for each in coded:
        for phase in each.phases:
            symbols = np.abs(each.coefficients[phase.places])
            columns = [*phase.features, np.ones(symbols.shape), symbols]
            flat = np.stack([np.asarray(c, np.float32).ravel() for c in columns], axis=1)
            rows.setdefault(phase.phase, {}).setdefault(phase.kind, []).append(flat)
    before = own.weights[quality - 1] * 2.0**-WEIGHT_BITS
    found = before.copy()
    for number, parts in rows.items():
        of_kind = {kind: np.concatenate(flat) for kind, flat in parts.items()}
        for kind, weights in fitted(of_kind, before[:, number]).items():
            found[kind, number] = weights
    whole = np.clip(np.rint(found * 2.0**WEIGHT_BITS), 0, MAX_WEIGHT)
    return np.asarray(whole, dtype=np.int32)


def _tables(symbols: Sequence[npt.NDArray[np.int32]], first: int) -> list[FrequencyTable]:
    numbers = first + SCALES_PER_TABLE * np.arange(len(symbols))
    means = 2.0 ** (numbers / SCALES_PER_OCTAVE - WEIGHT_BITS)
    return [shape_table(each, float(mean)) for each, mean in zip(symbols, means, strict=True)]


def _errors(model: Model, x: npt.NDArray[Any]) -> list[float]:
    """Return the mean squared error of the networks at each quality, in units of their output."""
    few = x[np.linspace(0, len(x) - 1, min(len(x), MAX_TILES)).astype(int)]
    transform, targets = Transform(model), in_output_units(few, model.normaliser)
    found = []
    for number, symbols in transform.rounded(few, model.qualities).items():
        decoded = transform.windows(symbols, number).reshape(targets.shape)
        found.append(float(np.square((decoded - targets).astype(np.float64)).mean()))
    return found


def _steps_for(errors: Sequence[float], coefficients: Sequence[Floats]) -> Floats:
    """Return the steps at which coefficients have mean squared errors, about."""
    flat, steps = np.concatenate([each.ravel() for each in coefficients]), []
    for error in errors:
        low, high = 1e-3, 2.0 * float(np.abs(flat).max()) + 1.0
        for _ in range(BISECTIONS):
            step = (low * high) ** 0.5
            off = np.abs(flat) / step
            off -= np.floor(off + ROUNDED_UP)
            low, high = (step, high) if np.square(off).mean() * step**2 < error else (low, step)
        steps.append(low)
    return np.array(steps)
