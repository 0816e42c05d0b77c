"""Symbols of several qualities <-> one payload, the signals in any order.

varint x n_qualities   how many signals have each quality
payload                the quality of each signal in turn, as symbols of one latent
payloads               for each quality that occurs, first to last: varint length, the symbols
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable, Symbols
from narrows.errors import FormatError

Coders = Callable[[int], SymbolCoder]  # by the quality, from 1


def pack_groups(
    symbols: Symbols, qualities: npt.NDArray[np.intp], n_qualities: int, coder: Coders
) -> bytes:
    """Code `(n, latent_size)` symbols of the qualities `(n,)`, which count from 1."""
    counts = np.bincount(qualities, minlength=n_qualities + 1)[1:].astype(np.int64)
    out = b"".join(write_varint(int(count)) for count in counts)
    out += _sized(_list_coder(counts).encode(qualities[:, None].astype(np.int32)))
    for quality in np.flatnonzero(counts) + 1:
        out += _sized(coder(int(quality)).encode(symbols[qualities == quality]))
    return out


def unpack_groups(
    payload: bytes, n: int, latent_size: int, n_qualities: int, coder: Coders
) -> tuple[Symbols, npt.NDArray[np.intp]]:
    """Undo `pack_groups`: return the symbols and the qualities of n signals.

    Raises
    ------
    FormatError
        For a payload that `pack_groups` never wrote.
    """
    position, counts = 0, np.zeros(n_qualities, dtype=np.int64)
    for number in range(n_qualities):
        counts[number], position = read_varint(payload, position)
    if int(counts.max()) > n or int(counts.sum()) != n:
        raise FormatError(f"block of {n} signals that has qualities for {int(counts.sum())}")
    part, position = _take(payload, position)
    qualities = _list_coder(counts).decode(part, n)[:, 0].astype(np.intp)
    within = 1 <= int(qualities.min()) <= int(qualities.max()) <= n_qualities
    if not within or (np.bincount(qualities, minlength=n_qualities + 1)[1:] != counts).any():
        raise FormatError("block whose signals do not have the qualities that it counts")
    symbols = np.empty((n, latent_size), dtype=np.int32)
    for quality in np.flatnonzero(counts) + 1:
        part, position = _take(payload, position)
        own = np.flatnonzero(qualities == quality)
        symbols[own] = coder(int(quality)).decode(part, len(own))
    if position != len(payload):
        raise FormatError("block with bytes left over after its last quality")
    return symbols, qualities


def count_qualities(payload: bytes, n: int) -> dict[int, int]:
    """Return how many of n signals have each quality; it takes no model to know."""
    counts: dict[int, int] = {}
    position = quality = 0
    while sum(counts.values()) < n:
        quality += 1
        count, position = read_varint(payload, position)
        if count:
            counts[quality] = count
    if sum(counts.values()) != n:
        raise FormatError(f"block of {n} signals that has qualities for {sum(counts.values())}")
    return counts


def _list_coder(counts: npt.NDArray[np.int64]) -> SymbolCoder:
    """Make the coder of the qualities themselves, whose frequencies follow from their counts."""
    room = TOTAL - len(counts) - 1
    weights = np.append(counts * room // int(counts.sum()) + 1, 1)
    weights[-1] += TOTAL - int(weights.sum())
    return SymbolCoder(FixedTables([FrequencyTable(1, weights)]))


def _sized(part: bytes) -> bytes:
    return write_varint(len(part)) + part


def _take(payload: bytes, position: int) -> tuple[bytes, int]:
    """Return the part that `_sized` laid out, and where the next one begins."""
    size, start = read_varint(payload, position)
    if start + size > len(payload):
        raise FormatError(f"block whose parts go on after its {len(payload)} bytes")
    return payload[start : start + size], start + size
