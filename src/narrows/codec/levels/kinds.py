"""The coders of levels that a model may have, of bytes or of other whole numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import unpack_exact
from narrows.codec.archive.modes import NETWORKS_AND_EXACT
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.byte_payload import decode_bytes
from narrows.codec.levels.number_levels import NumberLevels
from narrows.codec.levels.number_payload import decode_numbers
from narrows.element_types import ends_of
from narrows.errors import FormatError

Levels = ByteLevels | NumberLevels
KINDS: dict[str, type[Levels]] = {"bytes": ByteLevels, "numbers": NumberLevels}


def kind_of(levels: Levels) -> str:
    """Return the name of a coder's kind."""
    return next(name for name, kind in KINDS.items() if isinstance(levels, kind))


def levels_settings(levels: Levels) -> dict[str, Any]:
    """Return all of a coder but its tensors, as canonical JSON values."""
    return {"kind": kind_of(levels), **levels.settings()}


def build_levels(settings: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> Levels:
    """Undo `levels_settings` and `tensors()`; FormatError where they do not fit together."""
    if settings["kind"] not in KINDS:
        known = ", ".join(KINDS)
        raise FormatError(f"levels of kind {str(settings['kind'])[:40]!r}; known are {known}")
    return KINDS[settings["kind"]].build(settings, tensors)


def check_levels(levels: Levels, frame_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise FormatError unless a coder is one for such frames."""
    is_bytes, lattice = dtype == np.uint8, levels.lattice
    if is_bytes != isinstance(levels, ByteLevels) or dtype.kind not in "iuf":
        raise FormatError(f"levels of {kind_of(levels)} for frames of {dtype}")
    is_whole = None if lattice is None else lattice.is_whole
    if is_whole not in ((False,) if dtype.kind == "f" else (None, True)):
        raise FormatError(f"levels of values of another kind for frames of {dtype}")
    if levels.order.size != prod(frame_shape):
        raise FormatError(f"levels of {levels.order.size} elements for frames of {frame_shape}")


def level_answers(levels: Levels) -> Iterator[npt.NDArray[np.int64]]:
    """Yield what each network gives for three inputs all over their range, `(3, outputs)`."""
    for network in levels.networks:
        yield network.answer()


def decode_levels(
    levels: Levels, payload: bytes, n: int, frame_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return `(n, *frame_shape)` signals of a block, whose first byte is that of networks.

    FormatError for a payload that no encoder wrote.
    """
    shape, exact, start = (n, *frame_shape), None, 1
    if payload[:1] == NETWORKS_AND_EXACT:
        exact, end = unpack_exact(payload[1:], shape, dtype)
        start += end
    found = elements_of(levels, _decoded(levels, payload[start:], n), dtype).reshape(shape)
    if exact is not None:
        exact.put_into(found)
    return found


def _decoded(levels: Levels, payload: bytes, n: int) -> npt.NDArray[Any]:
    if isinstance(levels, ByteLevels):
        return decode_bytes(levels, payload, n)
    return decode_numbers(levels, payload, n)


def elements_of(
    levels: Levels, numbers: npt.NDArray[Any], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return the `(n, size)` elements that coded numbers stand for, those kept exactly aside.

    FormatError for numbers that no element of this type has.
    """
    if isinstance(levels, ByteLevels):
        values: npt.NDArray[Any] = levels.scale.values[numbers]
        return values
    if levels.lattice is not None:
        return levels.lattice.from_units(numbers, dtype)
    low, high = ends_of(dtype)
    if numbers.size and (numbers.min() < low or numbers.max() > high):
        raise FormatError(f"payload of levels with numbers outside {dtype}")
    return numbers.astype(dtype)
