"""Charts: training epoch by epoch, how quality and bytes are spread, and bytes against quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.evaluation.plots.figure import (
    BLUE,
    CLASS_COLOURS,
    GREEN,
    INK,
    ORANGE,
    SMALL,
    WIDTH,
    legend_below,
    new_figure,
    plain_log_ticks,
    style_chart,
    style_legend,
    whole_ticks,
)
from narrows.evaluation.rate_point import RatePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_curves(history: Sequence[Any], best_epoch: int | None = None) -> Figure:
    """Draw loss and validation loss, and the validation PSNR below, against the epoch.

    Parameters
    ----------
    history : sequence of EpochRecord, or of mappings with its fields
        `bytes_per_signal` and `lambda_` may be None, of a model trained without a rate, and `psnr`
        of an epoch whose validation signals come back exactly: it is left out.
    best_epoch : int, optional
        The epoch whose weights were kept; by default that of the lowest validation loss.

    Raises
    ------
    DataError
        If the history is empty, as that of a model solved in closed form is.
    """
    if not history:
        raise DataError("no epochs to draw: a model solved in closed form has no training curve")
    epochs, loss, val_loss, psnr = (
        [_field(record, name) for record in history]
        for name in ("epoch", "loss", "val_loss", "psnr")
    )
    psnr = [math.nan if value is None else value for value in psnr]
    best = best_epoch or epochs[_lowest(val_loss)]
    figure = new_figure(WIDTH, 3.8)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 3])
    marker = "." if len(epochs) <= 30 else None
    above.plot(epochs, loss, color=BLUE, marker=marker, label="training loss")
    above.plot(epochs, val_loss, color=ORANGE, marker=marker, label="validation loss")
    below.plot(epochs, psnr, color=GREEN, marker=marker)
    in_bits = _field(history[-1], "lambda_") is not None
    style_chart(above, "", "loss (bits a signal)" if in_bits else "loss")
    style_chart(below, "epoch", "validation PSNR (dB)")
    _scale(above, [*loss, *val_loss])
    whole_ticks(below.xaxis)
    if len(epochs) == 1:
        below.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if best in epochs:
        at = epochs.index(best)
        _mark_best(above, best, val_loss[at], ORANGE)
        _mark_best(below, best, psnr[at], GREEN)
        above.plot([], [], color=INK, linestyle=":", label=f"best: epoch {best}")
    style_legend(above)
    return figure


def _field(record: Any, name: str) -> Any:
    if isinstance(record, Mapping):  # of JSON, whose names are those of the options
        return record.get(name.rstrip("_"))
    return getattr(record, name, None)


def _lowest(values: Sequence[float]) -> int:
    return min(range(len(values)), key=lambda i: (math.isnan(values[i]), values[i]))


def _scale(axis: Axes, values: Sequence[float]) -> None:
    """Take a logarithmic axis where the loss falls to half or less, with plain numbers."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) <= 0 or max(finite) < 2 * min(finite):
        return
    axis.set_yscale("log")
    plain_log_ticks(axis.yaxis, finite)


def _mark_best(axis: Axes, epoch: int, value: float, colour: str) -> None:
    axis.axvline(epoch, color=INK, linestyle=":", linewidth=1.0)
    axis.plot([epoch], [value], marker="o", markersize=SMALL - 3, color=colour)


BINS = 40


