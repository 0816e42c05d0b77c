"""Signals of whole numbers to the levels coder for them: rows of inputs, networks, integers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.number_inputs import ONE, Surroundings
from narrows.codec.levels.number_levels import (
    INPUT_LIMIT,
    MEAN_UNIT_BITS,
    ROWS_AT_ONCE,
    NumberLevels,
    steps_to,
)
from narrows.codec.levels.pass_network import FIRST_SHIFT, SECOND_SHIFT, PassNetwork
from narrows.codec.levels.passes import PassOrder
from narrows.training.levels.number_networks import (
    CLASSES_PER_UNIT,
    NumberNetworks,
    PassRows,
    train_numbers,
)

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_ROWS = 1 << 18  # of a pass
HIDDEN_ONE = 256  # what 1 is in a hidden value
MAX_WEIGHT = 2**15 - 1


def train_number_levels(
    frames: Integers,
    order: PassOrder,
    units: int,
    updates: int,
    seed: int,
    lattice: Lattice | None = None,
    *,
    augment: bool = True,
) -> NumberLevels:
    """Train the levels coder on `(n, size)` frames of whole numbers, and freeze it.

    Of a lattice, frames are in its units.
    With `augment`, every other frame has its channels in reverse, and half of all channels have
    other signs: sources that differ in these are then alike.
    """
    step = 1 if lattice is None else lattice.units
    passes = [each for each in order.passes if not each.is_start]
    surroundings = [Surroundings(order, each, max(1, step // 4)) for each in passes]
    rng = np.random.default_rng(seed)
    varied = _varied(frames, order.n_channels, rng) if augment else frames
    rows = [rows_of(each, varied, order.size, rng, step) for each in surroundings]
    networks = NumberNetworks([each.n_inputs for each in surroundings], units, seed)
    train_numbers(networks, rows, updates, seed)
    return replace(freeze_numbers(networks, order), lattice=lattice)


def rows_of(
    around: Surroundings, frames: Integers, size: int, rng: np.random.Generator, step: int = 1
) -> PassRows:
    """Return inputs, distances and spreads of a pass, of as many frames as are enough.

    Distances and spreads are in steps. What is known comes in steps too, which begin anywhere.
    """
    m = len(around.places)
    n = min(len(frames), max(1, MAX_ROWS // m))
    chosen = frames[np.sort(rng.choice(len(frames), n, replace=False))]
    wanted = np.ascontiguousarray(chosen.T)
    starts = rng.integers(0, step, (1, n)) if step > 1 else 0
    values = steps_to(wanted - starts, step) * step + starts
    xs, distances, spreads = [], [], []
    for part in around.parts(ROWS_AT_ONCE, n):
        inputs = around.inputs(values, part)
        one = 1 << inputs.middle_bits
        xs.append((inputs.x.T / ONE).astype(np.float16))
        distance = wanted[around.places[part]].reshape(-1) - inputs.middle / one
        distances.append(distance / step)
        spreads.append(inputs.spread / (8 * one * step))
    return PassRows(
        torch.from_numpy(np.concatenate(xs)),
        torch.from_numpy(np.concatenate(distances)).float(),
        torch.from_numpy(np.concatenate(spreads)).float(),
        m / size,
    )


def _varied(frames: Integers, n_channels: int, rng: np.random.Generator) -> Integers:
    x = frames.reshape(len(frames), -1, n_channels).copy()
    x[1::2] = x[1::2, :, ::-1]
    x *= rng.choice([-1, 1], (len(x), 1, n_channels))
    return x.reshape(frames.shape)


def freeze_numbers(networks: NumberNetworks, order: PassOrder) -> NumberLevels:
    """Convert trained networks to integers."""
    parts = zip(networks.first, networks.bias, networks.second, networks.second_bias, strict=True)
    return NumberLevels(order, [_frozen(*map(_numpy, tensors)) for tensors in parts])


def _numpy(tensor: Any) -> Floats:
    return np.asarray(tensor.detach().double().numpy())


def _frozen(first: Floats, bias: Floats, second: Floats, second_bias: Floats) -> PassNetwork:
    units = np.array([1 << MEAN_UNIT_BITS, CLASSES_PER_UNIT])
    half = 2.0 ** (SECOND_SHIFT - 1)  # so that floor rounds
    return PassNetwork(
        _int16(first.T * HIDDEN_ONE * 2.0**FIRST_SHIFT / ONE),
        np.round(bias * HIDDEN_ONE)[None].astype(np.int32),
        _int16(second.T * units[:, None] * 2.0**SECOND_SHIFT / HIDDEN_ONE),
        np.round(second_bias * units * 2.0**SECOND_SHIFT + half).astype(np.int32),
        INPUT_LIMIT,
    )


def _int16(values: Floats) -> npt.NDArray[np.int16]:
    return np.clip(np.round(values), -MAX_WEIGHT, MAX_WEIGHT).astype(np.int16)
