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
from narrows.evaluation.baselines import Row, codec_row, general_rows, raw_row
from narrows.evaluation.metrics import Evaluation, evaluate
from narrows.evaluation.peers import PcaPeer, break_even, peers_at
from narrows.evaluation.report.comparison import sample

Signals = npt.NDArray[Any]
MOST_SIGNALS = 60_000  # looked at
HELD_OUT, MOST_HELD_OUT = 10, 2_000  # one signal of so many, and how many at most
FEWEST_SIGNALS = 20
PEER_ELEMENTS = 1_000_000  # of held-out signals that are given to the peers, at each quality
GENERAL_BYTES = 8_000_000
MOST_FOR_PCA = 4_000  # training signals: it is trained several times at each quality
MINUTES = 2.0
QUALITIES = 3
AS_WELL = 1.05  # a peer that takes 5 % more bytes does as well, with nothing to train
TOO_SHORT = 0.05  # of a full training: the network has hardly begun


@dataclass(frozen=True)
class Point:
    """One quality of the short training, and what others take for the same PSNR."""

    narrows: Row
    peers: list[Row]

    @property
    def best_peer(self) -> Row | None:
        """The peer of the fewest bytes."""
        return min(self.peers, key=lambda row: row.bytes_per_signal, default=None)

    def as_json(self) -> dict[str, Any]:
        """Give the figures."""
        return {"narrows": self.narrows.as_json(), "peers": [row.as_json() for row in self.peers]}


