"""A recording, and what its decoded past says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.plots.figure import BLUE, INK, ORANGE, TINY, WIDTH, new_figure
from narrows.evaluation.plots.frames import draw_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Signals = npt.NDArray[Any]


def recording(x: Signals, decoded: Signals, earlier: Signals, lags: npt.NDArray[Any]) -> Figure:
    """Draw some windows in a row: what came back, the earlier parts, and what was coded.

    Parameters
    ----------
    x, decoded, earlier : (n, length) or (n, length, channels)
        The signals, what came back, and the parts of what came back before that each was made
        from.
    lags : (n,)
        How many samples before each window that part begins; 0 for none.
    """
    figure = new_figure(WIDTH, 5.0)
    above, middle, below = figure.subplots(3, 1, sharex=True)
    original, back, past = (each.reshape(-1, *each.shape[2:]) for each in (x, decoded, earlier))
    draw_lines(above, original, back, BLUE)
    draw_lines(middle, original, past, ORANGE)
    coded = back.astype(np.float64) - past
    draw_lines(below, coded, coded, BLUE)
    for axis, title in zip((above, middle, below), ROWS, strict=True):
        axis.set_title(title, fontsize=TINY, color=INK, loc="left")
    _mark_windows((above, middle, below), x.shape[1], lags)
    below.set_xlabel("samples", fontsize=TINY, color=INK)
    return figure


ROWS = (
    "the signal, and what came back",
    "the signal, and an earlier part of what came back, so many samples before",
    "the difference between what came back and the earlier part",
)


def _mark_windows(axes: tuple[Axes, ...], length: int, lags: npt.NDArray[Any]) -> None:
    for axis in axes:
        for number in range(len(lags) + 1):
            axis.axvline(number * length, color=INK, alpha=0.3, linewidth=0.6)
    for number, lag in enumerate(lags.tolist()):
        axes[1].text(
            (number + 0.5) * length, 0.99, f"{lag:,}" if lag else "none", color=ORANGE,
            fontsize=TINY, ha="center", va="top", transform=axes[1].get_xaxis_transform(),
        )  # fmt: skip
