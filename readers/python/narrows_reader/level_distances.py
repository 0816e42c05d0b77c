"""format/level-networks.md, "Numbers": distances of elements from what is expected of them."""

from functools import cache
from itertools import pairwise

import numpy as np

from .level_decisions import TOTAL, Decisions, sigmoid

T = (
    6658043, 5284492, 4194304, 3329021, 2642246, 2097152, 1664511, 1321123, 1048576, 832255,
    660561, 524288, 416128, 330281, 262144, 208064, 165140, 131072, 104032, 82570, 65536, 52016,
    41285, 32768, 26008, 20643,
)  # fmt: skip


def take_distances(kinds: list[tuple[int, int]], coder: Decisions) -> np.ndarray:
    """Take distances of classes and fractions."""
    found, entries = [0] * len(kinds), [0] * len(kinds)
    for kind in sorted(set(kinds)):
        members = [i for i, own in enumerate(kinds) if own == kind]
        for i, entry in zip(members, coder.entries(table(*kind), len(members)), strict=True):
            entries[i], found[i] = entry, entry - 180 << low_bits(kind[0])
    for width in sorted({low_bits(c) for c, _ in kinds} - {0}):
        members = [i for i, (c, _) in enumerate(kinds) if low_bits(c) == width]
        uniform = [TOTAL >> width] * 2**width
        for i, entry in zip(members, coder.entries(uniform, len(members)), strict=True):
            found[i] += entry
    for i in (escaped := [i for i, entry in enumerate(entries) if entry == 361]):
        found[i] = -(2**47)
    for shift in (0, 16, 32):
        for i, entry in zip(escaped, coder.entries([256] * 2**16, len(escaped)), strict=True):
            found[i] += entry << shift
    return np.array(found, np.int64)


def low_bits(c: int) -> int:
    """Return the low bits of a class."""
    return max(0, (c - 23) // 3)


@cache
def table(c: int, fraction: int) -> list[int]:
    """Return the frequencies of a class and fraction."""
    b = low_bits(c)
    rate = T[c - 3 * b]
    at = [(8 * 2**b * (i - 180) - 4 - fraction) * rate >> 11 + b for i in range(362)]
    steps = [sigmoid(z) - sigmoid(y) for y, z in pairwise(at)]
    row = [32 + step * (TOTAL - 362 * 32) // 2**16 for step in steps]
    return [*row, TOTAL - sum(row)]
