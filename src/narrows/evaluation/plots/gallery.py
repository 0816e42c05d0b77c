"""Originals beside what comes back: with their errors, or by latent size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.evaluation.metrics import decibels, distortion, signal_psnr
from narrows.evaluation.plots.figure import (
    BLUE,
    ERROR_MAP,
    INK,
    RED,
    SMALL,
    TINY,
    WIDTH,
    legend_below,
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
    in_grey,
    picture_of,
    shown_aspect,
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
        return _line_bands(original, decoded, peak, title, labels)
    return _picture_bands(original, decoded, value_range(original, peak, low), title, labels)


def _picture_bands(
    original: Signals,
    decoded: Signals,
    limits: tuple[float, float],
    title: str,
    texts: list[tuple[str, str]],
) -> Figure:
    columns = min(len(original), PICTURES_A_BAND)
    bands = math.ceil(len(original) / columns)
    tile = (WIDTH - 0.45) / PICTURES_A_BAND
    height = shown_aspect(picture_of(original[0])) * tile
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
        drawn = draw_picture(below, in_grey(error[number]), (0.0, peak / 2), ERROR_MAP)
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


def _line_bands(
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
    error = "largest error" if channels > 1 else "absolute error"
    lines = [
        Line2D([], [], color=INK, alpha=0.75, linewidth=1.6, label=f"original{stacked}"),
        Line2D([], [], color=BLUE, linewidth=0.9, label="decoded"),
        Line2D([], [], color=RED, linewidth=0.8, label=error),
    ]
    legend_below(figure, handles=lines, ncols=3, fontsize=TINY)


def worst(psnr: npt.NDArray[np.float64], most: int = 10) -> npt.NDArray[np.intp]:
    """Return the numbers of the signals of lowest PSNR, the worst first."""
    return np.argsort(psnr, kind="stable")[:most]


MAX_PICTURES, MAX_LINES = 8, 3


def by_latent_size(
    original: Signals,
    decoded: Mapping[int, Signals],
    peak: float,
) -> Figure:
    """Draw what each latent size makes of the same signals: a row a size, the originals on top.

    Signals over time are drawn as lines, the reconstruction over the original.

    Parameters
    ----------
    original : (n, *frame_shape)
        The first eight are drawn, or the first three where they are lines.
    decoded : mapping of int to (n, *frame_shape)
        Reconstructions by latent size.
    peak : float
        The range of the data, which grey levels and PSNR refer to.

    Raises
    ------
    DataError
        If there is no reconstruction, or one of another shape.
    """
    _check(original, decoded)
    sizes = sorted(decoded)
    names = [
        f"{size} latent{'s' * (size > 1)}\n"
        f"{decibels(distortion(original, decoded[size], peak).psnr, 1)}"
        for size in sizes
    ]
    each = [decoded[size] for size in sizes]
    if as_picture(original[0]) is None:
        return _line_rows(original, each, names)
    return _picture_rows(original, each, names, value_range(original, peak, None))


def _check(original: Signals, decoded: Mapping[int, Signals]) -> None:
    if not decoded:
        raise DataError("no reconstructions to draw; give them by their latent size")
    for size, frames in decoded.items():
        if frames.shape != original.shape:
            raise DataError(
                f"reconstructions of shape {frames.shape} at {size} latents; the originals have "
                f"shape {original.shape}: give the same signals"
            )


def _picture_rows(
    original: Signals,
    decoded: list[Signals],
    names: list[str],
    limits: tuple[float, float],
) -> Figure:
    columns = min(len(original), MAX_PICTURES)
    tile = (WIDTH - 0.7) / MAX_PICTURES * shown_aspect(picture_of(original[0]))
    rows = len(decoded) + 1
    figure = new_figure(WIDTH, rows * (max(tile, 0.42) + 0.04) + 0.05)
    pack_tightly(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    stack = zip(axes, [original, *decoded], ["original", *names], strict=True)
    for row, frames, name in stack:
        for axis, frame in zip(row, frames[:columns], strict=True):
            draw_picture(axis, picture_of(frame), limits)
        _name_row(row[0], name)
    return figure


def _line_rows(original: Signals, decoded: list[Signals], names: list[str]) -> Figure:
    columns = min(len(original), MAX_LINES)
    figure = new_figure(WIDTH, 0.75 * len(decoded) + 0.4)
    axes = figure.subplots(len(decoded), columns, squeeze=False, sharex=True, sharey="col")
    for row, frames, name in zip(axes, decoded, names, strict=True):
        for axis, frame, reconstruction in zip(row, original, frames[:columns], strict=False):
            draw_lines(axis, frame, reconstruction, BLUE)
            axis.tick_params(labelsize=TINY - 1)
        _name_row(row[0], name)
    for axis in axes[-1]:
        axis.set_xlabel("sample", fontsize=SMALL - 1, color=INK)
    return figure


def _name_row(axis: Any, name: str) -> None:
    axis.set_ylabel(name, fontsize=TINY, color=INK, rotation=0, ha="right", va="center", labelpad=5)
