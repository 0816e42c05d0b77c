"""What a person can expect from narrows on their signals, before a long training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.errors import DataError
from narrows.evaluation.metrics import evaluate, signal_to_noise
from narrows.evaluation.peers.registry import Bench, sample
from narrows.evaluation.rate_point import RatePoint, raw_point
from narrows.evaluation.reference import Reference
from narrows.evaluation.units import Units
from narrows.evaluation.verdict import against_peers, pays
from narrows.signals import check_signals
from narrows.training.choices import MIN_TRAINED_SHARE, enough_minutes
from narrows.training.settings import TrainingSettings, completed
from narrows.words import counted, percent

Signals = npt.NDArray[Any]
MAX_SIGNALS = 60_000
"""More signals are not looked at."""
HELD_OUT_SHARE = 10
"""One signal of so many is held out, the last ones."""
MAX_HELD_OUT = 2_000
MIN_SIGNALS = 20
MINUTES = 2.0
QUALITIES = 3


@dataclass(frozen=True)
class AtQuality:
    """One quality of the short training, and what others take for the same PSNR."""

    narrows: RatePoint
    peers: list[RatePoint]

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        peers = [point.as_json() for point in self.peers]
        return {"narrows": self.narrows.as_json(), "peers": peers}


@dataclass(frozen=True)
class Advice:
    """What was measured."""

    signals: int  # trained on
    held_out: int  # measured on: the last ones, so that they are as new as can be
    architecture: str
    trained_seconds: float
    full_seconds: float  # that a full training would take here, by its updates
    model_bytes: int
    # From which model and archive are smaller than the signals, at the middle quality.
    break_even_signals: int | None
    reference: Reference  # of every PSNR
    raw: RatePoint
    lossless: list[RatePoint]  # of all held-out signals in one stream, picture or recording
    points: list[AtQuality]  # of each quality, the smallest first

    @property
    def middle(self) -> AtQuality:
        """The point of the middle quality."""
        return self.points[(len(self.points) - 1) // 2]

    @property
    def quality_in_words(self) -> str:
        """What it refers to."""
        if self.middle.narrows.by_channel:
            return "SNR of each channel in its own deviation"
        return f"PSNR for a peak of {self.reference.peak_in_words}"

    @property
    def enough_minutes(self) -> int | None:
        """Minutes to judge by, where this training was too short; None where it was not."""
        if self.trained_seconds >= MIN_TRAINED_SHARE * self.full_seconds:
            return None
        return enough_minutes(self.full_seconds)

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the verdict."""
        return {
            **{name: value for name, value in vars(self).items() if name != "reference"},
            **self.reference.as_json(),
            "raw": self.raw.as_json(),
            "lossless": [point.as_json() for point in self.lossless],
            "points": [point.as_json() for point in self.points],
            "verdict": verdict(self),
        }


