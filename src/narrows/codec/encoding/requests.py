"""What an encoder is asked for: a quality and an effort, or a budget that every signal keeps to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from typing import Any, TypedDict

import numpy as np

from narrows.codec.encoding.guarantees import Bounds, check_bounds
from narrows.codec.model.model import Model
from narrows.errors import SettingError


@dataclass(frozen=True)
class Effort:
    """How long a search goes on.

    Attributes
    ----------
    rounds : int
        Rounds of moves that the decoder's gradient proposes, all at once.
    trials : int
        Moves of one latent that are tried after them, the most promising ones first.
    forced_moves : int
        Moves that are held, though they cost more, while two rounds change the other latents.
    """

    rounds: int = 0
    trials: int = 0
    forced_moves: int = 0


EFFORTS = (
    Effort(),
    Effort(rounds=1),
    Effort(rounds=2),
    Effort(rounds=3),
    Effort(rounds=4),
    Effort(rounds=6),
    Effort(rounds=8),
    Effort(rounds=8, trials=32),
    Effort(rounds=8, trials=32, forced_moves=8),
    Effort(rounds=8, trials=32, forced_moves=48),
)
"""Efforts 0 to 9; 0 rounds the encoder's latents, and that is all."""

MAX_EFFORT = len(EFFORTS) - 1
DEFAULT_EFFORT = 2


Progress = Callable[[int], None]
"""Called now and then with the number of signals that are done since the last call."""


def unseen(n_signals: int) -> None:
    """Stand for a Progress that nobody looks at."""


@dataclass(frozen=True)
class Budget:
    """What every signal has to keep to: one of the two.

    Attributes
    ----------
    target_bytes : float or None
        Its size at most. Of a packet, all of it; in an archive, what its symbols take.
    target_psnr : float or None
        Its PSNR at least, in dB, from its own squared error and the model's peak.
    """

    target_bytes: float | None = None
    target_psnr: float | None = None

    def __post_init__(self) -> None:
        if self.target_bytes is not None and self.target_psnr is not None:
            raise SettingError(
                f"target_bytes {self.target_bytes!r} and target_psnr {self.target_psnr!r}; a "
                "budget is one of the two"
            )
        for name in ("target_bytes", "target_psnr"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise SettingError(f"{name} {value!r}; it must be a finite number above 0")

    @property
    def of_bytes(self) -> bool:
        """Whether bytes are what is limited."""
        return self.target_bytes is not None

    def largest_error(self, peak: float, n_elements: int) -> float:
        """Return the sum of squared errors that a signal may have; the same on every machine."""
        context = Context(prec=40)  # of its own: the program's may be set to anything
        exponent = context.divide(Decimal(repr(float(self.target_psnr or 0.0))), Decimal(-10))
        at_peak = context.multiply(context.multiply(Decimal(peak), Decimal(peak)), n_elements)
        return float(context.multiply(context.power(Decimal(10), exponent), at_peak))


class Targets(TypedDict, total=False):
    """What may be given in place of a quality; see `Codec.compress`."""

    target_bytes: float | None
    target_psnr: float | None
    max_error: Bounds | None
    max_relative_error: Bounds | None
    lossless: bool


class PacketTargets(Targets, total=False):
    """What may be given for packets; see `Codec.compress_packet`."""

    packet_bytes: int | None


PROMISES = ("max_error", "max_relative_error", "lossless")


@dataclass(frozen=True)
class Request:
    """What was asked for; None is what the model decides. See `Codec.compress`.

    `strict` refuses signals of which something would be kept exactly, and not coded; `missing` are
    values that stand for missing ones, which are.

    `packet_bytes` is the size of every packet, neither more nor less.

    `max_error`, `max_relative_error` and `lossless` promise something of every element: an encoder
    without a model keeps that, `free_encoder.FreeEncoder`.

    Raises
    ------
    SettingError
        If a target is no positive number, or is given beside a quality or another target.
    """

    quality: int | None = None
    effort: int | None = None
    target_bytes: float | None = None
    target_psnr: float | None = None
    strict: bool = False
    missing: Sequence[float] = ()
    max_error: Bounds | None = None
    max_relative_error: Bounds | None = None
    lossless: bool = False
    packet_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.promises:
            self._check_promise()
            return
        budget = self.budget
        if self.packet_bytes is not None:
            self._check_size()
        if budget is not None and self.quality is not None:
            name = "target_bytes" if budget.of_bytes else "target_psnr"
            raise SettingError(
                f"quality {self.quality!r} and {name} {getattr(budget, name)!r}; a target chooses "
                "the quality of each signal: give one of the two"
            )

    def _check_size(self) -> None:
        """Refuse sizes of packets that are none, and what chooses errors in another way."""
        size = self.packet_bytes
        others = self._given(("quality", "target_bytes", "target_psnr"))
        if others:
            raise SettingError(
                f"packet_bytes {size!r} and {others[0]} {getattr(self, others[0])!r}; packet_bytes "
                "chooses the quality of each signal: give one of the two"
            )
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise SettingError(f"packet_bytes {size!r}; it must be a whole number, 1 or more")

    def check_of_blocks(self) -> None:
        """Raise SettingError for what only packets can be asked for."""
        if self.packet_bytes is not None:
            raise SettingError(
                f"packet_bytes {self.packet_bytes!r} of an archive, which has no packets: give "
                "target_bytes, or make packets"
            )

    @cached_property
    def promises(self) -> bool:
        """Whether an error is promised that no element exceeds, or none at all."""
        return bool(self._given(PROMISES))

    def _given(self, names: Sequence[str]) -> list[str]:
        """Return which of some fields were given."""
        unset = (None, False, ())
        each = ((name, getattr(self, name)) for name in names)
        return [n for n, given in each if not any(given is u for u in unset) and given != []]

    def _check_promise(self) -> None:
        """Refuse more than one promise, what chooses errors in another way, and wrong bounds."""
        targets = ("target_bytes", "target_psnr", "packet_bytes")
        others = ("quality", "effort", *targets, "strict", "missing")
        given = self._given((*PROMISES, *others))
        if len(given) > 1:
            one = getattr(self, given[1])
            shown = given[1] if one is True else f"{given[1]} {one!r}"
            raise SettingError(
                f"{given[0]} and {shown}; {given[0]} alone says what every element may lose: "
                "give one of the two"
            )
        if given[0] != "lossless":
            check_bounds(given[0], getattr(self, given[0]))

    @property
    def budget(self) -> Budget | None:
        """The budget that was asked for, if any."""
        if self.target_bytes is None and self.target_psnr is None:
            return None
        return Budget(self.target_bytes, self.target_psnr)

    def resolve(self, model: Model) -> tuple[int, int]:
        """Return quality and effort for a model; with a budget, the quality is that of raw blocks.

        Raises
        ------
        SettingError
            For what the model does not have.
        """
        if self.promises:
            raise SettingError(
                "a bound, or lossless, of latents; write an archive or packets, which keep it"
            )
        quality, effort = model.quality(self.quality), self.effort
        searches = quality.tradeoff is not None
        if effort is None:
            return quality.number, DEFAULT_EFFORT if searches else 0
        if isinstance(effort, bool) or not isinstance(effort, int | np.integer):
            raise SettingError(f"effort {effort!r}; it must be a whole number")
        if not 0 <= effort <= MAX_EFFORT:
            raise SettingError(
                f"effort {effort}; accepted are 0 (the fastest) to {MAX_EFFORT} (the best)"
            )
        if effort and not searches:
            raise SettingError(f"effort {effort}; this model has nothing to search by: give 0")
        return quality.number, int(effort)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float64 holds
        return False