def histograms(psnr: npt.ArrayLike, packet_bytes: npt.ArrayLike) -> Figure:
    """Draw how many signals have which PSNR, and which length as a packet.

    Parameters
    ----------
    psnr : (n,) float
        Of each signal, in dB; infinite values are left out.
    packet_bytes : (m,) int
    """
    psnr, packet_bytes = np.asarray(psnr, np.float64), np.asarray(packet_bytes, np.int64)
    finite = psnr[np.isfinite(psnr)]
    figure = new_figure(WIDTH, 3.8)
    above, below = figure.subplots(2, 1)
    exact = "" if len(finite) == len(psnr) else f", {len(psnr) - len(finite):,} left out"
    style_chart(above, f"PSNR of a signal (dB){exact}", "signals")
    style_chart(below, "bytes of a signal as a packet", "signals")
    if len(finite):
        _bars(above, finite, np.linspace(*_ends(finite), BINS + 1), BLUE, "{:.1f} dB")
    if len(packet_bytes):
        low, high = int(packet_bytes.min()), int(packet_bytes.max())
        step = -(-(high - low + 1) // BINS)
        edges = np.arange(low, high + step + 1, step) - 0.5
        _bars(below, packet_bytes, edges, ORANGE, "{:.0f} bytes")
        whole_ticks(below.xaxis)
    return figure


def _ends(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bars(
    axis: Axes, values: npt.NDArray[Any], edges: npt.NDArray[Any], colour: str, unit: str
) -> None:
    """Draw the bars, and the median with its value."""
    counts, _ = np.histogram(values, edges)
    width = edges[1] - edges[0]
    axis.bar(edges[:-1] + width / 2, counts, 0.9 * width, color=colour, linewidth=0)
    axis.set_ylim(0.0, 1.2 * float(counts.max()))  # room for the median's name
    whole_ticks(axis.yaxis, 5)
    median = float(np.median(values))
    axis.axvline(median, color=INK, linestyle=":", linewidth=1.2)
    left = median > (edges[0] + edges[-1]) / 2
    axis.annotate(
        f"median {unit.format(median)}", (median, 1.0), xycoords=("data", "axes fraction"),
        xytext=(-5 if left else 5, -2), textcoords="offset points", fontsize=SMALL - 1, color=INK,
        ha="right" if left else "left", va="top",
    )  # fmt: skip


MIN_DECIBELS, MIN_BYTES_RATIO = 4.0, 2.0
MARKERS = "osD^vP*X<>"


def quality_against_latent_size(
    networks: Sequence[RatePoint], pca: Sequence[RatePoint] = ()
) -> Figure:
    """Draw PSNR, and bytes a signal below it, against latent size, with PCA beside the networks.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if not networks and not pca:
        raise DataError("no models to draw; give at least one")
    figure = new_figure(WIDTH, 4.2)
    above, below = figure.subplots(2, 1, sharex=True)
    series = (("narrows", networks, BLUE, "o", "-"), ("PCA codec", pca, ORANGE, "s", "--"))
    for name, measured, colour, marker, line in series:
        if not measured:
            continue
        points = sorted(measured, key=lambda point: point.latent_size)
        sizes = [point.latent_size for point in points]
        options = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4.5}
        above.plot(sizes, [point.psnr for point in points], label=name, **options)
        below.plot(sizes, [point.bytes_per_signal for point in points], **options)
    style_chart(above, "", "PSNR (dB)")
    style_chart(below, "latent size", "bytes a signal")
    below.set_ylim(bottom=0.0)
    _doubling_ticks(below, sorted({point.latent_size for point in (*networks, *pca)}))
    style_legend(above)
    return figure


def _doubling_ticks(axis: Axes, sizes: list[int]) -> None:
    """Make the axis logarithmic, with ticks at the latent sizes that were measured."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(sizes))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticks(sizes, [str(size) for size in sizes])


def _keep_small_differences_small(axis: Axes) -> None:
    """Widen the axes to 4 dB, and to a doubling of the bytes, where the points are closer."""
    low, high = axis.get_ylim()
    missing = max(0.0, MIN_DECIBELS - (high - low)) / 2
    axis.set_ylim(low - missing, high + missing)
    low, high = axis.get_xlim()
    factor = math.sqrt(max(1.0, MIN_BYTES_RATIO / (high / low)))
    axis.set_xlim(low / factor, high * factor)


def rate_distortion(
    series: Mapping[str, Sequence[tuple[float, float]]], quality: str = "PSNR"
) -> Figure:
    """Draw PSNR against bytes a signal, on a logarithmic axis: up and left is better.

    Parameters
    ----------
    series : mapping of str to sequence of (bytes_per_signal, psnr)
        Points of one name are joined. Those of infinite PSNR are left out.
    quality : str
        What it is called, where it is no PSNR.

    Raises
    ------
    DataError
        If no point is left.
    """
    if not any(math.isfinite(psnr) for points in series.values() for _, psnr in points):
        raise DataError("no lossy points to draw; give at least one")
    figure = new_figure(WIDTH, 2.9 + 0.09 * len(series))
    axis = figure.subplots()
    for number, (name, points) in enumerate(series.items()):
        drawn = sorted(point for point in points if math.isfinite(point[1]))
        if not drawn:
            continue
        axis.plot(
            [size for size, _ in drawn],
            [psnr for _, psnr in drawn],
            color=CLASS_COLOURS[number % len(CLASS_COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=8 if number == 0 else 6,
            linewidth=1.2,
            label=name,
        )
    style_chart(axis, "bytes a signal", f"{quality} (dB)")
    axis.set_xscale("log")
    plain_log_ticks(axis.xaxis, [size for points in series.values() for size, _ in points])
    axis.margins(0.12)
    _keep_small_differences_small(axis)
    axis.text(
        0.015, 0.985, "↖ better", transform=axis.transAxes, fontsize=SMALL - 1, color=INK,
        va="top",
    )  # fmt: skip
    legend_below(figure, ncols=2, fontsize=SMALL - 1)
    return figure
