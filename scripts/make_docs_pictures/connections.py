"""How the layers of 784-32-784 connect: lines, weights as pictures, and sums of pictures."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from narrows.codec.networks.network import IntegerNetwork
from narrows.evaluation.plots.figure import BLUE, INK, ORANGE, SMALL, new_figure
from scripts.make_docs_pictures.models import codec, images
from scripts.make_docs_pictures.rows import Row, draw_rows

Floats = npt.NDArray[np.float64]
SIGNS = LinearSegmentedColormap.from_list("signs", [ORANGE, "white", BLUE])
"""Negative weights orange, positive ones blue."""
SIDE, DIGIT = 28, 0  # pixels; which test image is drawn
MIDDLE = slice(10, 22)  # latents whose lines stay clear of the pictures below
ACROSS, UP = 0.55, 0.3  # the slant of a picture that is seen from the side


def weights(network: IntegerNetwork) -> Floats:
    """Return the dense layer's weights `(n_inputs, n_outputs)`, the largest being 1."""
    (dense,) = (layer for layer in network.layers if layer.kind == "dense")
    weight = np.asarray(dense.weight, dtype=np.float64)  # type: ignore[attr-defined]
    return weight / np.abs(weight).max()


def pixel_places(left: float, bottom: float) -> tuple[Floats, Floats]:
    """Return x and y of the corners `(29, 29)` of a slanted picture's pixels, of height 1."""
    down, right = np.mgrid[0:1:29j, 0:1:29j]
    return left + ACROSS * right, bottom + (1 - down) + UP * right


def draw_plane(axis: Axes, frame: npt.NDArray[np.generic], left: float) -> Floats:
    """Draw a picture from the side; return the middles of its pixels `(784, 2)`."""
    x, y = pixel_places(left, -0.5 - UP / 2)
    axis.pcolormesh(x, y, frame, cmap="gray", vmin=0, vmax=255, rasterized=True)
    middles = [(each[1:, 1:] + each[:-1, :-1]) / 2 for each in (x, y)]
    return np.stack([each.ravel() for each in middles], axis=1)


def draw_lines(axis: Axes, ends: Floats, at: tuple[float, float], weight: Floats) -> None:
    """Draw a line from each pixel to a latent: its colour the sign, its strength the size."""
    strength = np.abs(weight) / np.abs(weight).max()
    colours = [
        (*to_rgb(BLUE if w > 0 else ORANGE), 0.03 + 0.6 * s)
        for w, s in zip(weight, strength, strict=True)
    ]
    order = np.argsort(strength)
    lines = [(ends[i], at) for i in order]
    axis.add_collection(
        LineCollection(lines, colors=[colours[i] for i in order], linewidths=0.4, rasterized=True)
    )


def strongest_latent(symbols: npt.NDArray[np.int32], columns: Floats) -> int:
    """Return the number of the latent in MIDDLE that draws most.

    From symbols `(32,)` and columns `(32, 784)`.
    """
    drawn = np.abs(symbols) * np.linalg.norm(columns, axis=1)
    return MIDDLE.start + int(drawn[MIDDLE].argmax())


def draw_layers() -> Figure:
    """Draw one latent of dense-32 with its lines to all pixels, and its weights as pictures."""
    model = codec("dense-32")
    image = images("test")[DIGIT : DIGIT + 1]
    symbols = model.encode(image, effort=0)
    assert model.model.encoder is not None
    into, out = weights(model.model.encoder), weights(model.model.decoder)  # (784, 32), (32, 784)
    chosen = strongest_latent(symbols[0], out)
    figure = new_figure(7.7, 4.3)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(-0.1, 4.2), ylim=(-1.27, 1.13))
    axis.set_aspect("equal")
    axis.set_axis_off()
    heights = np.linspace(0.95, -0.95, 32)
    at = (2.05, heights[chosen])
    left = draw_plane(axis, image[0], 0.0)
    right = draw_plane(axis, model.decode(symbols)[0], 3.55)
    draw_lines(axis, left, at, into[:, chosen])
    draw_lines(axis, right, at, out[chosen])
    draw_latents(axis, symbols[0], heights, chosen, at[0])
    for x, weight in ((1.08, into[:, chosen]), (2.65, out[chosen])):
        draw_weights(axis, weight, x)
    write_captions(axis, chosen + 1)
    return figure


def draw_latents(axis: Axes, symbols: npt.NDArray[np.int32], heights: Floats, chosen: int,
                 x: float) -> None:  # fmt: skip
    """Draw the 32 latents as circles, filled as much as they are large."""
    share = symbols / symbols.max()
    for number, height in enumerate(heights):
        edge = ORANGE if number == chosen else INK
        width = 2.0 if number == chosen else 0.6
        axis.plot(x, height, "o", markersize=6, color=(1 - share[number],) * 3,
                  markeredgecolor=edge, markeredgewidth=width, zorder=3)  # fmt: skip


def draw_weights(axis: Axes, weight: Floats, left: float) -> None:
    """Draw the 784 weights of one latent as a picture."""
    inset = axis.inset_axes((left, -1.12, 0.48, 0.48), transform=axis.transData)
    most = np.abs(weight).max()
    inset.imshow(weight.reshape(SIDE, SIDE), cmap=SIGNS, vmin=-most, vmax=most,
                 interpolation="none")  # fmt: skip
    inset.set(xticks=[], yticks=[])
    for spine in inset.spines.values():
        spine.set(color=INK, linewidth=0.4)


def write_captions(axis: Axes, number: int) -> None:
    """Name the parts."""
    style = {"fontsize": SMALL, "color": INK, "ha": "center", "va": "center"}
    for x, text in ((0.28, "784 pixels"), (2.05, "32 latents"), (3.83, "784 pixels")):
        axis.text(x, 1.06, text, **{**style, "color": "black", "weight": "bold"})
    axis.text(1.15, 1.06, "encoder", **style)
    axis.text(2.95, 1.06, "decoder", **style)
    axis.text(1.32, -1.2, f"weights that make latent {number}", **style)
    axis.text(2.89, -1.2, f"weights that latent {number} draws with", **style)
    for y, text, colour in ((-0.2, "positive weight", BLUE), (-0.32, "negative weight", ORANGE)):
        axis.text(0, y - 0.7, text, **{**style, "color": colour, "ha": "left"})


def draw_columns() -> Figure:
    """Draw the decoder's 32 columns as pictures."""
    columns = weights(codec("dense-32").model.decoder).reshape(4, 8, SIDE, SIDE)
    columns /= np.abs(columns).max(axis=(2, 3), keepdims=True)
    rows = [Row("", "", pictures) for pictures in columns]
    return draw_rows(rows, label=0, cmap=SIGNS, limits=(-1.0, 1.0))


def draw_sum() -> Figure:
    """Draw two digits from more and more of their latents, the strongest first."""
    model = codec("dense-32")
    x = images("test")[[0, 9]]
    columns = weights(model.model.decoder)
    counts = (0, 1, 2, 4, 8, 16, 32)
    rows = []
    for image, symbols in zip(x, model.encode(x, effort=0), strict=True):
        order = np.argsort(-np.abs(symbols) * np.linalg.norm(columns, axis=1))
        partial = np.zeros((len(counts), symbols.size), np.int32)
        for line, count in enumerate(counts):
            partial[line, order[:count]] = symbols[order[:count]]
        rows.append(Row("", "", np.concatenate([model.decode(partial), image[None]])))
    titles = ["none", "1 latent", *(str(count) for count in counts[2:-1]), "all 32", "original"]
    return draw_rows(rows, titles, label=0)
