"""What compiled code must give before it is trusted: streams of known digests, and numbers back.

Together the cases have levels and fronts along 1 to 3 axes, channels, values in their contexts,
distances of all widths, low bits that are sent as they are, and elements that may be anything.
"""

from __future__ import annotations

from hashlib import sha256
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import Surroundings, Weights
from narrows.codec.interpolation.streams import Streams
from narrows.codec.interpolation.sweep import Side
from narrows.codec.interpolation.walk import Walk
from narrows.codec.levels.passes import Indices, PassOrder, stride_over

LOW_WIDTH, START_CLASS = 13, 37
RARE = 11  # one number in so many is far from the others; another may be anything


class Case(NamedTuple):
    """Numbers that are coded, and the first 16 digits of the SHA-256 of their streams."""

    shape: tuple[int, ...]
    n_channels: int
    n_frames: int
    steps: tuple[int, ...]
    digest: str
    has_values: bool = False
    is_swept: bool = False
    is_float: bool = False

    @property
    def order(self) -> PassOrder:
        """The order of the elements."""
        return PassOrder(self.shape, self.n_channels, stride_over(self.shape))

    @property
    def wanted(self) -> npt.NDArray[Any]:
        """The numbers, `(size, n_frames)`."""
        at = np.arange(self.order.size * self.n_frames, dtype=np.int64)
        numbers = at * at // 97 % 251
        if not self.has_values:
            numbers[at % RARE == 1] += (at[at % RARE == 1] % 97) ** 5
        numbers = numbers.reshape(self.order.size, self.n_frames)
        return numbers + 0.375 if self.is_float else numbers

    @property
    def free(self) -> npt.NDArray[np.bool_] | None:
        """Elements of which any number will do; none where values are coded."""
        at = np.arange(self.order.size * self.n_frames).reshape(-1, self.n_frames)
        return None if self.has_values else at % RARE == 2

    @property
    def high(self) -> int:
        """The greatest number."""
        return int(self.wanted.max()) + 1


CASES = (
    Case((5, 3, 6), 1, 2, (16,), "cf9ed70fce36b8db", is_float=True),
    Case((9, 7), 2, 3, (1, 5), "29036de5cf245214"),
    Case((60,), 1, 3, (1,), "01996dd5dd750e2b", has_values=True),
    Case((5, 4, 6), 1, 1, (1,), "362e0caf68f7e67f", is_swept=True),
    Case((30, 9), 1, 1, (7,), "9e6754286116d0be", is_swept=True),
)


class Known(Walk):
    """A walk over the numbers of a case by weights that are known, in compiled code."""

    start_class = START_CLASS

    def __init__(self, case: Case, native: Any) -> None:
        super().__init__(
            case.order, case.n_frames, case.high, case.steps, has_values=case.has_values,
            is_swept=case.is_swept, native=native,
        )  # fmt: skip

    @property
    def compiled(self) -> CompiledWalk:
        """What codes its passes."""
        assert self._compiled is not None
        return self._compiled

    def weights(self, surroundings: Surroundings | Side, step: int) -> Weights:
        """Return weights of either sign, and shares."""
        return known_weights(surroundings)

    def first(self, places: Indices, step: int) -> Integers:
        """Leave all to compiled code."""
        raise NotImplementedError

    def residual(
        self, places: Indices, expected: Integers, classes: Integers, step: int
    ) -> Integers:
        """Leave all to compiled code."""
        raise NotImplementedError

    def value(self, places: Indices, contexts: Integers) -> Integers:
        """Leave all to compiled code."""
        raise NotImplementedError


def known_weights(surroundings: Surroundings | Side) -> Weights:
    """Return the weights of a pass: of most of its groups, smaller and smaller, of either sign."""
    n = max(1, surroundings.n_weights - 1)
    one = 1 << surroundings.weight_bits
    groups = np.array([(1 - i % 3) * one // (i + 3) for i in range(n)], np.int64)
    return Weights(groups, (40, 25, 9)[: 3 if surroundings.is_beside else 2])


def digest_of(streams: Streams) -> str:
    """Return what a case says of its streams."""
    return sha256(streams.to_bytes()).hexdigest()[:16]


def holds(case: Case, native: Any) -> bool:
    """Tell whether compiled code writes the streams of a case, and reads them."""
    writing, wanted = Known(case, native), case.wanted
    low = np.arange(prod(wanted.shape)) * 977 % (1 << LOW_WIDTH)
    try:
        writing.compiled.write(wanted, case.free)
        writing.run()
        writing.compiled.low(low, LOW_WIDTH)
        streams, reading, found = writing.compiled.streams(), Known(case, native), low * 0
        reading.compiled.read(streams)
        reading.run()
        reading.compiled.low(found, LOW_WIDTH)
        reading.compiled.check_end()
    except RefusedError:
        return False
    same = np.array_equal(reading.known, writing.known) and np.array_equal(found, low)
    return same and digest_of(streams) == case.digest
