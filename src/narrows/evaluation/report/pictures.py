"""The pictures of a report, each with a caption and a text for readers who cannot see it."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from narrows.codec.model.groups import ENCODED
from narrows.evaluation import plots
from narrows.evaluation.metrics import decibels
from narrows.evaluation.peers.registry import sample
from narrows.evaluation.plots.frames import value_range
from narrows.evaluation.plots.gallery import worst
from narrows.evaluation.plots.network import layer_shapes
from narrows.evaluation.report.contents import Contents
from narrows.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GALLERY_SIGNALS = 10
MAX_SEARCHED = 10_000
"""Signals in which the lowest value is searched."""
MIN_DECIBELS_APART = 0.3
"""Of two points of a peer that are drawn."""
MAX_PAINTED = 32
"""Latents whose pictures are shown."""
WALK_SHARE = 0.75
"""The share of signals that are nearer to the first one than the end of the walk."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its title, its caption, and a text that describes it."""

    title: str
    caption: str
    alt: str
    figure: Figure

    @cached_property
    def source(self) -> str:
        """The picture as a `data:` address."""
        return "data:image/svg+xml;base64," + b64encode(plots.write_svg(self.figure)).decode()


def signals_shown(contents: Contents) -> list[Picture]:
    """Draw ten signals spread over all, and the ten that come back worst; not tiles of arrays."""
    if contents.arrays is not None:
        return []
    x, decoded, psnr = contents.x, contents.decoded, contents.psnr
    peak, low = contents.codec.model.peak, _lowest(contents)
    some = np.unique(np.linspace(0, len(x) - 1, min(GALLERY_SIGNALS, len(x))).astype(int))
    last = worst(psnr, GALLERY_SIGNALS)
    pictured = plots.as_picture(x[0]) is not None
    axes = "" if pictured else f" Ticks are values of the signals, {x.dtype.name}, by channel."
    named = [f"#{number}" for number in contents.numbers]
    each = ", ".join(decibels(psnr[number], 1) for number in some)
    lowest = ", ".join(f"{named[i]} at {decibels(psnr[i], 1)}" for i in last)
    return [
        Picture(
            "Signals and what comes back",
            f"{counted(len(some), 'signal')}, evenly spread over all {len(x):,}.{axes}",
            f"Original, reconstruction and absolute error of {counted(len(some), 'signal')}. Their "
            f"PSNR: {each}.",
            plots.gallery(x[some], decoded[some], peak, names=[named[i] for i in some], low=low),
        ),
        Picture(
            "The worst",
            f"The signals of lowest PSNR, the worst first: what this model cannot do.{axes}",
            f"Original, reconstruction and absolute error of the {len(last)} signals of lowest "
            f"PSNR: {lowest}.",
            plots.gallery(x[last], decoded[last], peak, names=[named[i] for i in last], low=low),
        ),
    ]


def _lowest(contents: Contents) -> float:
    """Return the value that pictures show black."""
    return value_range(sample(contents.x, MAX_SEARCHED), contents.codec.model.peak, None)[0]


def bytes_and_quality(contents: Contents) -> list[Picture]:
    """Draw bytes against quality, for this model and the lossy codecs beside it."""
    codec, comparison, measured = contents.codec, contents.comparison, contents.point
    ours = [point.place for point in comparison.points]
    if codec.model.n_qualities == 1:
        ours.append(measured.place)
    series = {"narrows": ours} | {
        name: _apart([point.place for point in points])
        for name, points in comparison.curves.items()
    }
    if len(series) < 2 or not math.isfinite(measured.psnr):
        return []
    ours.sort()
    words = "; ".join(
        f"{name}: " + ", ".join(f"{size:.2f} bytes at {decibels(psnr)}" for size, psnr in points)
        for name, points in series.items()
    )
    what = "at its qualities" if codec.model.n_qualities > 1 else "at efforts 0, 2 and 5"
    what = what if comparison.points else "at its quality"
    caption = (
        f"Up and to the left is better. narrows {what}, the others at settings near to these "
        "qualities, or at their lowest. The axis of bytes is logarithmic."
    )
    alt = f"{measured.quality} against bytes a signal. {words}."
    drawn = plots.rate_distortion(series, measured.quality)
    return [Picture("Bytes against quality", caption, alt, drawn)]


