"""The description of networks of levels: the numbers that `native/levels_read.c` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.byte_heads import RATES as GREY_RATES
from narrows.codec.levels.byte_heads import SHARES
from narrows.codec.levels.byte_inputs import INPUT_ONE
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.decisions import sigmoid_table
from narrows.codec.levels.number_levels import NumberLevels
from narrows.codec.levels.number_tables import RATES
from narrows.codec.levels.pass_network import PassNetwork

OF_BYTES, OF_NUMBERS = 0, 1
HEAD = 12
MAX_INT32 = 2**31 - 1
MAX_INPUTS, MAX_UNITS, MAX_PASSES = 128, 1024, 1 << 12
MAX_SIZE = 1 << 40

Description = tuple[npt.NDArray[np.int64], npt.NDArray[np.int16], npt.NDArray[np.int32]]


def fits(levels: ByteLevels | NumberLevels) -> bool:
    """Return whether compiled code can hold networks of levels; their inputs and weights are int16.

    Sums must fit int32; those of the outputs of numbers may be larger.
    """
    n_sums = 2 if isinstance(levels, ByteLevels) else 1
    small = len(levels.networks) <= MAX_PASSES and levels.order.size <= MAX_SIZE
    proven = (_is_proven(network, n_sums) for network in levels.networks)
    return small and np.intp(0).itemsize == 8 and all(proven)


def _is_proven(network: PassNetwork, n_sums: int) -> bool:
    units, n_inputs = network.first.shape
    small = n_inputs < MAX_INPUTS and units <= MAX_UNITS
    return small and max(network.peaks[:n_sums]) < MAX_INT32 - 1


def describe_bytes(levels: ByteLevels) -> Description:
    """Describe networks of bytes; there is an even number of neighbours, the last of no weight."""
    k, scale = levels.n_neighbours, levels.scale
    head = [OF_BYTES, len(levels.networks), levels.order.size, k, len(levels.atoms), *scale.grey]
    head += scale.first_edge, scale.edge_step
    seen = scale.values.astype(np.int32) - INPUT_ONE
    numbers = [sigmoid_table(), np.array(levels.atoms), seen, np.array(GREY_RATES),
               np.array(SHARES), levels.quiet_ones, levels.loud]  # fmt: skip
    return _described(head, numbers, levels.networks, k if k % 2 else None)


def describe_numbers(levels: NumberLevels) -> Description:
    """Describe networks of other whole numbers."""
    head = [OF_NUMBERS, len(levels.networks), levels.order.size, levels.step]
    return _described(head, [sigmoid_table(), np.array(RATES)], levels.networks)


def _described(
    head: list[int],
    numbers: list[npt.NDArray[Any]],
    networks: Sequence[PassNetwork],
    empty: int | None = None,
) -> Description:
    """Lay everything out; `empty` is where a column of zeros goes into the first weights."""
    fields, weights = [*head, *[0] * (HEAD - len(head))], [np.zeros(0, np.int16)]
    for network in networks:
        first = network.first if empty is None else np.insert(network.first, empty, 0, axis=1)
        fields += [first.shape[1], len(first), len(network.second), len(network.bias)]
        weights += [first.reshape(-1), network.second.reshape(-1)]
        numbers += [network.bias.reshape(-1), network.second_bias]
    joined = np.concatenate([each.astype(np.int32) for each in numbers])
    return np.array(fields, np.int64), np.concatenate(weights), joined
