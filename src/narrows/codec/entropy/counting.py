"""Frequency tables from the symbols of a training set: what only freezing a model needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import MAX_SYMBOLS, TOTAL, FrequencyTable


def count_table(symbols: npt.NDArray[Any]) -> FrequencyTable:
    """Count the table of one latent from its `(n,)` int32 symbols in the training set.

    To the counts is added one pseudo-count an entry, spread by a two-sided geometric kernel over
    the symbols seen: their neighbours are then cheap, and far ones not impossible.
    """
    return _counted(symbols, *_support(*_unique(symbols)))


def count_tables(
    symbols: npt.NDArray[Any], group: npt.NDArray[np.integer[Any]], n_groups: int
) -> list[FrequencyTable]:
    """Count a table for each group of `(n,)` symbols, all with the same entries.

    `group`, `(n,)`, is the number of each symbol's. A group without symbols has the table of all.
    """
    ends = _support(*_unique(symbols))
    parts = [symbols[group == number] for number in range(n_groups)]
    return [_counted(part if len(part) else symbols, *ends) for part in parts]


def _unique(symbols: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    values, counts = np.unique(symbols.astype(np.int64), return_counts=True)
    return values, counts


def _counted(symbols: npt.NDArray[Any], low: int, high: int) -> FrequencyTable:
    """Count the table of `(n,)` symbols whose entries are `low` to `high`."""
    values, counts = _unique(symbols)
    inside = (values >= low) & (values <= high)
    seen = np.zeros(high - low + 1)
    seen[values[inside] - low] = counts[inside]
    n = float(symbols.size)
    spread = float(np.std(np.clip(symbols, low, high)))
    total = seen.sum()
    smooth = _spread(
        seen / total if total else np.full(seen.size, 1.0 / seen.size), 1.0 + 0.25 * spread
    )
    pseudo = float(seen.size)
    escapes = float(counts[~inside].sum()) + 0.5
    weights = np.append(seen + pseudo * smooth, escapes) / (n + pseudo)
    return FrequencyTable(int(low), to_integers(weights))


def _support(values: npt.NDArray[Any], counts: npt.NDArray[Any]) -> tuple[int, int]:
    """Choose the symbols a row covers: nearly all seen and a margin, at most MAX_SYMBOLS.

    Two in 10,000 on either side are left to the escape: they cost no more there.
    """
    cumulated, rare = np.cumsum(counts), int(2e-4 * counts.sum())
    low = int(values[np.searchsorted(cumulated, rare, side="right")])
    high = int(values[np.searchsorted(cumulated, counts.sum() - rare)])
    margin = 2 + (high - low) // 8 if high > low else 0
    if high - low + 1 + 2 * margin <= MAX_SYMBOLS:
        return max(low - margin, -(2**31)), min(high + margin, 2**31 - 1)
    middle = int(values[np.searchsorted(cumulated, counts.sum() / 2)])
    low = min(max(low, middle - MAX_SYMBOLS // 2), high - MAX_SYMBOLS + 1)
    low = min(max(low, -(2**31)), 2**31 - MAX_SYMBOLS)
    return low, low + MAX_SYMBOLS - 1


def _spread(p: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """Convolve with a two-sided geometric kernel, and normalise."""
    distance = np.arange(-p.size + 1, p.size)
    kernel = np.exp(-np.abs(distance) / width)
    size = 1 << int(3 * p.size).bit_length()
    full = np.fft.irfft(np.fft.rfft(p, size) * np.fft.rfft(kernel, size), size)
    spread = np.maximum(full[p.size - 1 : 2 * p.size - 1], 0.0)
    return np.asarray(spread / spread.sum())


def to_integers(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round weights to integers of at least 1 that sum to 2**24, largest remainder first."""
    room = TOTAL - weights.size
    ideal = weights / weights.sum() * room
    whole = np.floor(ideal).astype(np.int64)
    missing = room - int(whole.sum())
    whole[np.argsort(whole - ideal, kind="stable")[:missing]] += 1
    return np.asarray(whole + 1)
