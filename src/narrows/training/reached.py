"""What a finished codec does to held-out signals, beside what training aimed at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.signals.bricks import some_arrays
from narrows.training.aims import error_of, parse_aim
from narrows.training.architectures import Numbers
from narrows.training.choices import CLOSED_FORM, GIVEN, PREDICTIVE
from narrows.training.freeze import archive_of
from narrows.training.plan import Plan

if TYPE_CHECKING:
    from narrows.codec.codec import Codec
    from narrows.training.freeze import TrainingSignals

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_SIGNALS, MAX_ELEMENTS = 1000, 1 << 20  # that are measured
MAX_REFERENCE = 1 << 23  # elements whose variance is taken, of signals spread over all
MAX_NEAR_DB, MAX_NEAR_SHARE = 0.25, 0.03
"""What is missed by less is not tried again."""
FIRST_POWER = {PREDICTIVE: 0.5}
"""Of the share of the aim that was reached: bytes of predicted windows fall faster than bits do."""
MAX_POWER = 1.5  # beyond what was tried, bytes grow ever faster
LEAST_POWER = 0.3
MORE_LATENTS = 1.1  # times as many for a decibel that those there are do not reach
MAX_MISSED_DB, MAX_MISSED_SHARE = 1.0, 0.15
"""Of an aim of quality, and of one of rate: what is missed by more is said to be."""


@dataclass(frozen=True)
class Reached:
    """Figures of an archive of held-out signals, at the default quality and effort."""

    signals: int
    bytes_per_signal: float
    ratio: float
    snr: float | None
    """In dB, of the variance that was learnt from; None: without errors, or variance."""
    psnr: float | None
    channels: list[float | None]  # the SNR of each, where there are several
    cosine: float | None = None
    """Between signals and what comes back, on average; None where none of them has a length."""

    @classmethod
    def by(
        cls,
        codec: Codec,
        held: TrainingSignals,
        learnt: TrainingSignals,
        scale: Numbers,
        *,
        in_order: bool = False,
    ) -> Reached:
        """Compress and decompress some of the signals that are `held` out, spread over all.

        Where order counts, they are the first ones. Errors are set against the variance of what
        was `learnt` from: a source that is held out may be far calmer, or far louder. Both count
        as in training: of each channel times its scale. Nothing counts that was missing, or is
        beyond the end of an array.
        """
        x, shapes = held.validation, held.validation_bricks
        n = max(1, min(len(x), MAX_SIGNALS, MAX_ELEMENTS // max(1, x[0].size)))
        in_order = in_order or codec.model.prediction is not None
        rows = slice(n) if in_order else np.arange(n) * len(x) // n
        some, known = x[rows], None
        if shapes:
            some, shapes, known = some_arrays(x, shapes, MAX_ELEMENTS)
            n, rows = len(some), slice(len(some))
        given = some
        if held.missing_validation is not None:
            there = ~held.missing_validation.numpy()[rows]
            known = there if known is None else there & known
            if some.dtype.kind == "f":  # of others, nobody knows what stood there
                given = np.where(there, some, np.nan).astype(some.dtype)
        blob = archive_of(codec, given, shapes)
        decoded = codec.decompress(blob).astype(np.float64)
        difference = np.nan_to_num(decoded - some)
        errors = _means_of(np.square(difference), known, np.size(scale))
        every = -(-learnt.train.size // MAX_REFERENCE)
        gone = learnt.missing_train
        there_too = None if gone is None else ~gone.numpy()[::every]
        variances = variances_of(learnt.train[::every], there_too, np.size(scale))
        weights = np.square(np.ravel(scale))
        each = map(_decibels, variances.tolist(), errors.tolist())
        return cls(
            signals=n,
            bytes_per_signal=len(blob) / n,
            ratio=some.nbytes / len(blob),
            snr=_decibels(float(weights @ variances), float(weights @ errors)),
            psnr=_decibels(codec.model.peak**2, float(errors.mean())),
            channels=list(each) if len(weights) > 1 else [],
            cosine=_mean_cosine(some, decoded),
        )

    def nearer(
        self, tried: Plan, plan: Plan, size: int, before: tuple[Plan, Reached] | None = None
    ) -> Plan | None:
        """Return what to try next for the aim of `plan`; None where this is near, or had none.

        Latents, of frames of `size` elements, become more where there are too few for it. `before`
        is something else that was tried, and what it reached.
        """
        if plan.settings["aim"] is None:
            return None
        missed = self._missed(plan)
        if tried.aimed_snr is not None and missed is not None:
            k = tried.latent_size
            if abs(missed) <= MAX_NEAR_DB:
                return None
            if missed > 0 and plan.why("latent_size") != GIVEN:
                k = min(max(k + 1, round(k * MORE_LATENTS**missed)), size)
            power = self._power_of_snr(tried, plan, before)
            return replace(tried, aimed_snr=tried.aimed_snr + power * missed, latent_size=k)
        share = plan.aimed_bits / (8.0 * self.bytes_per_signal)
        if abs(share - 1.0) <= MAX_NEAR_SHARE:
            return None
        power = FIRST_POWER.get(plan.architecture, 1.0)
        if before is not None:  # a straight line in logarithms
            bits = math.log(tried.bits_per_latent / before[0].bits_per_latent)
            got_more = math.log(self.bytes_per_signal / before[1].bytes_per_signal)
            power = bits / got_more if bits * got_more > 0 else power
            power = min(power, MAX_POWER)
        return replace(tried, bits_per_latent=tried.bits_per_latent * share**power)

    def _power_of_snr(self, tried: Plan, plan: Plan, before: tuple[Plan, Reached] | None) -> float:
        """Return how many decibels of aim one that is reached takes."""
        if before is None or before[0].aimed_snr is None or tried.aimed_snr is None:
            return 1.0
        now, then = self._missed(plan), before[1]._missed(plan)
        got = 0.0 if now is None or then is None else then - now
        more = tried.aimed_snr - before[0].aimed_snr
        return min(max(more / got, LEAST_POWER), MAX_POWER) if more * got > 0 else 1.0

    def is_short(self, plan: Plan) -> bool:
        """Return whether this takes fewer bytes than `plan` aims at."""
        return 8.0 * self.bytes_per_signal < plan.aimed_bits

    def misses(self, plan: Plan) -> float:
        """Return how far this is from the aim of `plan`: the less, the better."""
        if plan.settings["aim"] is None:
            return 0.0
        if plan.aimed_snr is not None:
            missed = self._missed(plan)
            return math.inf if missed is None else abs(missed)
        return abs(math.log(8.0 * self.bytes_per_signal / plan.aimed_bits))

    def _missed(self, plan: Plan) -> float | None:
        """Return the decibels that an aim of quality is above this; None where nothing is."""
        aim = parse_aim(plan.settings["aim"])
        if aim.kind == "cosine" and self.cosine is not None:
            missing = max(error_of(self.cosine), 1e-9)  # of vectors of length 1
            return 10.0 * math.log10(missing / error_of(aim.value))
        got, wanted = (self.psnr, aim.value) if aim.kind == "psnr" else (self.snr, plan.aimed_snr)
        return None if got is None or wanted is None else wanted - got

    def lines(self, plan: Plan) -> list[str]:
        """Say what was reached, and what to do where that is far from the aim."""
        quality = [] if self.snr is None else [f"{_short(self.snr)} dB SNR{self._by_channel()}"]
        quality += [] if self.psnr is None else [f"{self.psnr:.1f} dB PSNR"]
        aim = plan.aim_in_words
        if aim is not None and aim.startswith("cosine") and self.cosine is not None:
            quality.insert(0, f"a mean cosine of {self.cosine:.4f}")
        told = (
            f"{self.signals:,} signals held out to validate: "
            f"{self.bytes_per_signal:.2f} bytes each (ratio {self.ratio:.1f}), "
            f"{' and '.join(quality) or 'no error'}"
        )
        if aim is not None and plan.settings["aim"] is None:
            each = "" if plan.why("bits_per_latent") == GIVEN else ", the default"
            aim += f": {plan.bits_per_latent:g} bits a latent{each}"
        return [told if aim is None else f"{told}; aimed at {aim}", *self._advice(plan)]

    def _by_channel(self) -> str:
        each = ["no error" if value is None else _short(value) for value in self.channels]
        return f" ({', '.join(each)} by channel)" if each else ""

    def _advice(self, plan: Plan) -> list[str]:
        got, bits = 8.0 * self.bytes_per_signal, plan.aimed_bits
        more = "" if plan.more_epochs is None else f"--epochs {plan.more_epochs}, or "
        if plan.aimed_snr is not None:
            short = self._missed(plan) or 0.0
            if short <= MAX_MISSED_DB:
                return []
            nearer = f"{more}more signals or --architecture linear come nearer"
            if plan.method == CLOSED_FORM and plan.aim_in_words is not None:
                nearer = f"--aim {parse_aim(plan.aim_in_words).raised(short)} comes nearer"
            return [f"{short:.1f} dB short of the aim: {nearer}"]
        if plan.aim_in_words is None or abs(got / bits - 1.0) <= MAX_MISSED_SHARE:
            return []
        nearer = f"{more}more signals come nearer"
        if plan.method == CLOSED_FORM and plan.settings["aim"] is None:
            nearer = f"--aim {plan.aim_in_words} comes nearer"
        told = f"{self.bytes_per_signal:.1f} bytes a signal where {bits / 8:.1f} were aimed at"
        return [f"{told}: {nearer}"]


def _mean_cosine(x: npt.NDArray[Any], decoded: Floats) -> float | None:
    """Return the mean cosine of `(n, *frame_shape)` signals and others, of those with a length."""
    a, b = x.reshape(len(x), -1).astype(np.float64), decoded.reshape(len(x), -1)
    lengths = (np.sqrt(np.square(each).sum(axis=1)) for each in (a, b))
    one, other = (np.where(each > 0, each, np.nan) for each in lengths)
    cosines = np.einsum("ij,ij->i", a / one[:, None], b / other[:, None])
    known = cosines[np.isfinite(cosines)]
    return float(known.mean()) if len(known) else None


def variances_of(x: npt.NDArray[Any], known: Mask | None, channels: int) -> Floats:
    """Return the variance of what is known of each of so many channels, `(channels,)`."""
    y = x.astype(np.float64).reshape(-1, channels)
    mean = _means_of(y, known, channels)
    return _means_of(np.square(y - mean), known, channels)


def _means_of(x: Floats, known: Mask | None, channels: int) -> Floats:
    """Return the mean of what is known of each channel; 0 where nothing is."""
    y = x.reshape(-1, channels)
    if known is None:
        return np.asarray(y.mean(axis=0))
    there = known.reshape(-1, channels)
    return np.asarray((y * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def _decibels(signal: float, error: float) -> float | None:
    return 10.0 * math.log10(signal / error) if signal > 0 and error > 0 else None


def _short(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # never -0.0
