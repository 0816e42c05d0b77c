"""Bytes against quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from narrows.errors import DataError
from narrows.evaluation.plots.figure import (
    BLUE,
    CLASS_COLOURS,
    INK,
    ORANGE,
    SMALL,
    WIDTH,
    new_figure,
    plain_log_ticks,
    style_chart,
    style_legend,
)
from narrows.evaluation.rate_point import RatePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def rate_distortion(series: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Draw PSNR against bytes a signal, on a logarithmic axis: up and left is better.

    Parameters
    ----------
    series : mapping of str to sequence of (bytes_per_signal, psnr)
        Points of one name are joined. Those of infinite PSNR are left out.

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
    style_chart(axis, "bytes a signal", "PSNR (dB)")
    axis.set_xscale("log")
    plain_log_ticks(axis.xaxis, [size for points in series.values() for size, _ in points])
    axis.margins(0.12)
    _keep_small_differences_small(axis)
    axis.text(
        0.015, 0.985, "↖ better", transform=axis.transAxes, fontsize=SMALL - 1, color=INK,
        va="top",
    )  # fmt: skip
    figure.legend(
        loc="outside lower center", ncols=2, fontsize=SMALL - 1, labelcolor=INK, frameon=False
    )
    return figure
