"""Float networks of the passes over bytes <-> their integer version, and what is counted for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from narrows.codec.entropy.counting import to_integers
from narrows.codec.levels.byte_heads import N_LOGISTICS, N_SCALES, ByteScale
from narrows.codec.levels.byte_inputs import INPUT_ONE, near_bytes
from narrows.codec.levels.byte_levels import MAX_ATOMS, N_QUIET, SKIP_STRIDE, ByteLevels
from narrows.codec.levels.decisions import LOGIT_UNIT
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.pass_network import FIRST_SHIFT, SECOND_SHIFT, PassNetwork
from narrows.codec.levels.passes import PassOrder
from narrows.training.levels.byte_networks import (
    LOG_SCALE_MIDDLE,
    LOG_SCALE_UNIT,
    LOG_SCALES,
    MEAN_UNIT,
    ByteNetworks,
    BytePasses,
)
from narrows.training.levels.trainer import train_networks

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

N_NEIGHBOURS = 16
ATOM_SHARE = 0.03  # of what is not the most frequent value
HIDDEN_ONE = 256  # what 1 is in a hidden value
BIAS_STEP = 8  # of 256ths: finer biases cost more bytes than they save
WEIGHT_UNIT = 8  # what 1 is in the logarithm of a weight of a mixture
START_STRIDE, ORIGIN = 16, 2
MAX_WEIGHT = 2**15 - 1


def train_byte_levels(
    frames: Bytes,
    order: PassOrder,
    units: int,
    epochs: float,
    seed: int,
    lattice: Lattice | None = None,
) -> ByteLevels:
    """Train the levels coder on `(n, size)` frames, freeze it, and count its tables.

    Parameters
    ----------
    frames : (n, size) uint8
        Of a lattice, its numbers.
    order : PassOrder
    units : int
        Hidden units of each pass's network.
    epochs : float
    seed : int
    lattice : Lattice, optional
    """
    scale = ByteScale(tuple(atoms_of(frames)), lattice)
    networks = ByteNetworks(passes_of(order, scale), units, seed)
    train_networks(networks, torch.from_numpy(frames), epochs, seed)
    return freeze_bytes(networks, frames, order, lattice)


def atoms_of(frames: Bytes) -> list[int]:
    """Return the values that get a head of their own, the most frequent first."""
    counts = np.bincount(frames.reshape(-1), minlength=256)
    order = np.argsort(-counts, kind="stable")[:MAX_ATOMS]
    least = ATOM_SHARE * (counts.sum() - counts[order[0]])
    return [int(order[0]), *(int(v) for v in order[1:] if counts[v] > least)]


def passes_of(order: PassOrder, scale: ByteScale) -> BytePasses:
    """Return what the networks of a frame's passes look at."""
    found = [near_bytes(order, each, N_NEIGHBOURS) for each in order.passes]
    return BytePasses(
        torch.from_numpy(np.concatenate([places for places, _ in found])),
        torch.from_numpy(np.concatenate([near for _, near in found], axis=1)),
        np.cumsum([len(places) for places, _ in found]).tolist(),
        sum(len(order.places(each)) for each in order.passes if each.stride > SKIP_STRIDE),
        scale,
    )


def freeze_bytes(
    networks: ByteNetworks, frames: Bytes, order: PassOrder, lattice: Lattice | None = None
) -> ByteLevels:
    """Convert trained networks to integers, and count dead rows on `(n, size)` frames."""
    atoms = networks.passes.scale.atoms
    frozen = []
    for number in range(len(networks.passes.ends)):
        first, bias, second, second_bias = (
            tensor.detach().double().numpy()
            for tensor in (
                networks.first[number],
                networks.biases(number),
                networks.second[number],
                networks.second_bias[number],
            )
        )
        frozen.append(_freeze_pass(first, bias, second, second_bias, len(atoms)))
    quiet, loud = _count_dead(networks.passes, frames)
    return ByteLevels(order, N_NEIGHBOURS, atoms, frozen, quiet, loud, lattice)


def _freeze_pass(
    first: Floats, bias: Floats, second: Floats, second_bias: Floats, n_atoms: int
) -> PassNetwork:
    units, zeros = _output_units(n_atoms)
    scale = units * 2.0**SECOND_SHIFT
    half = 2.0 ** (SECOND_SHIFT - 1)  # so that floor rounds
    first_scale = HIDDEN_ONE * 2.0**FIRST_SHIFT / INPUT_ONE
    return PassNetwork(
        _int16(first.T * first_scale),
        (np.round(bias * HIDDEN_ONE / BIAS_STEP) * BIAS_STEP).astype(np.int32),
        _int16(second.T * scale[:, None] / HIDDEN_ONE),
        np.round((second_bias * units + zeros) * 2.0**SECOND_SHIFT + half).astype(np.int32),
        INPUT_ONE,
    )


def _output_units(n_atoms: int) -> tuple[Floats, Floats]:
    """Return what 1 is in each integer output, and what is added to it."""
    per_scale = (LOG_SCALES[1] - LOG_SCALES[0]) / (N_SCALES - 1)
    of_scale = LOG_SCALE_UNIT / per_scale
    middle = (LOG_SCALE_MIDDLE - LOG_SCALES[0]) / per_scale - N_SCALES // 2
    n = (n_atoms, N_LOGISTICS, N_LOGISTICS, N_LOGISTICS)
    units = np.repeat([float(LOGIT_UNIT), WEIGHT_UNIT, MEAN_UNIT, of_scale], n)
    return units, np.repeat([0.0, 0.0, 0.0, middle], n)


def _int16(values: Floats) -> npt.NDArray[np.int16]:
    return np.clip(np.round(values), -MAX_WEIGHT, MAX_WEIGHT).astype(np.int16)


def _count_dead(passes: BytePasses, frames: Bytes) -> tuple[Bytes, npt.NDArray[np.int32]]:
    """Count how often each place is not the background amid nothing else, and what it is then."""
    background, size = passes.scale.atoms[0], frames.shape[1]
    columns = np.vstack([frames.T, np.full(len(frames), background, np.uint8)])
    quiet, values = np.zeros(size, dtype=np.uint8), np.full(256, 0.1)
    for number, place in enumerate(passes.places.tolist()):
        if number < passes.n_always:
            continue
        dead = (columns[passes.near[:, number].numpy()] == background).all(axis=0)
        seen = columns[place][dead]
        loud = seen[seen != background]
        share = (len(loud) + 0.05) / (len(seen) + 0.55)
        quiet[place] = int(np.clip(np.round(-4 * np.log2(share)), 1, N_QUIET - 1))
        values += np.bincount(loud, minlength=256)
    values[background] = 0.1
    return quiet, to_integers(values).astype(np.int32)
