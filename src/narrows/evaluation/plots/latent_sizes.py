"""The same signals through models of growing latent size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from narrows.errors import DataError
from narrows.evaluation.metrics import decibels, distortion
from narrows.evaluation.plots.figure import (
    BLUE,
    INK,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
    pack_tightly,
)
from narrows.evaluation.plots.frames import (
    as_picture,
    draw_lines,
    draw_picture,
    picture_of,
    value_range,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Signals = npt.NDArray[Any]
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
        return _draw_lines(original, each, names)
    return _draw_pictures(original, each, names, value_range(original, peak, None))


def _check(original: Signals, decoded: Mapping[int, Signals]) -> None:
    if not decoded:
        raise DataError("no reconstructions to draw; give them by their latent size")
    for size, frames in decoded.items():
        if frames.shape != original.shape:
            raise DataError(
                f"reconstructions of shape {frames.shape} at {size} latents; the originals have "
                f"shape {original.shape}: give the same signals"
            )


def _draw_pictures(
    original: Signals,
    decoded: list[Signals],
    names: list[str],
    limits: tuple[float, float],
) -> Figure:
    columns = min(len(original), MAX_PICTURES)
    first = picture_of(original[0])
    tile = (WIDTH - 0.7) / MAX_PICTURES * min(2.0, max(0.4, first.shape[0] / first.shape[1]))
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


def _draw_lines(original: Signals, decoded: list[Signals], names: list[str]) -> Figure:
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
