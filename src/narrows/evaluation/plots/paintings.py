"""What each latent paints: the decoder's columns as pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.plots.figure import WIDTH, new_figure, pack_tightly
from narrows.evaluation.plots.frames import draw_picture, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
SIGNED_MAP = "RdBu_r"


def paintings(painted: npt.NDArray[Any]) -> Figure:
    """Draw differences of pictures, each on a scale of its own: red adds, blue takes away.

    Parameters
    ----------
    painted : (n, *frame_shape)
        Signed; of a kind that is drawn as pictures. Colours are averaged.
    """
    first = picture_of(painted[0])
    rows = math.ceil(len(painted) / COLUMNS)
    tile = WIDTH / COLUMNS * min(2.0, max(0.4, first.shape[0] / first.shape[1]))
    figure = new_figure(WIDTH, rows * (tile + 0.04))
    pack_tightly(figure)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes[len(painted) :]:
        axis.set_visible(False)
    for axis, frame in zip(axes, painted, strict=False):
        picture = picture_of(frame)
        picture = picture.mean(axis=-1) if picture.ndim == 3 else picture
        most = float(np.abs(picture).max()) or 1.0
        draw_picture(axis, picture, (-most, most), SIGNED_MAP)
    return figure
