"""A drawing of the networks: wide, narrow, wide."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from narrows.codec.model.model import Model
from narrows.codec.networks.network import IntegerNetwork
from narrows.evaluation.plots.figure import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    SMALL,
    TINY,
    WIDTH,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shape = tuple[int, ...]
UNDRAWN_KINDS = frozenset({"reshape", "leaky_relu", "relu", "table"})
"""Kinds of layers that change no size, or only the arrangement of the same numbers."""
MIN_HEIGHT = 0.06
"""Of a layer, where the tallest has 1."""
MAX_LETTERS = 6
"""Of a name on one line."""


def layer_shapes(network: IntegerNetwork) -> list[Shape]:
    """Return the shapes of a network's input and of the outputs of its layers with weights."""
    network = network.branches[0]
    outputs = [
        shape
        for layer, shape in zip(network.layers, network.shapes, strict=True)
        if layer.kind not in UNDRAWN_KINDS
    ]
    return [network.input_shape, *outputs]


def network(model: Model, bytes_per_signal: float | None = None) -> Figure:
    """Draw the layers of both networks from left to right, each as high as it is wide.

    Heights grow with the number of values, though less than in proportion, so that the narrow
    middle stays visible.

    Parameters
    ----------
    model : Model
        One that only decompresses is drawn from its latents on.
    bytes_per_signal : float, optional
        The size of the latents on disk.
    """
    before = [] if model.encoder is None else layer_shapes(model.encoder)[:-1]
    after = layer_shapes(model.decoder)
    after[-1] = model.frame_shape  # not flattened
    shapes = [*before, *after]
    largest = max(prod(shape) for shape in shapes)
    heights = [max(MIN_HEIGHT, (prod(shape) / largest) ** 0.4) for shape in shapes]
    figure = new_figure(WIDTH, 2.7)
    axis = figure.subplots()
    for x in range(len(shapes) - 1):
        _slab(axis, x, heights, BLUE if x < len(before) else GREEN)
    for x, (shape, height) in enumerate(zip(shapes, heights, strict=True)):
        narrow = x == len(before)
        _bar(axis, x, height, ORANGE if narrow else BLUE if x < len(before) else GREEN)
        _name(axis, x, height, shape)
    raw = f"{prod(model.frame_shape) * model.dtype.itemsize:,} bytes"
    _captions(axis, len(before), len(shapes) - 1, raw, bytes_per_signal)
    axis.set_xlim(-0.55, len(shapes) - 0.45)
    axis.set_ylim(-0.86, 0.84)
    axis.set_axis_off()
    return figure


def _slab(axis: Axes, x: int, heights: list[float], colour: str) -> None:
    """Draw all the weights between two layers as one area."""
    left, right = heights[x] / 2, heights[x + 1] / 2
    axis.fill([x, x + 1, x + 1, x], [left, right, -right, -left], color=colour, alpha=0.22, lw=0)


def _bar(axis: Axes, x: int, height: float, colour: str) -> None:
    axis.plot([x, x], [-height / 2, height / 2], color=colour, linewidth=5,
              solid_capstyle="round")  # fmt: skip


def _name(axis: Axes, x: int, height: float, shape: Shape) -> None:
    """Write the number of values above a layer, or its shape where it has several axes."""
    text = f"{prod(shape):,}"
    if len(shape) > 1:
        text = "×".join(map(str, shape))
    if len(text) > MAX_LETTERS and len(shape) > 2:  # else it would run into its neighbour's
        text = "×".join(map(str, shape[:-1])) + f"\n×{shape[-1]}"
    axis.text(x, height / 2 + 0.06, text, fontsize=TINY, color=INK, ha="center", va="bottom")


def _captions(axis: Axes, narrow: int, last: int, raw: str, bytes_per_signal: float | None) -> None:
    size = "" if bytes_per_signal is None else f"\n{bytes_per_signal:.2f} bytes"
    below: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": SMALL - 1}
    axis.text(narrow, -0.58, f"latents{size}", color=ORANGE, weight="bold", **below)
    if narrow:
        axis.text(0, -0.58, f"signal\n{raw}", color=INK, **below)
        axis.text(narrow / 2, -0.58, "encoder", color=BLUE, **below)
    axis.text((narrow + last) / 2, -0.58, "decoder", color=GREEN, **below)
    axis.text(last, -0.58, f"signal'\n{raw}", color=INK, **below)
