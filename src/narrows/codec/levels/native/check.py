"""Whether compiled networks of levels code what numpy codes, tried on a few places of each pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.decisions import DecisionReader
from narrows.codec.levels.native.bytes import CompiledBytes
from narrows.codec.levels.native.decided import CompiledDecisions
from narrows.codec.levels.native.numbers import CompiledNumbers
from narrows.codec.levels.number_levels import NumberLevels
from narrows.errors import FormatError

PLACES = 128  # of a pass
FRAMES = 2
NO_NUMBERS = np.zeros(0)


def codes_bytes(compiled: CompiledBytes, levels: ByteLevels) -> bool:
    """Return whether numpy, and compiled code too, reads what compiled code writes."""
    values = _bytes(levels)
    writer = CompiledDecisions(compiled.native)
    parts = [(number, slice(0, min(PLACES, len(each.places)))) for number, each in
             enumerate(levels.near)]  # fmt: skip
    for number, part in parts:
        compiled.code_part(writer.kept, number, part, values)
    words, own, numpys = writer.to_bytes(), values.copy(), values.copy()
    reader = compiled.native.make_decisions(words)
    for number, part in parts:
        compiled.code_part(reader, number, part, own)
    try:
        numpy_reader = DecisionReader(np.frombuffer(words, "<u4").astype(np.uint32))
        for number, part in parts:
            levels.code_part(number, part, numpys, numpy_reader, is_known=False)
        numpy_reader.check_end()
    except FormatError:
        return False
    ended = compiled.native.are_decided(reader)
    return bool(ended and (own == values).all() and (numpys == values).all())


def _bytes(levels: ByteLevels) -> npt.NDArray[np.uint8]:
    """Return frames, `(size + 1, n)`, that are all over the range, with background and atoms."""
    size, atoms = levels.order.size, np.array(levels.atoms)
    number = np.arange((size + 1) * FRAMES, dtype=np.int64) * 2654435761 >> 8
    low, high = levels.scale.grey
    values = low + number % (high - low + 1)
    values = np.where(number % 3 == 0, atoms[(number >> 9) % len(atoms)], values)
    found = values.reshape(size + 1, FRAMES).astype(np.uint8)
    found[: size // 2, 0] = found[-1] = atoms[0]
    return found


def codes_numbers(compiled: CompiledNumbers, levels: NumberLevels) -> bool:
    """Return whether numpy, and compiled code too, reads what compiled code writes."""
    values = _numbers(levels)
    writer = CompiledDecisions(compiled.native)
    parts = [(number, slice(0, min(PLACES, len(each.places)))) for number, each in
             enumerate(levels.surroundings)]  # fmt: skip
    own, wanted = values.astype(np.float64), values.astype(np.float64)
    for number, part in parts:
        compiled.code_part(writer.kept, number, part, own, wanted, is_float=False)
    words, back, numpys = writer.to_bytes(), values.astype(np.float64), values.copy()
    reader = compiled.native.make_decisions(words)
    for number, part in parts:
        compiled.code_part(reader, number, part, back, NO_NUMBERS, is_float=False)
    try:
        numpy_reader = DecisionReader(np.frombuffer(words, "<u4").astype(np.uint32))
        for number, part in parts:
            levels.code_part(number, part, numpys, numpy_reader, None)
        numpy_reader.check_end()
    except FormatError:
        return False
    ended = compiled.native.are_decided(reader)
    return bool(ended and (back == own).all() and (numpys == own).all())


def _numbers(levels: NumberLevels) -> npt.NDArray[np.int64]:
    """Return frames, `(size, n)`, of numbers of all sizes."""
    number = np.arange(levels.order.size * FRAMES, dtype=np.int64) * 2654435761 >> 6
    values = (number & 0xFFFFF) - 0x80000 >> (number >> 20) % 20
    values[::97] *= 1 << 18
    return values.reshape(levels.order.size, FRAMES)
