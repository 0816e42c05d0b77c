"""What the levels coder codes: yes or no with whole-number odds, and symbols of a table.

Both sides run the same code over the elements and hand each decision to a `DecisionCoder`: the
decoder's pops it from the payload, the encoder's is told the truth and keeps it. The sigmoid and
the exponential are tables of whole numbers, made by whole-number arithmetic alone.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.stacks import Stack, best_stack
from narrows.codec.entropy.tables import TOTAL, Frequencies

Integers = npt.NDArray[Any]
"""Whole numbers, of an integer or a floating-point type."""

SIGMOID_UNIT = 1024  # steps of the argument's table in 1
SIGMOID_REACH = 16  # beyond -16 and 16, the sigmoid is 0 and 1
SIGMOID_ONE = 1 << 16
LOGIT_UNIT = 64  # what 1 is in a logit
LEAST = 32  # of 2**24: nothing is impossible

_FIXED = 1 << 96
_EXP_1024TH = 79150829028446036714492239484  # round(exp(-1 / 1024) * 2**96)


class DecisionCoder(Protocol):
    """Takes what is coded, in order, and returns it: the truth it was given, or what it reads."""

    def bits(self, ones: Integers, truth: Any) -> npt.NDArray[np.bool_]:
        """Code `(n,)` yes-or-no decisions; `ones` of 2**24 is the frequency of yes."""
        ...

    def symbols(self, weights: Frequencies, n: int, truth: Any) -> npt.NDArray[np.int32]:
        """Code `(n,)` entries of one table of `(size,)` frequencies."""
        ...


class DecisionReader:
    """Pops decisions from a payload.

    Parameters
    ----------
    words : (n,) uint32
        Those of a stack.
    """

    def __init__(self, words: npt.NDArray[np.uint32]) -> None:
        self._stack: Stack = best_stack(words)

    def bits(self, ones: Integers, truth: Any) -> npt.NDArray[np.bool_]:
        """Return `(n,)` decisions; FormatError where the stack refuses."""
        if not len(ones):
            return np.zeros(0, dtype=bool)
        return self._stack.pop(len(ones), two_frequencies(ones)).astype(bool)

    def symbols(self, weights: Frequencies, n: int, truth: Any) -> npt.NDArray[np.int32]:
        """Return `(n,)` entries; FormatError where the stack refuses."""
        return self._stack.pop(n, weights) if n else np.zeros(0, dtype=np.int32)

    def check_end(self) -> None:
        """Raise FormatError where the payload does not end here."""
        self._stack.check_empty()


def two_frequencies(ones: Integers) -> npt.NDArray[np.float32]:
    """Return the `(n, 2)` frequencies of no and yes."""
    frequencies = np.empty((len(ones), 2), dtype=np.float32)
    frequencies[:, 1] = ones
    np.subtract(TOTAL, frequencies[:, 1], out=frequencies[:, 0])
    return frequencies


@cache
def sigmoid_table() -> npt.NDArray[np.float32]:
    """Return 2**16 / (1 + exp(-x)) for x = -16 .. 16 in steps of 1 / 1024, `(32769,)`.

    Rounded to whole numbers; both halves sum to 2**16. The exponentials are powers of one
    constant, in units of 2**-96.
    """
    power, upper = _FIXED, []
    for _ in range(SIGMOID_REACH * SIGMOID_UNIT + 1):
        upper.append((2 * SIGMOID_ONE * _FIXED // (_FIXED + power) + 1) // 2)
        power = power * _EXP_1024TH // _FIXED
    half = np.array(upper, dtype=np.int64)
    return np.concatenate([SIGMOID_ONE - half[:0:-1], half]).astype(np.float32)


def odds(logits: Integers) -> npt.NDArray[np.float32]:
    """Return the frequencies of yes, of 2**24, for `(n,)` logits in 64ths."""
    at = logits * np.float32(SIGMOID_UNIT // LOGIT_UNIT)
    at += SIGMOID_REACH * SIGMOID_UNIT
    np.clip(at, 0, 2 * SIGMOID_REACH * SIGMOID_UNIT, out=at)
    ones = sigmoid_table().take(at.astype(np.intp))
    ones *= TOTAL // SIGMOID_ONE
    return np.clip(ones, LEAST, TOTAL - LEAST, out=ones)
