"""A walk through the latent space, from one signal to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.plots.figure import (
    BLUE,
    INK,
    ORANGE,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
    pack_tightly,
    style_box,
)
from narrows.evaluation.plots.frames import (
    as_lines,
    as_picture,
    draw_picture,
    picture_of,
    sample_numbers,
    stacking,
    value_range,
    value_ticks,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
