"""The last layers of the networks of levels, fitted to the signals of a block.

Sources of one kind differ in how features turn into means and scales more than in the features
themselves. Each step is one of Fisher scoring of a logistic's mean and log scale, which are
orthogonal. All sums are of whole numbers below 2**53, and the equations are solved by elementary
operations in a fixed order: the same signals give the same layers on every machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.decisions import SIGMOID_REACH, SIGMOID_UNIT, sigmoid_table
from narrows.codec.levels.number_inputs import Inputs, Surroundings
from narrows.codec.levels.number_levels import (
    MEAN_UNIT_BITS,
    ROWS_AT_ONCE,
    NumberLevels,
    Wanted,
    mean_and_class,
)
from narrows.codec.levels.number_payload import STEPS, Changes, changed
from narrows.codec.levels.number_tables import RATES, low_bits_of
from narrows.codec.levels.pass_network import SECOND_SHIFT, PassNetwork

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SAMPLE = 1 << 13  # rows that a layer is fitted to
LEAST_ROWS = 1 << 10  # of a pass: of fewer, it costs more than it saves
ROUNDS = 4
LOG_STEP = 0.23104906018664842  # ln(2) / 3: between neighbouring classes
MEAN_INFORMATION = 1 / 3  # of a logistic, about its mean in scales
SCALE_INFORMATION = 1.43  # and about the logarithm of its scale: (3 + pi**2) / 9
MOST_PER_SCALE = 127  # spreads in 8ths of a scale: their squares, times 2**38, are exact
RIDGE = 2.0**-12


def fit_last_layers(
    levels: NumberLevels, values: Integers, wanted: Wanted | None = None
) -> list[Changes]:
    """Return the changes to the last layer of each pass, for `(size, n)` numbers.

    `values` are about what will be known of them, `wanted` what they should be, if not that.
    """
    wanted = values if wanted is None else wanted
    found = []
    for network, around in zip(levels.networks, levels.surroundings, strict=True):
        if len(around.places) * values.shape[1] < LEAST_ROWS:
            found.append(np.zeros_like(_last_layer(network)))
            continue
        inputs, truth = _sampled(around, values, wanted)
        found.append(_fitted(network, inputs, truth, levels.step))
    return found


def _sampled(around: Surroundings, values: Integers, wanted: Wanted) -> tuple[Inputs, Integers]:
    """Return inputs and values of some places of some frames, spread evenly."""
    m, n = len(around.places), values.shape[1]
    columns = values[:, :: max(1, m * n // SAMPLE)]
    parts = [around.inputs(columns, part) for part in around.parts(ROWS_AT_ONCE, columns.shape[1])]
    together = Inputs(
        np.concatenate([each.x for each in parts], axis=1),
        np.concatenate([each.middle for each in parts]),
        np.concatenate([each.spread for each in parts]),
        parts[0].middle_bits,
    )
    truth = wanted[around.places, :: max(1, m * n // SAMPLE)].reshape(-1)
    return together, np.rint(truth).astype(np.int64)


def _fitted(network: PassNetwork, inputs: Inputs, truth: Integers, step: int) -> Changes:
    """Return what to change in a last layer, in steps."""
    hidden = network.hidden(inputs.x, np.zeros(0, np.intp), 0).astype(np.float64)
    hidden = np.vstack([hidden, np.full((1, hidden.shape[1]), 256.0)])  # the bias, of 1
    given = _last_layer(network).astype(np.float64)
    weights = given.copy()
    for _ in range(ROUNDS):
        outputs = np.floor(np.rint(weights) @ hidden * 2.0**-SECOND_SHIFT)
        weights += _step(hidden, outputs, inputs, truth, step)
        np.clip(weights, -(2.0**15), 2.0**15 - 1, out=weights)
    return np.asarray(np.rint((weights - given) / STEPS[:, None]).astype(np.int64))


def _last_layer(network: PassNetwork) -> Integers:
    """Return weights, `(2, units + 1)`; the last is that of a hidden value of 256."""
    bias = network.second_bias.astype(np.int64)[:, None] >> 8
    return np.hstack([network.second.astype(np.int64), bias])


def _step(hidden: Floats, outputs: Floats, inputs: Inputs, truth: Integers, step: int) -> Floats:
    """Return a step of Fisher scoring of the weights, `(2, units + 1)`."""
    mean, classes = mean_and_class(outputs, inputs)
    low_bits = low_bits_of(classes)
    inverse = np.array(RATES)[classes - 3 * low_bits] * 2.0 ** -(low_bits + 18) / step
    distance = np.floor(((truth << 3) - mean) * (inverse * (SIGMOID_UNIT / 8)))
    reach = SIGMOID_REACH * SIGMOID_UNIT
    np.clip(distance, -reach, reach, out=distance)  # in 1024ths of a scale
    pull = 2.0 * sigmoid_table().take((distance + reach).astype(np.intp)) - 2.0**16
    one = 2.0 ** (inputs.middle_bits + 3)
    per_scale = np.floor(inputs.spread * inverse * (8 / one))
    capped = np.minimum(per_scale, MOST_PER_SCALE)
    share = np.floor(capped * capped / np.maximum(per_scale, 1.0))  # rows beyond the cap count less
    of_mean = _solved(
        (hidden * (capped * capped)) @ hidden.T * (MEAN_INFORMATION / 64),
        hidden @ (share * pull) * 2.0**-19,
    )
    excess = np.floor(distance * pull * 2.0**-16) - SIGMOID_UNIT
    of_scale = _solved(
        hidden @ hidden.T * (SCALE_INFORMATION * LOG_STEP), hidden @ excess * (1 / SIGMOID_UNIT)
    )
    return np.stack(
        [of_mean * 2.0 ** (MEAN_UNIT_BITS + SECOND_SHIFT), of_scale * 2.0**SECOND_SHIFT]
    )


def _solved(square: Floats, right: Floats) -> Floats:
    """Solve symmetric equations, with a ridge, by elimination in a fixed order."""
    n = len(right)
    a: Any = np.hstack([square, right[:, None]])
    ridge = 0.0
    for i in range(n):
        ridge = max(ridge, float(square[i, i]))
    for i in range(n):
        a[i, i] += RIDGE * ridge + 1e-9
    for i in range(n):
        a[i] /= a[i, i]
        others = np.arange(n) != i
        a[others] -= a[others, i : i + 1] * a[i : i + 1]
    return np.asarray(a[:, n])


def with_changes(levels: NumberLevels, changes: list[Changes]) -> NumberLevels:
    """Return the coder with changed last layers."""
    pairs = zip(levels.networks, changes, strict=True)
    return replace(levels, networks=[changed(network, each) for network, each in pairs])
