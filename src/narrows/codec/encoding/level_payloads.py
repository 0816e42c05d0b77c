"""Frames -> payload bytes, by the levels coder of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import ExactValues, pack_exact
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.archive.modes import NETWORKS, NETWORKS_AND_EXACT
from narrows.codec.encoding.level_fit import fit_last_layers, with_changes
from narrows.codec.entropy.range_coder import RangeEncoder
from narrows.codec.entropy.stacks import Entries, best_stack
from narrows.codec.entropy.tables import TOTAL, Frequencies
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.decisions import Integers, two_frequencies
from narrows.codec.levels.kinds import Levels
from narrows.codec.levels.lattice import LARGEST
from narrows.codec.levels.number_levels import NumberLevels, Starts, Wanted, steps_to
from narrows.codec.levels.number_payload import Changes, pack_changes, pack_starts
from narrows.codec.levels.number_tables import N_CLASSES

EXACT = Guarantee()


class Decisions(Protocol):
    """Decisions that are kept in coding order."""

    def to_bytes(self) -> bytes:
        """Return the payload of a block."""
        ...

    def to_string(self) -> bytes:
        """Return the shortest string of bytes that stands for them, as packets have it."""
        ...


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
        """Return the payload of a block."""
        stack = best_stack(None)
        for entries, frequencies in reversed(self._kept):
            if entries.dtype == np.bool_:
                stack.push(entries.astype(np.int32), two_frequencies(frequencies))
            else:
                stack.push(entries, frequencies)
        return stack.words().astype("<u4").tobytes()

    def to_string(self) -> bytes:
        """Return the shortest string of bytes that stands for them, as packets have it."""
        encoder = RangeEncoder()
        for start, weight in self.parts():
            encoder.encode(start, weight)
        return encoder.to_bytes()

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield the start and the frequency of each entry in coding order, of 2**24."""
        for entries, frequencies in self._kept:
            weights = frequencies.astype(np.int64)
            if entries.dtype == np.bool_:
                starts = np.where(entries, TOTAL - weights, 0)
                own = np.where(entries, weights, TOTAL - weights)
            else:
                starts, own = (np.cumsum(weights) - weights)[entries], weights[entries]
            yield from zip(starts.tolist(), own.tolist(), strict=True)


class Coded(NamedTuple):
    """Frames that networks have coded, before they are laid out.

    Attributes
    ----------
    starts, changes
        Of numbers: what is sent before the decisions.
    decisions : Decisions
    found : (n, size)
        What comes back, of a lattice in its units.
    """

    starts: Starts | None
    changes: list[Changes]
    decisions: Decisions
    found: npt.NDArray[Any]

    @property
    def has_changes(self) -> bool:
        """Whether a last layer is changed."""
        return any(each.any() for each in self.changes)

    def to_bytes(self) -> bytes:
        """Return the payload of a block, behind its kind and what is kept exactly."""
        head = b""
        if self.starts is not None:
            head = pack_starts(self.starts) + pack_changes(self.changes)
        return head + self.decisions.to_bytes()


def encode_bytes(levels: ByteLevels, frames: npt.NDArray[np.uint8]) -> bytes:
    """Code `(n, size)` frames without loss."""
    return _coded_bytes(levels, frames).to_bytes()


def _coded_bytes(levels: ByteLevels, frames: npt.NDArray[np.uint8]) -> Coded:
    if levels.compiled is not None:
        return Coded(None, [], levels.compiled.encode(frames), frames)
    writer = DecisionWriter()
    levels.code(len(frames), writer, frames)
    return Coded(None, [], writer, frames)


def encode_numbers(levels: NumberLevels, frames: Wanted) -> bytes:
    """Code `(n, size)` frames, of a lattice in its units, by last layers of their own."""
    return _coded_numbers(levels, frames).to_bytes()


def _coded_numbers(levels: NumberLevels, frames: Wanted, *, fits: bool = True) -> Coded:
    """Code frames; `fits` changes last layers to theirs."""
    known = levels.step * steps_to(np.ascontiguousarray(frames.T), levels.step)
    starts = _starts(levels, known)
    changes = fit_last_layers(levels, known, frames.T) if fits else []
    own = with_changes(levels, changes) if fits else levels
    if own.compiled is not None:
        decisions, found = own.compiled.encode(frames, starts)
        return Coded(starts, changes, decisions, found)
    writer = DecisionWriter()
    found = own.code(len(frames), starts, writer, frames)
    return Coded(starts, changes, writer, found)


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
    found = code_levels(levels, signals, guarantee)
    if found is None:
        return None
    coded, exact = found
    if exact is None:
        return NETWORKS + coded.to_bytes()
    return NETWORKS_AND_EXACT + pack_exact(exact) + coded.to_bytes()


def code_levels(
    levels: Levels, signals: npt.NDArray[Any], guarantee: Guarantee, *, fits: bool = True
) -> tuple[Coded, ExactValues | None] | None:
    """Code `(n, *frame_shape)` signals, and return also what is kept exactly beside them.

    None of too large numbers. Without `fits`, networks of numbers stay as they are in the model.
    """
    frames, lattice = signals.reshape(len(signals), levels.order.size), levels.lattice
    if lattice is None:
        if frames.size and max(-int(frames.min()), int(frames.max())) > LARGEST:
            return None
        return _coded(levels, frames, fits), None
    if isinstance(levels, ByteLevels):
        coded = _coded(levels, lattice.numbers(frames), fits)
        values = lattice.values(coded.found)
    else:
        wanted = lattice.in_units(frames)
        known = guarantee.exceeded(frames, lattice.from_units(wanted, signals.dtype))
        coded = _coded_numbers(levels, _filled(wanted, known), fits=fits)
        values = lattice.from_units(coded.found, signals.dtype)
    exact = guarantee.exceeded(signals, values.reshape(signals.shape))
    return coded, ExactValues(exact, signals[exact]) if exact.any() else None


def _coded(levels: Levels, numbers: npt.NDArray[Any], fits: bool) -> Coded:
    if isinstance(levels, ByteLevels):
        return _coded_bytes(levels, np.ascontiguousarray(numbers.astype(np.uint8)))
    return _coded_numbers(levels, np.ascontiguousarray(numbers.astype(np.int64)), fits=fits)


def _filled(numbers: Wanted, gone: npt.NDArray[np.bool_]) -> Wanted:
    """Return numbers with those of some places as the last one before them that is not."""
    at = np.where(gone.reshape(-1), 0, np.arange(gone.size))
    return numbers.reshape(-1)[np.maximum.accumulate(at)].reshape(gone.shape)
