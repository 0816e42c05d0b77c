"""The latent space: a map of it, a walk through it, and what each latent paints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.evaluation.plots.figure import (
    BLUE,
    CLASS_COLOURS,
    INK,
    ORANGE,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
    pack_tightly,
    style_box,
    style_chart,
    style_legend,
)
from narrows.evaluation.plots.frames import (
    as_lines,
    as_picture,
    draw_picture,
    in_grey,
    picture_of,
    sample_numbers,
    shown_aspect,
    stacking,
    value_range,
    value_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Symbols = npt.NDArray[Any]
Points = npt.NDArray[np.float64]
OTHER_COLOUR = "#9aa3af"
MAX_POINTS = 4000
"""More would hide each other."""


def projection(symbols: Symbols) -> tuple[Points, Points]:
    """Project latents onto their two first principal components.

    Parameters
    ----------
    symbols : (n, latent_size) integers

    Returns
    -------
    points : (n, 2)
    shares : (2,)
        Of the latents' variance that each component holds.
    """
    centred = symbols.astype(np.float64) - symbols.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    axes = axes[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])  # the sign is free: fix it
    total = float(variances.sum()) or 1.0
    points, shares = np.zeros((len(symbols), 2)), np.zeros(2)
    points[:, : axes.shape[1]] = centred @ axes
    shares[: axes.shape[1]] = variances[::-1][:2] / total
    return points, shares


def latent_map(symbols: Symbols, labels: npt.NDArray[Any] | None = None) -> Figure:
    """Draw a map of the latent space, coloured by label where labels are given.

    Parameters
    ----------
    symbols : (n, latent_size) integers
    labels : (n,), optional
        Classes; the ten largest have a colour and a name each.

    Raises
    ------
    DataError
        If there are other than n labels.
    """
    if labels is not None and len(labels) != len(symbols):
        raise DataError(f"{len(labels)} labels for {len(symbols)} signals; give one a signal")
    points, shares = projection(symbols)
    chosen = np.linspace(0, len(points) - 1, min(len(points), MAX_POINTS)).astype(int)
    points = points[chosen]
    figure = new_figure(WIDTH, 3.9)
    axis = figure.subplots()
    names = (f"{name} component ({share:.0%} of the variance)"
             for name, share in zip(("first", "second"), shares, strict=True))  # fmt: skip
    style_chart(axis, *names)
    if labels is None:
        _scatter(axis, points, BLUE)
        return figure
    _classes(axis, points, labels[chosen])
    return figure


def _scatter(axis: Axes, points: Points, colours: str | list[str]) -> None:
    size = float(np.clip(24000 / max(len(points), 1), 6, 30))
    x, y = points.T
    axis.scatter(x, y, s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True)


def _classes(axis: Axes, points: Points, labels: npt.NDArray[Any]) -> None:
    values, counts = np.unique(labels, return_counts=True)
    named = np.sort(values[np.argsort(-counts, kind="stable")[: len(CLASS_COLOURS)]])
    colours = dict(zip(named.tolist(), CLASS_COLOURS, strict=False))
    _scatter(axis, points, [colours.get(value, OTHER_COLOUR) for value in labels.tolist()])
    for value, colour in colours.items():
        axis.scatter([], [], s=30, color=colour, label=str(value))
    middles = np.array([np.median(points[labels == value], axis=0) for value in colours])
    places = _apart(middles, 0.07 * np.ptp(points, axis=0))
    for (value, colour), (x, y) in zip(colours.items(), places, strict=True):
        axis.text(
            x, y, str(value), fontsize=SMALL, color="white", weight="bold", ha="center",
            va="center", bbox={"boxstyle": "circle,pad=0.2", "color": colour},
        )  # fmt: skip
    if len(values) > len(named):
        axis.scatter([], [], s=30, color=OTHER_COLOUR, label=f"{len(values) - len(named)} others")
    style_legend(axis, loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1, borderpad=0)


def _apart(places: Points, least: Points) -> Points:
    """Move the names of classes until none hides another.

    Parameters
    ----------
    places : (n, 2)
    least : (2,)
        Distance between two names, in the units of each axis.
    """
    scale = np.where(least > 0, least, 1.0)
    moved = places / scale
    for _ in range(50):
        between = moved[:, None] - moved[None]  # (n, n, 2)
        distance = np.sqrt(np.square(between).sum(-1)) + np.eye(len(moved))
        push = np.maximum(0.0, 1.0 - distance) / np.maximum(distance, 1e-9)
        if not push.any():
            break
        moved = moved + 0.5 * (push[:, :, None] * between).sum(axis=1)
    return np.asarray(moved * scale)


Signals = npt.NDArray[Any]
STEPS = 7


def steps_between(
    first: npt.NDArray[Any], last: npt.NDArray[Any], steps: int = STEPS
) -> npt.NDArray[np.int32]:
    """Return symbols in equal steps from one signal's to another's, both ends included.

    Parameters
    ----------
    first, last : (latent_size,) integers
    steps : int
        At least 2.

    Returns
    -------
    (steps, latent_size) int32
        Ready to be decoded.
    """
    share = np.linspace(0.0, 1.0, steps)[:, None]
    return np.asarray(np.rint((1 - share) * first + share * last), dtype=np.int32)


def walk(decoded: Signals, peak: float, low: float | None = None) -> Figure:
    """Draw the signals on a walk through the latent space, the two ends named.

    Parameters
    ----------
    decoded : (steps, *frame_shape)
        What `steps_between` decodes to.
    peak : float
        The range of the data, which grey levels refer to.
    low : float, optional
        The value that pictures show black; by default the lowest of `decoded`.
    """
    if as_picture(decoded[0]) is None:
        return _draw_lines(decoded)
    return _draw_pictures(decoded, value_range(decoded, peak, low))


def _draw_pictures(decoded: Signals, limits: tuple[float, float]) -> Figure:
    figure = new_figure(WIDTH, WIDTH / len(decoded) + 0.2)
    pack_tightly(figure)
    axes = figure.subplots(1, len(decoded), squeeze=False)[0]
    for number, (axis, frame) in enumerate(zip(axes, decoded, strict=True)):
        draw_picture(axis, picture_of(frame), limits)
        axis.set_xlabel(_share(number, len(decoded)), fontsize=TINY, color=INK, labelpad=2)
    return figure


def _draw_lines(decoded: Signals) -> Figure:
    """Stack the signals of a walk, the first on top."""
    figure = new_figure(WIDTH, 0.55 * len(decoded) + 0.5)
    axes = figure.subplots(len(decoded), 1, squeeze=False, sharex=True)[:, 0]
    lines = [as_lines(frame) for frame in decoded]
    shift, numbers = stacking(lines[0]), sample_numbers(decoded[0])
    low = min(float((line - shift).min()) for line in lines)
    high = max(float((line - shift).max()) for line in lines)
    margin = 0.05 * ((high - low) or 1.0)
    for number, (axis, line) in enumerate(zip(axes, lines, strict=True)):
        style_box(axis, ())
        share = number / max(len(decoded) - 1, 1)
        axis.plot(numbers, line - shift, color=_between(share), linewidth=1.1,
                  marker="." if len(line) <= 16 else None)  # fmt: skip
        axis.set_ylim(low - margin, high + margin)
        axis.set_yticks([])
        axis.tick_params(length=0, labelsize=TINY - 1, labelbottom=number == len(decoded) - 1)
        axis.set_ylabel(_share(number, len(decoded)), fontsize=TINY, color=INK, rotation=0,
                        ha="right", va="center")  # fmt: skip
    value_ticks(axes[-1], lines[-1], shift)
    axes[-1].set_xlabel("sample", fontsize=SMALL, color=INK)
    return figure


def _share(number: int, steps: int) -> str:
    if number in (0, steps - 1):
        return "start" if number == 0 else "end"
    return f"{number / (steps - 1):.0%}"


def _between(share: float) -> tuple[float, float, float]:
    ends = (tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)) for colour in (BLUE, ORANGE))
    first, last = ends
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(first, last, strict=True))
    return red, green, blue


COLUMNS = 8
SIGNED_MAP = "RdBu_r"


def paintings(painted: npt.NDArray[Any]) -> Figure:
    """Draw differences of pictures, each on a scale of its own: red adds, blue takes away.

    Parameters
    ----------
    painted : (n, *frame_shape)
        Signed; of a kind that is drawn as pictures. Colours are averaged.
    """
    rows = math.ceil(len(painted) / COLUMNS)
    tile = WIDTH / COLUMNS * shown_aspect(picture_of(painted[0]))
    figure = new_figure(WIDTH, rows * (tile + 0.04))
    pack_tightly(figure)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes[len(painted) :]:
        axis.set_visible(False)
    for axis, frame in zip(axes, painted, strict=False):
        picture = in_grey(frame)
        most = float(np.abs(picture).max()) or 1.0
        draw_picture(axis, picture, (-most, most), SIGNED_MAP)
    return figure
