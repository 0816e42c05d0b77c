"""Symbols of predicted tiles <-> the payload of a block, and from symbols to values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import PayloadReader, PayloadWriter
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.entropy.tables import FixedTables, Symbols
from narrows.codec.prediction.lattice import Canvas, Integers, Lattice
from narrows.codec.prediction.tile_prediction import (
    LARGEST_MAGNITUDE,
    MAGNITUDE_BITS,
    SCALES_PER_OCTAVE,
    TilePrediction,
)
from narrows.errors import FormatError

LEAST_SUM = 1 << (MAGNITUDE_BITS - 1)  # of the magnitudes of a neighbour, coded and expected


def parts_of(k: int) -> list[slice]:
    """Cut k latents into parts whose tables are chosen together: 1, 1, 2, 4, 8 and so on."""
    ends = [0, *(1 << i for i in range(k.bit_length()) if 1 << i < k), k]
    return [slice(a, b) for a, b in pairwise(ends)]


class Magnitudes:
    """How large the symbols of tiles are beside what is expected: it chooses their tables.

    Of each tile two sums are kept, of coded and of expected magnitudes. They begin with those of
    the neighbours before it, and go on with its own latents.

    Parameters
    ----------
    lattice : Lattice
    quality : int
        Counted from 1.
    """

    def __init__(self, lattice: Lattice, quality: int) -> None:
        self._lattice, self._own = lattice, lattice.own
        self._scale = self._own.scale[quality - 1].astype(np.int64)
        self._expected = self._own.expected[quality - 1]
        self._all = np.zeros((2, lattice.n), dtype=np.int64)  # coded and expected, of whole tiles

    def start(self, tiles: npt.NDArray[np.intp]) -> None:
        """Begin with the tiles of a diagonal, those of all before which are known."""
        self._tiles, prior = tiles, self._own.prior << MAGNITUDE_BITS
        before = self._lattice.before[:, tiles]  # (axes, m)
        coded, expected = (
            np.where(before >= 0, each[before] + LEAST_SUM, 0).sum(axis=0) for each in self._all
        )
        coded = np.where(expected > 0, prior * coded // np.maximum(expected, 1), prior)
        self._sums = np.array([np.maximum(coded, 1), np.full(len(tiles), prior)])
        self._patterns = self._lattice.patterns[tiles]

    def tables(self, part: slice) -> npt.NDArray[np.intp]:
        """Return which table each latent of a part has, `(m, latents)`."""
        coded, expected = logarithm(self._sums)
        level = (self._own.weight * (coded - expected)) >> 5
        return self._own.number(self._scale[self._patterns, part] + level[:, None])

    def add(self, part: slice, symbols: npt.NDArray[np.int32]) -> None:
        """Go on with the symbols `(m, latents)` of a part."""
        magnitudes = np.minimum(np.abs(symbols.astype(np.int64)), LARGEST_MAGNITUDE)
        coded = magnitudes.sum(axis=1) << MAGNITUDE_BITS
        own = np.array([coded, self._expected[self._patterns, part].sum(axis=1)])
        self._sums += own
        self._all[:, self._tiles] += own


def logarithm(values: Integers) -> Integers:
    """Return about 32 times the logarithm to base 2 of whole numbers from 1 up: exact integers."""
    mantissa, exponent = np.frexp(values.astype(np.float64))  # 1/2 <= mantissa < 1
    within = np.floor(mantissa * (2 * SCALES_PER_OCTAVE)).astype(np.int64) - SCALES_PER_OCTAVE
    return np.asarray(SCALES_PER_OCTAVE * (exponent.astype(np.int64) - 1) + within)


Take = Callable[[int, int], npt.NDArray[np.int32]]


def pack_tiles(
    symbols: Symbols, counts: tuple[int, ...], own: TilePrediction, quality: int
) -> bytes:
    """Code the `(n, latent_size)` symbols of so many tiles along each axis to a payload."""
    writer = PayloadWriter()
    lattice = Lattice(own, counts)
    for tiles, part, of_table in _in_order(lattice, quality, symbols.shape[1], symbols):
        now = symbols[tiles, part]
        for number, where in of_table:
            writer.add(FixedTables([own.tables[number]]), now[where][:, None])
    return b"".join(map(write_varint, counts[1:])) + writer.to_bytes()


def unpack_tiles(
    payload: bytes, n: int, own: TilePrediction, quality: int
) -> tuple[Symbols, tuple[int, ...]]:
    """Undo `pack_tiles` for n tiles: return symbols and counts; FormatError for anything else."""
    counts, position = [], 0
    for _ in own.frame_shape[1:]:
        count, position = read_varint(payload, position)
        counts.append(count)
    rest = prod(counts)
    if not 1 <= rest <= n or n % rest:
        raise FormatError(f"brick of {n} tiles with {counts} along its last axes")
    reader, lattice = PayloadReader(payload[position:]), Lattice(own, (n // rest, *counts))
    k = own.scale.shape[2]
    symbols = np.zeros((n, k), dtype=np.int32)
    for tiles, part, of_table in _in_order(lattice, quality, k, symbols):
        now = np.zeros((len(tiles), part.stop - part.start), dtype=np.int32)
        for number, where in of_table:
            count = int(where.sum())
            now[where] = reader.take(FixedTables([own.tables[number]]), count)[:, 0]
        symbols[tiles, part] = now
    reader.check_end()
    return symbols, lattice.counts


def _in_order(
    lattice: Lattice, quality: int, k: int, symbols: Symbols
) -> Iterator[tuple[npt.NDArray[np.intp], slice, Iterator[tuple[int, npt.NDArray[np.bool_]]]]]:
    """Yield the tiles of each diagonal and each part of their latents, table by table.

    With each table comes where it serves, `(m, latents)`. The symbols of a part must be there when
    the next one is asked for.
    """
    magnitudes = Magnitudes(lattice, quality)
    for tiles in lattice.diagonals():
        magnitudes.start(tiles)
        for part in parts_of(k):
            numbers = magnitudes.tables(part)
            used = np.unique(numbers).tolist()
            yield tiles, part, ((number, numbers == number) for number in used)
            magnitudes.add(part, symbols[tiles, part])


def rebuild_tiles(residuals: Integers, counts: tuple[int, ...], own: TilePrediction) -> Integers:
    """Return the values of tiles, `(n, *frame_shape)`, in units of the decoder's output.

    Parameters
    ----------
    residuals : (n, elements of a tile)
        What the decoder gives for their symbols.
    counts : tuple of int
        Tiles along each axis.
    own : TilePrediction
    """
    lattice = Lattice(own, counts)
    canvas = Canvas(lattice)
    for tiles in lattice.diagonals():
        canvas.put(tiles, canvas.said(tiles) + residuals[tiles])
    return canvas.tiles()
