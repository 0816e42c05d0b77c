"""A walk over the numbers of a block in compiled code: to streams, or from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers, first_counts
from narrows.codec.interpolation.native.passes import groups_of, pass_of, rule_of, rule_of_means
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.interpolation.prediction import Surroundings, Weights
from narrows.codec.interpolation.streams import Streams
from narrows.codec.interpolation.sweep import Side

MOST_ELEMENTS = 2**31 - 1
MOST_ROWS, MOST_GROUPS = (
    1 << 11,
    64,
)  # of samples that are fitted to; numpy takes less time for more
NO_RULE = np.zeros(0, np.int64)
MOST_REPEATS = 1 << 32


class CompiledWalk:
    """Codes the passes of a block, as `Walk` does in Python.

    Parameters
    ----------
    native : module
        `narrows.codec._native`.
    known, missed : (size, n) int64
        Of a walk, which are changed.
    high : int
        The greatest number.
    n_values : int
        That are coded as they are; 0 where numbers are coded as distances.
    """

    def __init__(
        self, native: Any, known: Integers, missed: Integers, high: int, n_values: int
    ) -> None:
        if not 0 < known.size <= MOST_ELEMENTS:
            raise RefusedError
        self._native, self._high, self._has_values = native, high, n_values > 0
        self._arrays = (known, missed)
        self._head = (known.shape[1], high, max(2, n_values))
        self._walk: Any = None

    def write(self, wanted: npt.NDArray[Any], free: npt.NDArray[np.bool_] | None) -> None:
        """Begin to code numbers: `(size, n)` int64 or float64, and of which any will do."""
        wanted = np.ascontiguousarray(wanted, np.float64 if wanted.dtype.kind == "f" else np.int64)
        free = None if free is None else np.ascontiguousarray(free)
        self._begin(wanted.dtype.kind == "f", wanted, free, None, None, None)

    def read(self, streams: Streams) -> None:
        """Begin to decode."""
        if streams.words.size and not streams.words[-1]:
            raise RefusedError
        self._begin(False, None, None, streams.words, streams.low, streams.escaped)

    def _begin(self, is_float: bool, *given: Any) -> None:
        arrays = (*self._arrays, *given[:2], first_counts(), *given[2:])
        self._walk = self._native.free_walk(*self._head, is_float, *arrays)

    def start(self, place: int, step: int, start_class: int) -> None:
        """Code the numbers of a start place."""
        _check(self._native.free_start(self._walk, place, step, start_class, self._has_values))

    @property
    def n_frames(self) -> int:
        """The number of frames."""
        return int(self._head[0])

    def code(self, near: Surroundings | Side, weights: Weights | None, step: int) -> None:
        """Code the places of a pass, by weights or, without, values in their contexts."""
        if isinstance(near, Side):
            assert weights is not None  # no values are swept
            row = near.rule(weights.groups, self._high).rows[0]
            numbers = [near.strides, near.numbers, row, weights.shares]
            described = np.concatenate([np.array(each, np.int64) for each in numbers])
            laid = (near.places(0, near.n_places), near.coordinates, near.ends)
            _check(self._native.free_fronts(self._walk, step, *laid, described))
            return
        found = pass_of(near, self._native)
        if found is None:
            raise RefusedError
        described = NO_RULE
        if weights is not None and len(weights.groups):
            described = rule_of(near.rule(weights.groups, self._high), weights.shares)
        elif weights is not None:
            described = rule_of_means(near, weights.shares)
        _check(self._native.free_levels(self._walk, found, step, described))

    def seen(
        self, of: Surroundings, numbers: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> tuple[Integers, Integers, Integers]:
        """Return what is known around some places of a pass, by number, in some frames.

        Their means, `(m, c)`, the differences of groups, `(groups, m, c)`, and hints of how far
        off a prediction will be, `(2 or 3, m, c)`.
        """
        found = pass_of(of, self._native)
        if found is None:
            raise RefusedError
        shape = (len(numbers), len(columns))
        groups = groups_of(of)
        centre, differences = np.empty(shape, np.int64), np.empty((len(groups), *shape), np.int64)
        hints = np.empty((3 if of.is_beside else 2, *shape), np.int64)
        given = (numbers.astype(np.int64), columns.astype(np.int64), groups)
        self._native.free_sample(self._walk, found, *given, centre, differences, hints)
        return centre, differences, hints

    def fitted(
        self,
        of: Surroundings,
        numbers: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        prefixes: list[int],
        step: int,
        repeats: int,
    ) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Return weights of groups, and shares, fitted to some places of a pass, by number.

        `step` is in fine parts. None where numpy is to fit them.
        """
        found, groups = pass_of(of, self._native), groups_of(of)
        if found is None:
            raise RefusedError
        few = len(numbers) * len(columns) <= MOST_ROWS and len(groups) <= MOST_GROUPS
        if not few or repeats > MOST_REPEATS:
            return None
        given = (numbers.astype(np.int64), columns.astype(np.int64), groups)
        asked = (np.array(prefixes, np.int64), step, repeats, of.weight_bits)
        weights: tuple[tuple[int, ...], tuple[int, ...]] | None = self._native.free_fit(
            self._walk, found, *given, *asked
        )
        return weights

    def low(self, values: Integers, width: int) -> None:
        """Code so many low bits of `(m,)` values, or fill these in."""
        _check(self._native.free_low_bits(self._walk, values, width))

    def streams(self) -> Streams:
        """Return all that was written."""
        words, low, escaped = self._native.free_written(self._walk)
        return Streams(
            np.frombuffer(words, np.uint32),
            np.frombuffer(low, np.uint8),
            np.frombuffer(escaped, np.int64),
        )

    def check_end(self) -> None:
        """Refuse streams that go on."""
        _check(self._native.free_has_ended(self._walk))


def _check(is_coded: bool) -> None:
    if not is_coded:
        raise RefusedError