@dataclass(frozen=True)
class Advice:
    """What was measured.

    Attributes
    ----------
    signals, held_out : int
        Trained on, and measured on: the last ones, so that they are as new as can be.
    architecture : str
    trained_seconds, full_seconds : float
        Of the short training, and what a full one would take here, by its updates.
    model_bytes : int
    break_even_signals : int or None
        From which model and archive together are smaller than the signals as they are, at the
        middle quality.
    raw : Row
    lossless : list of Row
        General compressors, all held-out signals in one stream.
    points : list of Point
        Of each quality, the smallest first.
    """

    signals: int
    held_out: int
    architecture: str
    trained_seconds: float
    full_seconds: float
    model_bytes: int
    break_even_signals: int | None
    raw: Row
    lossless: list[Row]
    points: list[Point]

    @property
    def middle(self) -> Point:
        """The point of the middle quality."""
        return self.points[(len(self.points) - 1) // 2]

    @property
    def enough_minutes(self) -> int | None:
        """Minutes to judge by, where this training was too short; None where it was not."""
        if self.trained_seconds >= TOO_SHORT * self.full_seconds:
            return None
        return max(1, math.ceil(2 * TOO_SHORT * self.full_seconds / 60))

    def as_json(self) -> dict[str, Any]:
        """Give the figures and the verdict."""
        return {
            "signals": self.signals,
            "held_out": self.held_out,
            "architecture": self.architecture,
            "trained_seconds": self.trained_seconds,
            "full_seconds": self.full_seconds,
            "model_bytes": self.model_bytes,
            "break_even_signals": self.break_even_signals,
            "raw": self.raw.as_json(),
            "lossless": [row.as_json() for row in self.lossless],
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
    if x.ndim < 1 or len(x) < FEWEST_SIGNALS:
        n = len(x) if x.ndim else 0
        raise DataError(f"{n} signals; advice needs at least {FEWEST_SIGNALS}, better thousands")
    x = sample(x, MOST_SIGNALS)
    held_out = min(max(len(x) // HELD_OUT, 2), MOST_HELD_OUT)
    x_train, x_test = x[:-held_out], x[-held_out:]
    tell(f"training for {minutes:g} minutes on {len(x_train):,} signals")
    codec, full_seconds = _short_training(x_train, latent_size, minutes, seed)
    tell(f"general compressors on {held_out:,} other signals")
    lossless = general_rows(sample(x_test, GENERAL_BYTES // max(1, x.nbytes // len(x))))
    some = sample(x_test, PEER_ELEMENTS // max(1, x[0].size))
    pca = PcaPeer(sample(x_train, MOST_FOR_PCA), some, codec.model.peak)
    points, middle = [], None
    for quality in range(1, codec.model.n_qualities + 1):
        measured = evaluate(codec, x_test, Request(quality))
        if quality == codec.model.default_quality:
            middle = measured
        name = f"narrows, quality {quality} of {QUALITIES}"
        tell(f"peers {_quality(codec_row(name, measured))}")
        points.append(_point(name, measured, some, codec.model.peak, pca))
    assert middle is not None
    return Advice(
        signals=len(x_train),
        held_out=held_out,
        architecture=codec.model.architecture,
        trained_seconds=float(codec.model.training["seconds"]),
        full_seconds=full_seconds,
        model_bytes=middle.model_bytes,
        break_even_signals=middle.break_even_signals,
        raw=raw_row(x_test),
        lossless=lossless,
        points=points,
    )


def check_minutes(minutes: float) -> None:
    """Raise SettingError unless training can take so long."""
    from narrows.training.settings import TrainingSettings

    TrainingSettings(minutes=minutes)


def _short_training(
    x: Signals, latent_size: int | None, minutes: float, seed: int
) -> tuple[Codec, float]:
    """Train a model, and tell how long a full training would take, in seconds."""
    from narrows.api import train
    from narrows.training.classic.presets import training_settings
    from narrows.training.settings import TrainingSettings

    mixable = x.dtype.itemsize > 1
    of_one = training_settings(shape=x.shape, mixable=mixable, latent_size=latent_size)
    settings = TrainingSettings(qualities=QUALITIES)
    codec = train(
        x,
        latent_size=of_one.latent_size,
        bits_per_latent=of_one.bits_per_latent,
        qualities=QUALITIES,
        minutes=minutes,
        seed=seed,
    )
    summary = codec.model.training
    resolved = settings.resolved(x.shape[1:], len(x))
    full = resolved.plan(summary["signals"], mixes=summary["plan"]["mixes"])
    epoch_seconds = summary["history"][-1]["seconds"] / len(summary["history"])
    rest = summary["seconds"] - summary["history"][-1]["seconds"]
    return codec, epoch_seconds * full.epochs + rest


def _point(name: str, measured: Evaluation, x: Signals, peak: float, pca: PcaPeer) -> Point:
    lossy = math.isfinite(measured.psnr)
    return Point(codec_row(name, measured), peers_at(x, measured.psnr, peak, pca) if lossy else [])


def verdict(advice: Advice) -> list[str]:
    """Say in plain sentences what to expect, and what to take instead where that is better."""
    ours, best = advice.middle.narrows, advice.middle.best_peer
    sentences = [
        f"Expect {ours.bytes_per_signal:.1f} bytes a signal {_quality(ours)}, "
        f"{advice.raw.bytes_per_signal / ours.bytes_per_signal:.0f} times less than raw, and "
        "fewer after a full training."
    ]
    if best is not None:
        sentences.append(_beside(best, ours, advice.enough_minutes is None))
    if advice.enough_minutes is not None:
        share = 100 * advice.trained_seconds / advice.full_seconds
        sentences.append(
            f"This training, {share:.1g} % of a full one, was too short to judge by: give "
            f"--minutes {advice.enough_minutes}."
        )
    exact = min(advice.lossless, key=lambda row: row.bytes_per_signal)
    if exact.bytes_per_signal <= AS_WELL * ours.bytes_per_signal:
        sentences.append(f"{exact.name} is lossless in {exact.bytes_per_signal:.1f}: use that.")
    n = advice.break_even_signals
    if n is None:
        sentences.append("The model would never pay for itself: use another codec.")
    else:
        sentences.append(
            f"The model, {advice.model_bytes:,} bytes, has paid for itself after {n:,} signals."
        )
    if best is not None and (even := break_even(advice.model_bytes, ours.bytes_per_signal, best)):
        sentences.append(f"Against {best.name} it has after {even:,}.")
    sentences.append(
        f"A full training of {QUALITIES} qualities takes about "
        f"{max(1, round(advice.full_seconds / 60))} min here "
        f"(architecture {advice.architecture})."
    )
    return sentences


def _quality(row: Row) -> str:
    return "without loss" if row.psnr == math.inf else f"at {row.psnr:.1f} dB"


def _beside(best: Row, ours: Row, long_enough: bool) -> str:
    """Compare with the best peer, and name what to take instead where that is as good."""
    quality = ""
    if best.psnr == math.inf:
        quality = f" {_quality(best)}"
    elif best.psnr > ours.psnr + 0.01:
        quality = f" at its lowest quality, {best.psnr:.1f} dB,"
    if best.bytes_per_signal > AS_WELL * ours.bytes_per_signal:
        times = best.bytes_per_signal / ours.bytes_per_signal
        told = f"The best other codec, {best.name}, takes {times:.1f} times that{quality}"
        return f"{told.removesuffix(',')}."
    how = "--architecture linear" if best.name == "PCA codec" else best.name
    return (
        f"{best.name} takes {best.bytes_per_signal:.1f} bytes{quality} where this short training "
        f"takes {ours.bytes_per_signal:.1f}"
        + (f" {_quality(ours)}" if quality else "")
        + (f": try {how} first." if long_enough else ".")
    )


def as_lines(advice: Advice) -> list[list[str]]:
    """Give the rows of the table: name, bytes a signal, PSNR, times raw."""
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
