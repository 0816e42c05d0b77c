"""When the tables of a block are to learn: where that takes fewer bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.encoding.costs import code_lengths
from narrows.codec.entropy.learned import LearnedCoder, LearnedTable, tables_of
from narrows.codec.entropy.tables import TOTAL, CodingTables, FrequencyTable, Symbols
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables

LEAST_SIGNALS = 64  # of fewer, tables learn next to nothing
LEAST_GAIN = 0.01  # of the bits: what seems to be gained, before learning has cost something


def with_learned_tables(block: Block, symbols: Symbols, tables: CodingTables) -> Block:
    """Return a coded block, or one of the same `(n, latent_size)` symbols that is smaller."""
    is_coded = block.mode is Mode.CODED and block.quality != SEVERAL_QUALITIES
    if not is_coded or len(symbols) < LEAST_SIGNALS:
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
    known = TrellisPass(tables, len(symbols)) if isinstance(tables, TrellisTables) else None
    for j in tables.order:
        entries, column = tables.row[j].indices(symbols[:, j]), symbols[:, j]
        for number, table in enumerate(tables_of(tables, j)):
            own = slice(None) if known is None else known.quantiser == number
            learned = LearnedTable(table)
            learned.learn(column[own])
            counts = np.bincount(entries[own], minlength=table.weights.size)
            n_bits += _bits(counts, learned.table)
        if known is not None:
            known.advance(entries)
    return n_bits


def _bits(counts: np.ndarray, table: FrequencyTable) -> float:
    """Return the bits of entries that occur so often, a multiple of 2**-12."""
    lengths = code_lengths(np.minimum(table.weights, TOTAL - 1).astype(np.float64))
    return float((counts * lengths).sum())
