"""Original, reconstruction and absolute error of a few signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.metrics import decibels, signal_psnr
from narrows.evaluation.plots.figure import (
    BLUE,
    ERROR_MAP,
    INK,
    RED,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
    pack_tightly,
    set_title,
)
from narrows.evaluation.plots.frames import (
    absolute_error,
    as_lines,
    as_picture,
    draw_error,
    draw_lines,
    draw_picture,
    picture_of,
    value_range,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Signals = npt.NDArray[Any]
PICTURES_A_BAND, LINES_A_BAND = 5, 2


def gallery(
    original: Signals,
    decoded: Signals,
    peak: float,
    title: str = "",
    names: Sequence[str] = (),
    low: float | None = None,
) -> Figure:
    """Draw original, reconstruction and absolute error of a few signals.

    Pictures stand above each other, five in a band. Signals over time are drawn as lines, the
    reconstruction over the original and the error below, two in a band.

    Parameters
    ----------
    original, decoded : (n, *frame_shape)
    peak : float
        The range of the data, which grey levels and errors refer to.
    title : str
    names : sequence of str
        What each signal is called, if anything.
    low : float, optional
        The value that pictures show black; by default the lowest of `original`.
    """
    psnr = signal_psnr(original, decoded, peak)
    texts = [decibels(value, 1) for value in psnr]
    names = names or [""] * len(original)
    labels = [*zip(names, texts, strict=True)]
    if as_picture(original[0]) is None:
        return _draw_lines(original, decoded, peak, title, labels)
    return _draw_pictures(original, decoded, value_range(original, peak, low), title, labels)


def _draw_pictures(
    original: Signals,
    decoded: Signals,
    limits: tuple[float, float],
    title: str,
    texts: list[tuple[str, str]],
) -> Figure:
    columns = min(len(original), PICTURES_A_BAND)
    bands = math.ceil(len(original) / columns)
    picture = picture_of(original[0])
    tile = (WIDTH - 0.45) / PICTURES_A_BAND
    height = min(2.0, max(0.4, picture.shape[0] / picture.shape[1])) * tile
    named = any(name for name, _ in texts)
    figure = new_figure(WIDTH, bands * (3 * (height + 0.04) + 0.32 + 0.15 * named) + 0.55)
    pack_tightly(figure)
    axes = figure.subplots(  # the fourth row of each band is empty: room between the bands
        4 * bands, columns, squeeze=False, height_ratios=[1, 1, 1, 0.04 + 0.06 * named] * bands
    )
    peak = limits[1] - limits[0]
    error = absolute_error(original, decoded, peak)
    for axis in axes.flat:
        axis.set_visible(False)
    for number, (name, text) in enumerate(texts):
        band, column = divmod(number, columns)
        above, middle, below = axes[4 * band : 4 * band + 3, column]
        for axis, frame in ((above, original[number]), (middle, decoded[number])):
            axis.set_visible(True)
            draw_picture(axis, picture_of(frame), limits)
        below.set_visible(True)
        drawn = draw_picture(below, _grey(picture_of(error[number])), (0.0, peak / 2), ERROR_MAP)
        above.set_title(name, fontsize=TINY, color=INK, pad=2)
        below.set_xlabel(text, fontsize=SMALL - 1, color=INK, labelpad=2)
        if column == 0:
            _name_rows((above, middle, below))
    _error_scale(figure, drawn, axes)
    set_title(figure, title)
    return figure


def _name_rows(axes: tuple[Axes, Axes, Axes]) -> None:
    for axis, name in zip(axes, ("original", "decoded", "error"), strict=True):
        axis.set_ylabel(name, fontsize=SMALL - 1, color=INK, labelpad=3)


def _error_scale(figure: Figure, drawn: Any, axes: npt.NDArray[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    bar = figure.colorbar(
        drawn, ax=axes, location="bottom", shrink=0.6, aspect=40, pad=0.01, ticks=MaxNLocator(4)
    )
    bar.set_label("absolute error; brightest: half of the range", fontsize=TINY, color=INK)
    bar.ax.tick_params(labelsize=TINY, colors=INK, width=0.5, length=2)
    bar.outline.set_visible(False)


def _grey(picture: Signals) -> Signals:
    return picture.mean(axis=-1) if picture.ndim == 3 else picture


def _draw_lines(
    original: Signals, decoded: Signals, peak: float, title: str, texts: list[tuple[str, str]]
) -> Figure:
    columns = min(len(original), LINES_A_BAND)
    bands = math.ceil(len(original) / columns)
    figure = new_figure(WIDTH, 1.35 * bands + 0.6)
    axes = figure.subplots(
        2 * bands, columns, squeeze=False, sharex=True, height_ratios=[3, 1] * bands
    )
    error = absolute_error(original, decoded, peak)
    most = float(error.max(initial=0.0))
    for axis in axes.flat:
        axis.set_visible(False)
    for number, (name, text) in enumerate(texts):
        band, column = divmod(number, columns)
        above, below = axes[2 * band : 2 * band + 2, column]
        draw_lines(above, original[number], decoded[number], BLUE)
        draw_error(below, error[number], most)
        above.set_title(f"{name}  {text}".strip(), fontsize=SMALL - 1, color=INK, pad=3)
        for axis, what in ((above, "signal"), (below, "error")):
            axis.set_visible(True)
            axis.tick_params(labelsize=TINY - 0.5, labelbottom=False)
            if column == 0:
                axis.set_ylabel(what, fontsize=SMALL - 1, color=INK)
        if number + columns >= len(texts):
            below.tick_params(labelbottom=True)
            below.set_xlabel("sample", fontsize=SMALL - 1, color=INK)
    _line_legend(figure, as_lines(original[0]).shape[1])
    set_title(figure, title)
    return figure


def _line_legend(figure: Figure, channels: int) -> None:
    from matplotlib.lines import Line2D

    stacked = f" ({channels} channels, stacked)" if channels > 1 else ""
    lines = [
        Line2D([], [], color=INK, alpha=0.75, linewidth=1.6, label=f"original{stacked}"),
        Line2D([], [], color=BLUE, linewidth=0.9, label="decoded"),
        Line2D(
            [],
            [],
            color=RED,
            linewidth=0.8,
            label="largest error" if channels > 1 else "absolute error",
        ),
    ]
    figure.legend(
        handles=lines,
        loc="outside lower center",
        ncols=3,
        fontsize=TINY,
        labelcolor=INK,
        frameon=False,
    )


def worst(psnr: npt.NDArray[np.float64], most: int = 10) -> npt.NDArray[np.intp]:
    """Return the numbers of the signals of lowest PSNR, the worst first."""
    return np.argsort(psnr, kind="stable")[:most]
