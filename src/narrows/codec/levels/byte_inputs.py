"""What the network of a pass over bytes sees of the known places around each element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.byte_heads import Bytes, ByteScale
from narrows.codec.levels.passes import Pass, PassOrder

INPUT_ONE = 128
NEAREST_KINDS = 8  # neighbours of which a network also learns whether they are atoms
NEAREST_ATOMS = 4  # and which


def near_bytes(
    order: PassOrder, of: Pass, k: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the places of a pass, `(m,)`, and of their known neighbours, `(k, m)`, nearest first.

    What lies outside, and neighbours beyond those that there are, have the index `order.size`.
    Channels before the pass's own come first, each with the place itself and four around it.
    """
    places = order.places(of)
    near = np.full((k, len(places)), order.size, dtype=np.intp)
    found = []
    for channel in [*range(of.channel), of.channel]:
        wanted = k if channel == of.channel else 5
        at, inside = order.neighbours(of, order.offsets(of, wanted, channel), channel)
        found.append(np.where(inside, at, order.size).T)
    together = np.concatenate(found)[:k]
    near[: len(together)] = together
    return places, near


def n_inputs(k: int, atoms: Sequence[int]) -> int:
    """Return how many inputs a network has."""
    others = len(atoms) - 1
    return k + NEAREST_KINDS * (1 + (others > 0)) + others * NEAREST_ATOMS


def byte_inputs(near: Bytes, scale: ByteScale) -> npt.NDArray[np.float32]:
    """Return the `(inputs, rows)` whole numbers that a network makes of `(k, rows)` neighbours.

    What they stand for less 128; of the nearest eight, whether they are the first atom, and whether
    any other; of the nearest four, for each other atom, whether they are that. Yes is 128.
    """
    first, *others = scale.atoms
    kinds, which = near[:NEAREST_KINDS], near[:NEAREST_ATOMS]
    x = np.empty((n_inputs(len(near), scale.atoms), near.shape[1]), dtype=np.float32)
    values = near if scale.lattice is None else scale.values[near]
    np.subtract(values, INPUT_ONE, out=x[: len(near)], dtype=np.float32)
    at = len(near)
    np.multiply(kinds == first, INPUT_ONE, out=x[at : at + NEAREST_KINDS], dtype=np.float32)
    at += NEAREST_KINDS
    if others:
        is_other = np.zeros(256, dtype=bool)
        is_other[others] = True
        np.multiply(is_other[kinds], INPUT_ONE, out=x[at : at + NEAREST_KINDS], dtype=np.float32)
        at += NEAREST_KINDS
    for atom in others:
        np.multiply(which == atom, INPUT_ONE, out=x[at : at + NEAREST_ATOMS], dtype=np.float32)
        at += NEAREST_ATOMS
    return x
