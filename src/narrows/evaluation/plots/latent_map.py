"""A map of the latent space: signals as points, near each other where their latents are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.evaluation.plots.figure import (
    BLUE,
    CLASS_COLOURS,
    SMALL,
    WIDTH,
    new_figure,
    style_chart,
    style_legend,
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
