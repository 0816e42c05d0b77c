"""Payload bytes -> frames of bytes; `narrows.codec.encoding.level_payloads` is the inverse.

A payload is the words of the stack, little-endian, and nothing else: no element is escaped.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.decisions import DecisionReader
from narrows.codec.levels.range_decisions import RangeReader
from narrows.errors import FormatError

WORD_BYTES = 4


def decode_bytes(levels: ByteLevels, payload: bytes, n: int) -> npt.NDArray[np.uint8]:
    """Return the `(n, size)` frames of a payload; FormatError for one that no encoder wrote."""
    if len(payload) % WORD_BYTES:
        raise FormatError(f"payload of levels of {len(payload)} bytes; words have four")
    if levels.compiled is not None:
        found = levels.compiled.decode(payload, n)
        if found is not None:
            return found
    reader = DecisionReader(np.frombuffer(payload, "<u4").astype(np.uint32))
    frames = levels.code(n, reader)
    reader.check_end()
    return frames


def decode_byte_string(levels: ByteLevels, string: bytes) -> npt.NDArray[np.uint8]:
    """Return the `(1, size)` frame of a packet; FormatError for what no encoder wrote."""
    if levels.compiled is not None:
        found = levels.compiled.decode_string(string)
        if found is not None:
            return found
    reader = RangeReader(string)
    frames = levels.code(1, reader)
    reader.check_end()
    return frames
