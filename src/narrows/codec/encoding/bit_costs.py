"""The bits that symbols cost, as whole numbers: the logarithms of libraries differ in last bits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import PRECISION, CodingTables, Frequencies, chosen

BITS_UNIT = 2.0**-12
"""Costs are whole multiples of this part of a bit, in float64."""

MANTISSA_BITS = 11
OUT_OF_REACH = math.inf  # cost of a move to or from a symbol outside its table


@cache
def _logarithms() -> npt.NDArray[np.float64]:
    """Compute log2 of 1 + (i + 1/2) / 2**MANTISSA_BITS in units of BITS_UNIT, rounded down.

    By squaring: whenever the square passes 2, the next binary digit is 1.
    """
    digits = []
    for i in range(1 << MANTISSA_BITS):
        x, log = (2 * i + 1 + (2 << MANTISSA_BITS)) << (61 - MANTISSA_BITS), 0  # 2**62 stands for 1
        for _ in range(int(1 / BITS_UNIT).bit_length() - 1):
            x = x * x >> 62
            log, x = (2 * log + 1, x >> 1) if x >> 63 else (2 * log, x)
        digits.append(log)
    return np.array(digits, dtype=np.float64) * BITS_UNIT


def code_lengths(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compute the bits of table entries from their frequencies out of 2**24: about -log2."""
    mantissa, exponent = np.frexp(frequencies)  # 1/2 <= mantissa < 1
    index = (mantissa * (2 << MANTISSA_BITS)).astype(np.intp) - (1 << MANTISSA_BITS)
    return np.asarray(PRECISION + 1 - exponent - _logarithms()[index])


class SymbolCosts:
    """The bits of signals' symbols, and of their neighbours.

    Parameters
    ----------
    tables : CodingTables
    """

    def __init__(self, tables: CodingTables) -> None:
        self.tables = tables

    def bits(self, symbols: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Compute the bits of `(n, latent_size)` symbols, `(n,)`; escaped ones cost their entry."""
        total = np.zeros(len(symbols))
        for _, entries, part, frequencies in self._frequencies(symbols):
            total[part] += code_lengths(chosen(frequencies, entries[part]))
        return total

    def beside(
        self, symbols: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Compute the bits `(n,)` of symbols, and how they change with each symbol.

        The change, `(n, latent_size, 2)`, is for one less and one more, at the frequencies of the
        symbols as they are: those of later latents would change too.
        """
        total, more = np.zeros(len(symbols)), np.full((*symbols.shape, 2), OUT_OF_REACH)
        for j, entries, part, frequencies in self._frequencies(symbols):
            now, escape = entries[part], self.tables.row[j].escape
            bits = code_lengths(chosen(frequencies, now))
            total[part] += bits
            for number, other in enumerate((now - 1, now + 1)):
                inside = (now < escape) & (other >= 0) & (other < escape)
                there = code_lengths(chosen(frequencies, np.where(inside, other, now)))
                more[part, j, number] = np.where(inside, there - bits, OUT_OF_REACH)
        return total, more

    def _frequencies(
        self, symbols: npt.NDArray[np.int32]
    ) -> Iterator[tuple[int, npt.NDArray[np.int32], slice, Frequencies]]:
        """Yield each latent, its `(n,)` entries, and the frequencies of a part of the signals."""
        tables = self.tables
        tables_pass = tables.start(len(symbols))
        for position, j in enumerate(tables.order):
            entries = tables.row[j].indices(symbols[:, j])
            for part in tables_pass.parts(position):
                yield j, entries, part, tables_pass.frequencies(position, part)
            tables_pass.advance(entries)
