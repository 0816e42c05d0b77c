"""One frame: as a picture, or as lines where those show it better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.fidelity import errors
from narrows.evaluation.plots.figure import INK, RED, style_box
from narrows.signals.channels import has_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Frame = npt.NDArray[Any]
MAX_CHANNELS = 4
MAX_SIDE = 160
"""Pixels in a row or column; larger pictures are averaged down."""
MAX_SAMPLES = 2000
"""Of a line; longer ones are thinned."""
MIN_TICK_GAP = 0.15
"""Between two values beside stacked channels, in the height of the stack."""


def as_picture(frame: Frame) -> Frame | None:
    """Return a frame as a picture; None where lines show it better.

    Frames of one dimension, or of a few channels beside a long axis, are signals over time.

    Parameters
    ----------
    frame : (*frame_shape)

    Returns
    -------
    (height, width) or (height, width, 3), or None
        Of a volume, its middle slice.
    """
    while frame.ndim > 2 and not _is_colour(frame):
        frame = frame[frame.shape[0] // 2]
    if has_length(frame.shape):
        return None
    return frame if frame.ndim >= 2 and min(frame.shape[:2]) >= 4 else None


def picture_of(frame: Frame) -> Frame:
    """Return a frame of a kind that is drawn as pictures, as its picture."""
    picture = as_picture(frame)
    assert picture is not None
    return picture


def in_grey(frame: Frame) -> Frame:
    """Return a frame of a kind that is drawn as pictures in grey: colours are averaged."""
    picture = picture_of(frame)
    return picture.mean(axis=-1) if picture.ndim == 3 else picture


def shown_aspect(picture: Frame) -> float:
    """Return the height of a tile for a picture, in its width: no strip is thinner than 0.4."""
    return float(np.clip(picture.shape[0] / picture.shape[1], 0.4, 2.0))


def _is_colour(frame: Frame) -> bool:
    return frame.ndim == 3 and frame.shape[-1] == 3 and min(frame.shape[:2]) >= 4


def as_lines(frame: Frame) -> npt.NDArray[np.float64]:
    """Return a frame as `(samples, channels)`: its longest axis in time, four channels at most."""
    frame = np.atleast_1d(frame).astype(np.float64)
    lines = np.moveaxis(frame, int(np.argmax(frame.shape)), 0)
    lines = lines.reshape(len(lines), -1)[:, :MAX_CHANNELS]
    return lines[sample_numbers(frame)]


def sample_numbers(frame: Frame) -> npt.NDArray[np.intp]:
    """Return the numbers of the samples that `as_lines` returns, counted from 0."""
    n = max(np.atleast_1d(frame).shape)
    return np.arange(0, n, math.ceil(n / MAX_SAMPLES))


def value_range(original: Frame, peak: float, low: float | None) -> tuple[float, float]:
    """Return the values that are drawn black and white: `low`, or the lowest value, is black."""
    if low is not None:
        return low, low + peak
    finite = original[np.isfinite(original)]
    least = float(finite.min()) if finite.size else 0.0
    return least, least + peak


def absolute_error(original: Frame, decoded: Frame, peak: float) -> npt.NDArray[np.float64]:
    """Return `|original - decoded|`, at most `peak`."""
    return np.minimum(np.abs(errors(original, decoded)), peak)


def draw_picture(
    axis: Axes, picture: Frame, limits: tuple[float, float], cmap: str = "gray"
) -> Any:
    """Draw a picture from `as_picture`, with a thin frame and no ticks."""
    low, high = limits
    shown = _averaged(picture.astype(np.float64))
    if shown.ndim == 3:
        shown = np.clip((shown - low) / (high - low), 0.0, 1.0)
    axis.set_xticks([])
    axis.set_yticks([])
    style_box(axis, ("left", "right", "top", "bottom"))
    for spine in axis.spines.values():
        spine.set_linewidth(0.4)
    return axis.imshow(shown, vmin=low, vmax=high, cmap=cmap, interpolation="none")


def _averaged(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average large pictures down, so that a page stays small."""
    step = math.ceil(max(picture.shape[:2]) / MAX_SIDE)
    height, width = (side // step for side in picture.shape[:2])
    if step == 1 or 0 in (height, width):
        return picture
    tiles = picture[: height * step, : width * step]
    tiles = tiles.reshape(height, step, width, step, *picture.shape[2:])
    return np.asarray(tiles.mean(axis=(1, 3)))


def draw_lines(axis: Axes, frame: Frame, decoded: Frame, colour: str) -> None:
    """Draw a signal over time in ink and its reconstruction above it; channels are stacked.

    The ticks beside each channel are its own values.
    """
    lines, others, numbers = as_lines(frame), as_lines(decoded), sample_numbers(frame)
    style_box(axis, ("left", "bottom"))
    shift = stacking(lines)
    marker = "." if len(lines) <= 16 else None
    axis.plot(numbers, lines - shift, color=INK, alpha=0.75, linewidth=1.6, marker=marker)
    axis.plot(numbers, others - shift, color=colour, linewidth=0.9, marker=marker)
    value_ticks(axis, lines, shift)


def stacking(lines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what to subtract from each channel of `(samples, channels)` to stack them."""
    if lines.shape[1] == 1:
        return np.zeros(1)
    low, high = _ends(lines)
    spacing = float((high - low).max()) or 1.0
    return np.asarray((low + high) / 2 + 1.2 * spacing * np.arange(lines.shape[1]))


def _ends(lines: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    finite = np.where(np.isfinite(lines), lines, 0.0)
    return finite.min(axis=0), finite.max(axis=0)


def value_ticks(axis: Axes, lines: npt.NDArray[np.float64], shift: npt.NDArray[np.float64]) -> None:
    """Put one or two values of its own beside each of the stacked channels, where there is room."""
    from matplotlib.ticker import MaxNLocator

    low, high = _ends(lines)
    widest = int(np.argmax(high - low))
    marks = MaxNLocator(nbins=3).tick_values(low[widest], high[widest])
    step, room = marks[1] - marks[0], MIN_TICK_GAP * float(np.ptp(np.stack([low, high]) - shift))
    ticks: list[tuple[float, str]] = []
    for channel, moved in enumerate(shift):
        inside = step * np.arange(np.ceil(low[channel] / step), np.floor(high[channel] / step) + 1)
        middle = float(f"{(low[channel] + high[channel]) / 2:.3g}")
        for value in sorted({*inside[[-1, 0]]} if len(inside) else {middle}, reverse=True):
            if not ticks or ticks[-1][0] - (value - moved) >= room:
                ticks.append((value - moved, f"{value:,.6g}"))
    axis.set_yticks([place for place, _ in ticks], [name for _, name in ticks])


def draw_error(axis: Axes, error: Frame, most: float) -> None:
    """Draw the absolute error of a signal over time, on a scale that ends at `most`."""
    lines, numbers = as_lines(error), sample_numbers(error)
    style_box(axis, ("left", "bottom"))
    marker = "." if len(lines) <= 16 else None
    axis.plot(numbers, lines.max(axis=1), color=RED, linewidth=0.8, marker=marker)
    axis.set_ylim(0.0, 1.05 * (most or 1.0))
    axis.locator_params(axis="y", nbins=2)