def advise(
    x: Signals,
    latent_size: int | None = None,
    minutes: float = MINUTES,
    seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> Advice:
    """Train for some minutes on all but the last tenth of the signals, and measure on that.

    Parameters
    ----------
    x : (n, *frame_shape)
    latent_size : int, optional
        As of `narrows.train`.
    minutes : float, default 2
        Of training. A full training takes longer, and gives smaller files.
    seed : int, default 0
    tell : callable, optional
        Called with a line before each step that takes a while.

    Raises
    ------
    DataError
        If there are fewer than 20 signals.
    SettingError
        If the minutes are not a finite number above 0, or another setting is out of its range.
    """
    check_minutes(minutes)
    x = check_signals(x, allow_empty=True)
    if len(x) < MIN_SIGNALS:
        given = counted(len(x), "signal")
        raise DataError(f"{given}; advice needs at least {MIN_SIGNALS}, better thousands")
    x = sample(x, MAX_SIGNALS)
    held_out = min(max(len(x) // HELD_OUT_SHARE, 2), MAX_HELD_OUT)
    x_train, x_test = x[:-held_out], x[-held_out:]
    tell(f"training for {minutes:g} min on {counted(len(x_train), 'signal')}")
    codec, full_seconds = _short_training(x_train, latent_size, minutes, seed)
    tell(f"lossless codecs on {held_out:,} other signals")
    units = Units.of(codec.model, x_test)
    bench = Bench(x_test, units, x_train)
    lossless = bench.lossless()
    points, middle = [], None
    for quality in range(1, codec.model.n_qualities + 1):
        measured = evaluate(codec, x_test, Request(quality))
        if quality == codec.model.default_quality:
            middle = measured
        ours = units.point(f"narrows, quality {quality} of {QUALITIES}", measured)
        tell(f"peers {_quality(ours)}")
        points.append(AtQuality(ours, bench.at_psnr(ours.psnr, ours.bytes_per_signal)))
    assert middle is not None
    return Advice(
        signals=len(x_train),
        held_out=held_out,
        architecture=codec.model.architecture,
        trained_seconds=float(codec.model.training["seconds"]),
        full_seconds=full_seconds,
        model_bytes=middle.model_bytes,
        break_even_signals=middle.break_even_signals,
        reference=middle.reference,
        raw=raw_point(x_test.nbytes / len(x_test)),
        lossless=lossless,
        points=points,
    )


def check_minutes(minutes: float) -> None:
    """Raise SettingError unless training can take so long."""
    completed({"minutes": minutes})


def _short_training(
    x: Signals, latent_size: int | None, minutes: float, seed: int
) -> tuple[Codec, float]:
    """Train a model, and tell how long a full training would take, in seconds."""
    from narrows.api import train
    from narrows.training.plan import plan_of

    asked: TrainingSettings = {"qualities": QUALITIES, "minutes": minutes, "seed": seed}
    if latent_size is not None:
        of_one = plan_of({"latent_size": latent_size}, x.shape, x.dtype)
        asked |= {"latent_size": latent_size, "bits_per_latent": of_one.bits_per_latent}
    codec = train(x, **asked)
    summary, full = codec.model.training, plan_of({**asked, "minutes": None}, x.shape, x.dtype)
    if not summary["history"]:  # what is solved at once, and takes fewer bytes than networks
        return codec, summary["seconds"]
    epoch_seconds = summary["history"][-1]["seconds"] / len(summary["history"])
    rest = summary["seconds"] - summary["history"][-1]["seconds"]
    return codec, epoch_seconds * full.epochs + rest


def verdict(advice: Advice) -> list[str]:
    """Say in plain sentences what to expect, and what to take instead where that is better."""
    ours, raw = advice.middle.narrows, advice.raw.bytes_per_signal
    curve = [point.narrows.place for point in advice.points]
    sentences = [
        f"Expect {ours.bytes_per_signal:.1f} bytes a signal {_quality(ours)}, "
        f"{raw / ours.bytes_per_signal:.0f} times less than raw, and fewer after a full training.",
        *_beside(ours, advice.reference),
        pays(advice.model_bytes, advice.break_even_signals).text,
        *(s.text for s in against_peers(ours, advice.lossless, advice.middle.peers, curve)),
    ]
    if advice.enough_minutes is not None:
        share = advice.trained_seconds / advice.full_seconds
        sentences.append(
            f"This training, {percent(share, 1)} of a full one, was too short to judge by: give "
            f"--minutes {advice.enough_minutes}."
        )
    minutes = max(1, round(advice.full_seconds / 60))
    sentences.append(
        f"A full training of {QUALITIES} qualities takes about {minutes} min here (architecture "
        f"{advice.architecture})."
    )
    return sentences


def _quality(point: RatePoint) -> str:
    return "without loss" if point.psnr == math.inf else f"at {point.psnr:.1f} dB"


def _beside(point: RatePoint, reference: Reference) -> list[str]:
    """Say what a PSNR refers to, and what the signals' own spread makes of it."""
    if point.psnr == math.inf:
        return []
    if point.by_channel:
        return ["That is the SNR of all channels, each in its own deviation."]
    peak = f"That PSNR has a peak of {reference.peak_in_words}"
    return [f"{peak}; the SNR, against the signals' own variance, is {signal_to_noise(point.snr)}."]


def as_lines(advice: Advice) -> list[list[str]]:
    """Return the rows of the table: name, bytes a signal, PSNR, times raw."""
    raw = advice.raw.bytes_per_signal
    rows = [advice.raw, *advice.lossless]
    for point in advice.points:
        rows += [point.narrows, *point.peers]
    return [
        [row.name, f"{row.bytes_per_signal:.2f}",
         "lossless" if math.isinf(row.psnr) else f"{row.psnr:.2f} dB",
         f"{raw / row.bytes_per_signal:.1f}"]
        for row in rows
    ]  # fmt: skip
