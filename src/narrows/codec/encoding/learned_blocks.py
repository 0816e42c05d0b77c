"""When the tables of a block are to learn: where that takes fewer bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.encoding.costs import code_lengths
from narrows.codec.entropy.learned import LearnedCoder, LearnedTable, rows_of, tables_of
from narrows.codec.entropy.tables import TOTAL, CodingTables, FrequencyTable, Symbols
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables

LEAST_SIGNALS = 64  # of fewer, tables learn next to nothing
LEAST_GAIN = 0.01  # of the bits: what seems to be gained, before learning has cost something


def is_learnable(block: Block, symbols: Symbols) -> bool:
    """Return whether the tables of a block of `(n, latent_size)` symbols could learn."""
    is_coded = block.mode is Mode.CODED and block.quality != SEVERAL_QUALITIES
    return is_coded and len(symbols) >= LEAST_SIGNALS


def with_learned_tables(block: Block, symbols: Symbols, tables: CodingTables) -> Block:
    """Return a block, or one of the same `(n, latent_size)` symbols that is smaller."""
    if not is_learnable(block, symbols):
        return block
    if _bits_once_learned(symbols, tables) >= (1 - LEAST_GAIN) * 8 * len(block.payload):
        return block
    payload = LearnedCoder(tables).encode(symbols)
    if len(payload) >= len(block.payload):
        return block
    return replace(block, mode=Mode.LEARNED, payload=payload)


def _bits_once_learned(symbols: Symbols, tables: CodingTables) -> float:
    """Return the bits of symbols with tables that have learnt from all of them, exactly."""
    n_bits = 0.0
    for j, number, own in _columns(symbols, tables):
        table = tables_of(tables, j)[number]
        counts = np.bincount(table.indices(own), minlength=table.weights.size)
        n_bits += _bits(counts, _learned(table, own))
    return n_bits


def learned_rows(symbols: Symbols, tables: CodingTables) -> list[list[FrequencyTable]]:
    """Return the tables that have learnt from all symbols: a row, or two in a trellis."""
    rows = [list(row) for row in rows_of(tables)]
    for j, number, own in _columns(symbols, tables):
        rows[number][j] = _learned(rows[number][j], own)
    return rows


def _learned(table: FrequencyTable, symbols: npt.NDArray[np.int32]) -> FrequencyTable:
    learned = LearnedTable(table)
    learned.learn(symbols)
    return learned.table


def _columns(
    symbols: Symbols, tables: CodingTables
) -> Iterator[tuple[int, int, npt.NDArray[np.int32]]]:
    """Yield each latent, and the symbols of it that each of its tables codes."""
    known = TrellisPass(tables, len(symbols)) if isinstance(tables, TrellisTables) else None
    for j in tables.order:
        column = symbols[:, j]
        for number in range(1 if known is None else 2):
            own = slice(None) if known is None else known.quantiser == number
            yield j, number, column[own]
        if known is not None:
            known.advance(tables.row[j].indices(column))


def _bits(counts: np.ndarray, table: FrequencyTable) -> float:
    """Return the bits of entries that occur so often, a multiple of 2**-12."""
    lengths = code_lengths(np.minimum(table.weights, TOTAL - 1).astype(np.float64))
    return float((counts * lengths).sum())
