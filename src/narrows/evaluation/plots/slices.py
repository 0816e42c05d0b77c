"""Slices of arrays: the original, what came back, and the error on a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.fidelity import errors
from narrows.evaluation.plots.figure import (
    BLUE,
    ERROR_MAP,
    INK,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
    pack_tightly,
)
from narrows.evaluation.plots.frames import draw_error, draw_lines, draw_picture, shown_aspect
from narrows.words import quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
MAX_ARRAYS = 3
"""Of several, that are shown besides the one with the largest error."""
NEAR = {1: 128, 2: 32}
"""Elements to each side of the largest error that are enlarged, of arrays of so many axes."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Part of an array, of two axes or one, and what came back of it."""

    name: str
    original: Array
    decoded: Array


def slices_of(
    originals: Sequence[Array], decoded: Sequence[Array], names: Sequence[str]
) -> list[Slice]:
    """Choose what to show of arrays: of several some, and that of the largest error; of one more.

    Parameters
    ----------
    originals, decoded : sequences of arrays
    names : sequence of str
    """
    largest = [float(np.abs(errors(*pair)).max()) for pair in zip(originals, decoded, strict=True)]
    worst = int(np.argmax(largest))
    if len(originals) == 1:
        return _of_one(originals[0], decoded[0])
    some = np.linspace(0, len(originals) - 1, min(MAX_ARRAYS, len(originals))).astype(int)
    shown = [_flat(names[i], originals[i], decoded[i]) for i in dict.fromkeys(some.tolist())]
    (last, *_) = reversed(_of_one(originals[worst], decoded[worst]))
    return [*shown, Slice(f"{names[worst]}, {last.name}", last.original, last.decoded)]


def _of_one(original: Array, decoded: Array) -> list[Slice]:
    """Return the middle of an array, a cut across its first axis, and where it comes back worst."""
    error = np.abs(errors(original, decoded))
    place = np.unravel_index(int(error.argmax()), error.shape)
    if original.ndim <= 2:
        far = NEAR[original.ndim]
        ends = zip(place, original.shape, strict=True)
        starts = [max(0, min(int(at), size - far) - far) for at, size in ends]
        near = tuple(slice(start, start + 2 * far) for start in starts)
        name = f"from [{', '.join(map(str, starts))}] on, around the largest error"
        return [Slice("all of it", original, decoded), Slice(name, original[near], decoded[near])]
    first = int(place[0])
    across = (slice(None), original.shape[1] // 2)
    return [
        _flat("", original, decoded),
        _flat(f"slice [:, {across[1]}]", original[across], decoded[across]),
        _flat(f"slice [{first}], with the largest error", original[first], decoded[first]),
    ]


def _flat(name: str, original: Array, decoded: Array) -> Slice:
    """Return the middle slice of what has more than two axes."""
    places = []
    while original.ndim > 2:
        places.append(original.shape[0] // 2)
        original, decoded = original[places[-1]], decoded[places[-1]]
    told = f"slice [{', '.join(map(str, places))}]" if places else ""
    return Slice(", ".join(word for word in (name, told) if word), original, decoded)


def slices(shown: Sequence[Slice]) -> Figure:
    """Draw slices one below the other: original, decoded and absolute error, or lines.

    Each has its own range of grey; the errors of all have one scale, which ends at the largest.
    """
    error = [np.abs(errors(each.original, each.decoded)) for each in shown]
    most = max(float(each.max(initial=0.0)) for each in error) or 1.0
    if shown[0].original.ndim < 2:
        return _lines(shown, error, most)
    side = (WIDTH - 0.1) / 3
    heights = [shown_aspect(each.original) * side for each in shown]
    figure = new_figure(WIDTH, sum(heights) + 0.22 * len(shown) + 0.55)
    pack_tightly(figure)
    axes = figure.subplots(len(shown), 3, squeeze=False, height_ratios=heights)
    for row, each, off in zip(axes, shown, error, strict=True):
        limits = _limits(each.original)
        draw_picture(row[0], each.original, limits)
        draw_picture(row[1], each.decoded, limits)
        drawn = draw_picture(row[2], off, (0.0, most), ERROR_MAP)
        for axis, what in zip(row, ("original", "decoded", "error"), strict=True):
            title = f"{each.name}\n{what}" if axis is row[0] else f"\n{what}"
            axis.set_title(title, fontsize=TINY, color=INK, pad=2, loc="left")
    bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.6, aspect=40, pad=0.01)
    bar.set_label(f"absolute error, up to {quantity(most, 3)}", fontsize=TINY, color=INK)
    bar.ax.tick_params(labelsize=TINY, colors=INK, width=0.5, length=2)
    bar.ax.xaxis.set_major_formatter("{x:g}")
    bar.outline.set_visible(False)
    return figure


def _limits(original: Array) -> tuple[float, float]:
    finite = original[np.isfinite(original)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def _lines(shown: Sequence[Slice], error: list[Array], most: float) -> Figure:
    figure = new_figure(WIDTH, 1.7 * len(shown) + 0.2)
    axes = figure.subplots(2 * len(shown), 1, height_ratios=[3, 1] * len(shown))
    for number, (each, off) in enumerate(zip(shown, error, strict=True)):
        above, below = axes[2 * number : 2 * number + 2]
        draw_lines(above, each.original, each.decoded, BLUE)
        draw_error(below, off, most)
        above.set_title(each.name, fontsize=SMALL - 1, color=INK, loc="left", pad=3)
        above.tick_params(labelbottom=False, labelsize=TINY - 0.5)
        below.tick_params(labelsize=TINY - 0.5)
        below.set_ylabel("error", fontsize=TINY, color=INK)
    return figure
