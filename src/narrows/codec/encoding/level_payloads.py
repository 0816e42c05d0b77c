"""Frames -> payload bytes, by the levels coder of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import ExactValues, pack_exact
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.archive.modes import NETWORKS, NETWORKS_AND_EXACT
from narrows.codec.encoding.level_fit import fit_last_layers, with_changes
from narrows.codec.entropy.stacks import Entries, best_stack
from narrows.codec.entropy.tables import Frequencies
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.decisions import Integers, two_frequencies
from narrows.codec.levels.kinds import Levels
from narrows.codec.levels.lattice import LARGEST
from narrows.codec.levels.number_levels import NumberLevels, Starts, Wanted, steps_to
from narrows.codec.levels.number_payload import pack_changes
from narrows.codec.levels.number_tables import N_CLASSES

EXACT = Guarantee()


class DecisionWriter:
    """Keeps decisions in coding order, and pushes them last first at the end."""

    def __init__(self) -> None:
        self._kept: list[tuple[npt.NDArray[Any], Frequencies]] = []

    def bits(self, ones: Integers, truth: Any) -> npt.NDArray[np.bool_]:
        """Keep `(n,)` decisions, and return them."""
        found: npt.NDArray[np.bool_] = truth
        if len(found):
            self._kept.append((found, np.asarray(ones, dtype=np.float32)))
        return found

    def symbols(self, weights: Frequencies, n: int, truth: Any) -> Entries:
        """Keep `(n,)` entries of one table, and return them."""
        if n:
            self._kept.append((truth, weights))
        return np.asarray(truth)

    def to_bytes(self) -> bytes:
        """Return the payload."""
        stack = best_stack(None)
        for entries, frequencies in reversed(self._kept):
            if entries.dtype == np.bool_:
                stack.push(entries.astype(np.int32), two_frequencies(frequencies))
            else:
                stack.push(entries, frequencies)
        return stack.words().astype("<u4").tobytes()


def encode_bytes(levels: ByteLevels, frames: npt.NDArray[np.uint8]) -> bytes:
    """Code `(n, size)` frames without loss."""
    writer = DecisionWriter()
    levels.code(len(frames), writer, frames)
    return writer.to_bytes()


def encode_numbers(levels: NumberLevels, frames: Wanted) -> bytes:
    """Code `(n, size)` frames, of a lattice in its units, by last layers of their own."""
    return _coded_numbers(levels, frames)[0]


def _coded_numbers(levels: NumberLevels, frames: Wanted) -> tuple[bytes, Integers]:
    """Code frames, and return also what comes back."""
    known = levels.step * steps_to(np.ascontiguousarray(frames.T), levels.step)
    starts = _starts(levels, known)
    changes = fit_last_layers(levels, known, frames.T)
    writer = DecisionWriter()
    found = with_changes(levels, changes).code(len(frames), starts, writer, frames)
    return pack_changes(starts, changes) + writer.to_bytes(), found


def _starts(levels: NumberLevels, values: npt.NDArray[np.int64]) -> Starts:
    """Choose the classes of the distances between start places."""
    classes = [0] * levels.order.n_channels
    for each in levels.order.passes:
        if each.is_start:
            own = values[levels.order.places(each)].T.reshape(-1)
            apart = int(np.abs(np.diff(own, prepend=0)).sum()) // levels.step
            mean = apart // max(1, own.size)
            octaves = max(0, mean.bit_length() - 1)  # a logistic's mean distance is 1.4 scales
            classes[each.channel] = min(14 + 3 * octaves, N_CLASSES - 1)
    return Starts(tuple(classes))


def encode_levels(
    levels: Levels, signals: npt.NDArray[Any], guarantee: Guarantee = EXACT
) -> bytes | None:
    """Code `(n, *frame_shape)` signals to the payload of a block; None of too large numbers.

    Those that do not come back near enough are kept exactly.
    """
    frames, lattice = signals.reshape(len(signals), levels.order.size), levels.lattice
    if lattice is None:
        if frames.size and max(-int(frames.min()), int(frames.max())) > LARGEST:
            return None
        return NETWORKS + _coded(levels, frames)[0]
    if isinstance(levels, ByteLevels):
        payload, found = _coded(levels, lattice.numbers(frames))
        values = lattice.values(found)
    else:
        wanted = lattice.in_units(frames)
        known = guarantee.exceeded(frames, lattice.from_units(wanted, signals.dtype))
        payload, found = _coded_numbers(levels, _filled(wanted, known))
        values = lattice.from_units(found, signals.dtype)
    exact = guarantee.exceeded(signals, values.reshape(signals.shape))
    if not exact.any():
        return NETWORKS + payload
    return NETWORKS_AND_EXACT + pack_exact(ExactValues(exact, signals[exact])) + payload


def _coded(levels: Levels, numbers: npt.NDArray[Any]) -> tuple[bytes, npt.NDArray[Any]]:
    if isinstance(levels, ByteLevels):
        own = np.ascontiguousarray(numbers.astype(np.uint8))
        return encode_bytes(levels, own), own
    return _coded_numbers(levels, np.ascontiguousarray(numbers.astype(np.int64)))


def _filled(numbers: Wanted, gone: npt.NDArray[np.bool_]) -> Wanted:
    """Return numbers with those of some places as the last one before them that is not."""
    at = np.where(gone.reshape(-1), 0, np.arange(gone.size))
    return numbers.reshape(-1)[np.maximum.accumulate(at)].reshape(gone.shape)
