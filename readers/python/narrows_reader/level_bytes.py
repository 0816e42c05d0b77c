"""format/level-networks.md, "Bytes": from a payload to frames of bytes."""

from collections.abc import Sequence

import numpy as np

from .level_decisions import TOTAL, Decisions, cut, sigmoid
from .level_lattice import Lattice
from .level_networks import Levels
from .level_passes import Level

QUARTERS = (16777216, 14107900, 11863283, 9975792)
W = (
    64, 56, 50, 44, 39, 34, 30, 27, 24, 21, 18, 16, 14, 13, 11, 10, 9, 8, 7, 6, 5, 5, 4, 4, 3, 3,
    2, 2, 2, 2, 2, 1, 1, 1,
)  # fmt: skip
R = (
    146856, 115298, 90521, 71069, 55796, 43806, 34393, 27002, 21199, 16644, 13067, 10259, 8054,
    6324, 4965, 3898, 3060, 2403, 1886, 1481, 1163, 913, 717, 563, 442, 347, 272, 214, 168, 132,
    103, 81,
)  # fmt: skip


def n_inputs(k: int, atoms: Sequence[int]) -> int:
    """Return how many inputs a network has."""
    return k + (16 if len(atoms) > 1 else 8) + 4 * (len(atoms) - 1)


def inputs(near: np.ndarray, values: np.ndarray, atoms: Sequence[int]) -> np.ndarray:
    """Return the inputs of (k, rows) neighbours, which stand for such values."""
    parts = [values - 128, 128 * (near[:8] == atoms[0])]
    if len(atoms) > 1:
        parts.append(128 * np.isin(near[:8], atoms[1:]))
    return np.concatenate([*parts, *(128 * (near[:4] == atom) for atom in atoms[1:])])


def decode_bytes(own: Levels, coder: Decisions, n: int) -> np.ndarray:
    """Decode n frames, (n, size)."""
    outside, lattice = own.order.size, own.lattice or Lattice(0, 1)
    stand_for, edges = lattice.bytes(np.arange(256)), lattice.edges().tolist()
    values = np.full((outside + 1, n), own.atoms[0])
    for network, of in zip(own.networks, own.order.passes, strict=True):
        places = np.array([own.order.index(p, of.channel) for p in own.order.places(of)])
        near = neighbours(own, of)
        for part in cut(len(places), n):
            x = values[near[:, part]].reshape(own.k, -1)
            dead = (x == own.atoms[0]).all(axis=0) & (of.h <= 2)
            found = np.full(x.shape[1], own.atoms[0])
            at = np.repeat(places[part], n)
            odds = [quiet(own.quiet[p]) for p in at[dead].tolist()]
            loud = np.flatnonzero(dead)[np.array([coder.yes(f) for f in odds], bool)]
            found[loud] = coder.entries(own.loud, len(loud))
            rows = np.repeat(np.arange(part.start, part.stop), n)[~dead]
            live = x[:, ~dead]
            outputs = network.run(inputs(live, stand_for[live], own.atoms), rows)
            found[~dead] = take_values(outputs, own.atoms, edges, coder)
            values[places[part]] = found.reshape(-1, n)
    coder.check_end()
    return values[:-1].T


def neighbours(own: Levels, of: Level) -> np.ndarray:
    """Return the indices of the neighbours of a pass, (k, m)."""
    rows = []
    for channel in [*range(of.channel), of.channel]:
        offsets = own.order.offsets(of, channel)[: own.k if channel == of.channel else 5]
        near, inside = own.order.near(of, offsets, channel)
        rows.append(np.where(inside, near, own.order.size))
    m = len(own.order.places(of))
    rows.append(np.full((own.k, m), own.order.size))
    return np.concatenate([row.reshape(-1, m) for row in rows])[: own.k]


def quiet(number: int) -> int:
    """Return the frequency of something else in a dead place."""
    return min(max(QUARTERS[number % 4] >> number // 4, 1), TOTAL - 1)


def take_values(
    outputs: np.ndarray, atoms: Sequence[int], edges: list[int], coder: Decisions
) -> np.ndarray:
    """Take the bytes of (outputs, rows), whose values begin at such edges."""
    found = np.full(outputs.shape[1], atoms[0])

    def split(rows: list[int], row: int) -> tuple[list[int], list[int]]:
        """Ask a logit of some rows; return those of yes, and those of no."""
        yes = {i: coder.yes(chance(outputs[row, i])) for i in rows}
        return [i for i in rows if yes[i]], [i for i in rows if not yes[i]]

    grey = split(list(range(outputs.shape[1])), 0)[1]
    if len(atoms) == 2:
        found_1, grey = split(grey, 1)
        found[found_1] = atoms[1]
    if len(atoms) > 2:
        left, grey = split(grey, 1)
        for row, atom in enumerate(atoms[1:-1], 2):
            is_it, left = split(left, row)
            found[is_it] = atom
        found[left] = atoms[-1]
    for start in range(0, len(grey), 2**13):
        group = grey[start : start + 2**13]
        found[group] = take_levels(outputs[len(atoms) :, group], atoms, edges, coder)
    return found


def chance(logit: int) -> int:
    """Return the frequency of a decision of a logit."""
    return min(max(256 * sigmoid(16 * int(logit)), 32), TOTAL - 32)


def take_levels(
    mixture: np.ndarray, atoms: Sequence[int], edges: list[int], coder: Decisions
) -> list[int]:
    """Take the levels of a group of (9, rows)."""
    rest = [i for i in range(256) if edges[i + 1] > edges[i] and i not in atoms] or [0, 255]
    low, high = rest[0], rest[-1]
    rows = [Mixture(*column.tolist()) for column in mixture.T]
    levels = [0] * len(rows)
    ends = [(row.mass(edges[low]), row.mass(edges[high + 1])) for row in rows]
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        for i, row in enumerate(rows):
            below, above = ends[i]
            at = row.mass(edges[min(max(levels[i] + bit, low), high + 1)])
            ratio = TOTAL * (above - at) // max(above - below, 1)
            if coder.yes(min(max(ratio, 1), TOTAL - 1)):
                levels[i] += bit
                ends[i] = at, above
            else:
                ends[i] = below, at
    return levels


class Mixture:
    """Three logistics."""

    def __init__(self, *numbers: int) -> None:
        logs, means, scales = numbers[:3], numbers[3:6], numbers[6:]
        shares = (W[min(max(logs) - own, 33)] for own in logs)
        middles = (min(max(mean + 128, -256), 511) for mean in means)
        rates = (R[min(max(scale + 16, 0), 31)] for scale in scales)
        self.parts = list(zip(shares, middles, rates, strict=True))

    def mass(self, v: int) -> int:
        """Return the mass below a level."""
        return 32 * v + sum(w * sigmoid((2 * v - 2 * m - 1) * r >> 6) for w, m, r in self.parts)
