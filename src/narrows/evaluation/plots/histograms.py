"""How quality and bytes are spread over the signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.plots.figure import (
    BLUE,
    INK,
    ORANGE,
    SMALL,
    WIDTH,
    new_figure,
    style_chart,
    whole_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