def _apart(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points that would hide each other; `places` are sorted by quality."""
    kept = places[:1]
    for place in places[1:]:
        if place[1] - kept[-1][1] >= MIN_DECIBELS_APART:
            kept.append(place)
    return kept


def spread(contents: Contents) -> list[Picture]:
    """Draw histograms of quality and of bytes over the signals."""
    psnr = contents.psnr[np.isfinite(contents.psnr)]
    packets = contents.packet_bytes
    words = []
    if len(psnr):
        low, middle, high = np.percentile(psnr, (5, 50, 95))
        words.append(
            f"Nine of ten signals have {low:.1f} to {high:.1f} dB, median {middle:.1f} dB."
        )
    if len(packets):
        words.append(
            f"Alone, as a packet, a signal takes {packets.min()} to {packets.max()} bytes, on "
            f"average {packets.mean():.2f} (measured on {counted(len(packets), 'signal')})."
        )
    if not words:
        return []
    text = " ".join(words)
    figure = plots.histograms(contents.psnr, packets)
    return [Picture("From signal to signal", text, f"Two histograms. {text}", figure)]


def latent_space(contents: Contents) -> list[Picture]:
    """Draw the map of the latent space."""
    _, shares = plots.projection(contents.symbols)
    labels = contents.labels
    classes = "" if labels is None else f", coloured by {len(np.unique(labels))} labels"
    part = f"{shares.sum():.0%} of the latents' variance"
    return [
        Picture(
            "A map of the latent space",
            f"Each point is a signal{classes}; the two axes hold {part}.",
            f"Scatter plot of the latents' first two principal components, which hold {part}"
            f"{classes}.",
            plots.latent_map(contents.symbols, labels),
        )
    ]


def a_walk(contents: Contents) -> list[Picture]:
    """Draw a walk through the latent space, if there are two signals to walk between."""
    if len(contents.x) < 2:
        return []
    symbols = contents.symbols.astype(np.float64)
    distance = np.square(symbols - symbols[0]).sum(axis=1)
    end = int(np.argsort(distance, kind="stable")[int(WALK_SHARE * (len(symbols) - 1))]) or 1
    steps = plots.steps_between(contents.symbols[0], contents.symbols[end])
    decoded = contents.codec.decode(steps)
    ends = f"signal #0 to signal #{contents.numbers[end]}"
    return [
        Picture(
            "A walk between two signals",
            f"From {ends}: their latents mixed in equal steps, and decoded.",
            f"The {len(steps)} decoded signals on a straight line through the latent space from "
            f"{ends}.",
            plots.walk(decoded, contents.codec.model.peak, low=_lowest(contents)),
        )
    ]


def the_network(contents: Contents) -> list[Picture]:
    """Draw the layers."""
    model, size = contents.codec.model, contents.measured.bytes_per_signal
    assert model.encoder is not None
    words = " to ".join(
        "×".join(map(str, shape))
        for shape in (*layer_shapes(model.encoder), *layer_shapes(model.decoder)[1:])
    )
    parameters = model.encoder.n_parameters + model.decoder.n_parameters
    caption = (
        f"{parameters:,} parameters, all integers. In dense layers each number is a weighted sum "
        "of all numbers to its left, in convolutions of those around its place. The heights are "
        "not in proportion."
    )
    alt = (
        f"The layers of encoder and decoder: {words} values. The narrow middle is "
        f"{counted(model.groups[ENCODED], 'latent')}, {size:.2f} bytes."
    )
    return [Picture("Wide, narrow, wide", caption, alt, plots.network(model, size))]


def painted(contents: Contents) -> list[Picture]:
    """Draw what each latent adds to a picture, the strongest first; nothing of other signals."""
    if plots.as_picture(contents.x[0]) is None:
        return []
    symbols = contents.symbols
    columns = np.arange(symbols.shape[1])[contents.codec.model.columns(ENCODED)]
    middle = np.rint(np.median(symbols, axis=0)).astype(np.int32)
    steps = np.maximum(1, np.rint(symbols.std(axis=0))).astype(np.int32)
    moves = np.diag(steps)[columns]
    more, fewer = (contents.codec.decode(middle + sign * moves) for sign in (1, -1))
    added = more.astype(np.float64) - fewer
    order = np.argsort(-np.square(added).reshape(len(added), -1).sum(axis=1), kind="stable")
    shown = order[:MAX_PAINTED]
    which = f"The {len(shown)} strongest of {len(order)}" if len(shown) < len(order) else "Each"
    caption = (
        f"{which}: the middle signal with one latent raised by its deviation, less the same with "
        "it lowered. Red grows brighter, blue darker; each on a scale of its own, the strongest "
        "first. The decoder mixes these pictures."
    )
    alt = f"{len(shown)} small pictures of what a latent changes in the decoded signal."
    return [Picture("What each latent paints", caption, alt, plots.paintings(added[shown]))]


def training(contents: Contents) -> list[Picture]:
    """Draw the training curves, unless the model was solved in closed form."""
    summary = contents.codec.model.training
    history = summary.get("history", ())
    if not history:
        return []
    best = summary.get("best_epoch")
    first, last = history[0], history[-1]
    words = f"the validation loss goes from {first['val_loss']:.4g} to {last['val_loss']:.4g}"
    if None not in (first.get("psnr"), last.get("psnr")):
        words += f", the validation PSNR from {first['psnr']:.2f} to {last['psnr']:.2f} dB"
    done = counted(len(history), "epoch")
    caption = f"In {done} {words}. The weights of epoch {best:,} were kept."
    figure = plots.training_curves(history, best)
    return [Picture("Training", caption, f"Loss and PSNR against the epoch. {caption}", figure)]
