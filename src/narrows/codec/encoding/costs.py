"""What a search estimates: bits and squared errors, whole and alike on every machine, and moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import fsum, inf, isqrt, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.native.tables import CompiledTables
from narrows.codec.entropy.tables import PRECISION, CodingTables, Frequencies, Symbols, chosen

BITS_UNIT = 2.0**-12
"""Costs are whole multiples of this part of a bit, in float64."""

MANTISSA_BITS = 11
OUT_OF_REACH = inf  # cost of a move to or from a symbol outside its table


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


@cache
def _logarithms_in_units() -> npt.NDArray[np.int32]:
    return (_logarithms() / BITS_UNIT).astype(np.int32)


class SymbolCosts:
    """The bits of signals' symbols, and of their neighbours.

    Parameters
    ----------
    tables : CodingTables
    compiled : CompiledTables, optional
        The tables in compiled code, which then computes the same.
    """

    def __init__(self, tables: CodingTables, compiled: CompiledTables | None = None) -> None:
        self.tables = tables
        self._compiled = compiled

    def bits(self, symbols: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Compute the bits of `(n, latent_size)` symbols, `(n,)`; escaped ones cost their entry."""
        if self._compiled is not None:
            return self._compiled.lengths(symbols, _logarithms_in_units(), np.empty(0))
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
        if self._compiled is not None:
            return self._compiled.lengths(symbols, _logarithms_in_units(), more), more
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


Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass
class MoveCosts:
    """Estimated costs of moves, each of one latent by one.

    Attributes
    ----------
    symbols : (n, latent_size) int32
        Before any move.
    cost : (n,)
        Of these symbols, in bits.
    change : (n, latent_size, 2)
        Of the cost, with one less and with one more.
    """

    symbols: Symbols
    cost: Floats
    change: Floats

    def order(self) -> npt.NDArray[np.intp]:
        """Number the moves of each signal, `2 * latent + (0 or 1)`, the most promising first."""
        return self.change.reshape(len(self.change), -1).argsort(axis=1, kind="stable")

    def moved(self, column: npt.NDArray[np.intp], symbols: Symbols) -> tuple[Rows, Symbols]:
        """Make one move a signal, `(n,)`, from other symbols, and leave out moves off a table."""
        latent, up = column // 2, column % 2
        rows = np.flatnonzero(self.change[np.arange(len(column)), latent, up] < OUT_OF_REACH)
        symbols = symbols[rows]
        symbols[np.arange(len(rows)), latent[rows]] += (2 * up[rows] - 1).astype(np.int32)
        return rows, symbols


LARGEST_SUM = 2**52


def errors(
    decoded: npt.NDArray[Any], x: npt.NDArray[Any], units: float | npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Compute the signed errors of `(n, *frame_shape)` frames in whole units, `(n, size)`.

    `units` are those in one of the signals' own, one number or one a channel. Errors are clipped
    where sums of their squares could pass 2**52.
    """
    size = prod(x.shape[1:])
    limit = largest_error(size)
    e = decoded.reshape(-1, size).astype(np.float64)
    with np.errstate(over="ignore"):
        e -= x.reshape(-1, size)
        e *= np.broadcast_to(units, x.shape[1:]).reshape(size) if np.ndim(units) else units
    np.rint(e, out=e)
    return np.clip(e, -limit, limit, out=e)


def largest_error(size: int) -> float:
    """Return what errors of frames of `size` elements are clipped to."""
    return float(isqrt(LARGEST_SUM // size))


def with_known(
    decoded: npt.NDArray[Any], x: npt.NDArray[Any], known: npt.NDArray[np.bool_] | None
) -> npt.NDArray[Any]:
    """Return decoded frames without errors where nothing is known of them; None: all is known."""
    return decoded if known is None else np.where(known, decoded, x)


def squared(e: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum the squares of `(n, size)` errors to `(n,)` distortions, exactly."""
    return np.asarray(np.einsum("ij,ij->i", e, e))


def squared_errors(decoded: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Sum the squared errors of `(n, *frame_shape)` signals to `(n,)`; inf where it is too large.

    Errors, squares and sums are rounded once each: the same on every machine.
    """
    with np.errstate(over="ignore"):
        e = decoded.astype(np.float64) - x
        e = np.asarray(np.square(e.reshape(len(e), prod(e.shape[1:]))))
    if x.dtype.kind != "f" and x.dtype.itemsize < 4:
        return np.asarray(e.sum(axis=1, dtype=np.int64), dtype=np.float64)  # below 2**59
    return np.array([_sum(row) for row in e.tolist()], dtype=np.float64)


def _sum(squares: list[float]) -> float:
    try:
        return fsum(squares)
    except OverflowError:
        return inf
