"""The last layers of the networks of levels, fitted to the signals of a block.

Sources of one kind differ in how features turn into means and scales more than in the features
themselves. Each step is one of Fisher scoring of a logistic's mean and log scale, which are
orthogonal. All sums are of whole numbers below 2**53, and the equations are solved by elementary
operations in a fixed order: the same signals give the same layers on every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.level_sums import CompiledRows, NumpyRows, Rows
from narrows.codec.levels.decisions import SIGMOID_UNIT
from narrows.codec.levels.number_inputs import Inputs
from narrows.codec.levels.number_levels import (
    MEAN_UNIT_BITS,
    ROWS_AT_ONCE,
    NumberLevels,
    Wanted,
)
from narrows.codec.levels.number_payload import STEPS, Changes, changed
from narrows.codec.levels.pass_network import SECOND_SHIFT, PassNetwork

Integers = npt.NDArray[np.int64]

SAMPLE = 1 << 13  # rows that a layer is fitted to
LEAST_ROWS = 1 << 10  # of a pass: of fewer, it costs more than it saves
ROUNDS = 4
LOG_STEP = 0.23104906018664842  # ln(2) / 3: between neighbouring classes
MEAN_INFORMATION = 1 / 3  # of a logistic, about its mean in scales
SCALE_INFORMATION = 1.43  # and about the logarithm of its scale: (3 + pi**2) / 9


def fit_last_layers(
    levels: NumberLevels, values: Integers, wanted: Wanted | None = None
) -> list[Changes]:
    """Return the changes to the last layer of each pass, for `(size, n)` numbers.

    `values` are about what will be known of them, `wanted` what they should be, if not that.
    """
    wanted = values if wanted is None else wanted
    found = []
    for number, (network, around) in enumerate(
        zip(levels.networks, levels.surroundings, strict=True)
    ):
        if len(around.places) * values.shape[1] < LEAST_ROWS:
            found.append(np.zeros_like(_last_layer(network)))
            continue
        found.append(_fitted(network, _sampled(levels, number, values, wanted)))
    return found


def has_rows(levels: NumberLevels, n: int) -> bool:
    """Return whether n frames have rows enough in some pass to fit its last layer to."""
    return any(len(each.places) * n >= LEAST_ROWS for each in levels.surroundings)


def _sampled(levels: NumberLevels, number: int, values: Integers, wanted: Wanted) -> Rows:
    """Return some places of some frames, spread evenly."""
    around = levels.surroundings[number]
    apart = max(1, len(around.places) * values.shape[1] // SAMPLE)
    truth = np.rint(wanted[around.places, ::apart].reshape(-1)).astype(np.int64)
    columns = values[:, ::apart]
    if levels.compiled is not None:
        return CompiledRows(levels.compiled, number, columns, truth, levels.step)
    parts = [around.inputs(columns, part) for part in around.parts(ROWS_AT_ONCE, columns.shape[1])]
    together = Inputs(
        np.concatenate([each.x for each in parts], axis=1),
        np.concatenate([each.middle for each in parts]),
        np.concatenate([each.spread for each in parts]),
        parts[0].middle_bits,
    )
    return NumpyRows(levels.networks[number], together, truth, levels.step)


def _fitted(network: PassNetwork, rows: Rows) -> Changes:
    """Return what to change in a last layer, in steps."""
    given = _last_layer(network).astype(np.float64)
    weights, of_scale = given.copy(), rows.equations(rows.square * (SCALE_INFORMATION * LOG_STEP))
    for _ in range(ROUNDS):
        square, mean_pull, scale_pull = rows.sums(np.rint(weights))
        of_mean = rows.equations(square * (MEAN_INFORMATION / 64))
        mean = of_mean.solved(mean_pull * 2.0**-19)
        scale = of_scale.solved(scale_pull * (1 / SIGMOID_UNIT))
        weights += np.stack(
            [mean * 2.0 ** (MEAN_UNIT_BITS + SECOND_SHIFT), scale * 2.0**SECOND_SHIFT]
        )
        np.clip(weights, -(2.0**15), 2.0**15 - 1, out=weights)
    return np.asarray(np.rint((weights - given) / STEPS[:, None]).astype(np.int64))


def _last_layer(network: PassNetwork) -> Integers:
    """Return weights, `(2, units + 1)`; the last is that of a hidden value of 256."""
    bias = network.second_bias.astype(np.int64)[:, None] >> 8
    return np.hstack([network.second.astype(np.int64), bias])


def with_changes(levels: NumberLevels, changes: list[Changes]) -> NumberLevels:
    """Return the coder with changed last layers."""
    pairs = zip(levels.networks, changes, strict=True)
    return levels.with_networks([changed(network, each) for network, each in pairs])
