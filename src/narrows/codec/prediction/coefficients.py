"""Symbols of wavelet coefficients <-> the payload of a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import PayloadReader, PayloadWriter
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.prediction.bands import Places, phases_of
from narrows.codec.prediction.wavelets import Wavelets
from narrows.errors import FormatError

Coefficients = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.intp]


def pack_coefficients(
    coefficients: Coefficients,
    own: Wavelets,
    quality: int,
    known: Iterable[tuple[Places, Numbers]] | None = None,
) -> bytes:
    """Code the symbols of a brick, an array of its shape, to a payload.

    `known` is what `in_order` yields, where that is known already.
    """
    writer = PayloadWriter()
    for places, numbers in known or in_order(coefficients, own, quality):
        symbols = coefficients[places]
        column = symbols.ravel()
        for number, rows in _by_table(numbers):
            writer.add_column(own.tables[number], column[rows])
    return b"".join(map(write_varint, coefficients.shape)) + writer.to_bytes()


def unpack_coefficients(
    payload: bytes, n: int, tile: Sequence[int], own: Wavelets, quality: int
) -> Coefficients:
    """Undo `pack_coefficients` for a brick that is cut to n tiles.

    FormatError for what it never wrote.
    """
    shape, position = [], 0
    for _ in tile:
        size, position = read_varint(payload, position)
        shape.append(size)
    counts = [-(-size // length) for size, length in zip(shape, tile, strict=True)]
    if prod(counts) != n:
        told = " x ".join(map(str, shape))
        raise FormatError(f"brick of {n} tiles that is {told} elements")
    reader = PayloadReader(payload[position:])
    coefficients = np.zeros(shape, dtype=np.int32)
    for places, numbers in in_order(coefficients, own, quality):
        column = np.zeros(numbers.size, dtype=np.int32)
        for number, rows in _by_table(numbers):
            column[rows] = reader.take_column(own.tables[number], len(rows))
        coefficients[places] = column.reshape(numbers.shape)
    reader.check_end()
    return coefficients


def in_order(
    coefficients: Coefficients, own: Wavelets, quality: int
) -> Iterator[tuple[Places, Numbers]]:
    """Yield the places of what is coded together, and the number of each one's table.

    The symbols of these places must be there when the next ones are asked for.
    """
    for phase in phases_of(coefficients, own.groups):
        yield phase.places, own.number(phase, quality)


def _by_table(numbers: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Yield each table and where it serves, in row-major order."""
    flat = numbers.ravel().astype(np.int16)
    order = np.argsort(flat, kind="stable")
    sorted_numbers = flat[order]
    starts = np.flatnonzero(np.diff(sorted_numbers, prepend=-1))
    for rows, number in zip(
        np.split(order, starts[1:]), sorted_numbers[starts].tolist(), strict=True
    ):
        yield number, rows
