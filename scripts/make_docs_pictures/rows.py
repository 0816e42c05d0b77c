"""Rows of digits: a row a codec, with its bytes and PSNR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from narrows.evaluation.plots.figure import INK, SMALL, new_figure

TILE, GAP, LABEL = 0.56, 0.04, 1.75  # inches: at 200 pixels an inch, 4 pixels for each of 28
SHOWN = 10  # images in a row


@dataclass(frozen=True)
class Row:
    """One row: a name, a note below it, and frames `(n, height, width)`."""

    name: str
    note: str
    frames: npt.NDArray[np.generic]


def original(frames: npt.NDArray[np.generic]) -> Row:
    """Return the first row: the images as they are."""
    return Row("original", "784 bytes", frames)


def draw_rows(
    rows: Sequence[Row],
    titles: Sequence[str] = (),
    label: float = LABEL,
    cmap: str | Colormap = "gray",
    limits: tuple[float, float] = (0.0, 255.0),
) -> Figure:
    """Draw rows of pictures, labelled at the left, with titles above the columns."""
    columns, above = len(rows[0].frames), 0.2 * bool(titles)
    width = label + columns * (TILE + GAP) - GAP
    height = above + len(rows) * (TILE + GAP) - GAP
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # places are exact, so that pixels stay square
    for number, row in enumerate(rows):
        bottom = height - above - (number + 1) * TILE - number * GAP
        middle = (bottom + TILE / 2) / height
        figure.text(0, middle + 0.02 / height, row.name, fontsize=SMALL, color="black",
                    weight="bold", va="bottom")  # fmt: skip
        figure.text(0, middle - 0.04 / height, row.note, fontsize=SMALL - 1, color=INK, va="top")
        for column, frame in enumerate(row.frames):
            left = label + column * (TILE + GAP)
            place = (left / width, bottom / height, TILE / width, TILE / height)
            axis = figure.add_axes(place)
            axis.imshow(frame, cmap=cmap, clim=limits, interpolation="none")
            axis.set_axis_off()
            if titles and number == 0:
                axis.set_title(titles[column], fontsize=SMALL - 1, color=INK, pad=4)
    return figure
