"""Pictures, with matplotlib (extra `report`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ERROR_MAP = "magma"


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of `width` by `height` inches, without a window or global state.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "drawing", "report") from None
    return Figure(figsize=(width, height), layout="constrained")


def gallery(
    original: npt.NDArray[Any], decoded: npt.NDArray[Any], peak: float, title: str
) -> Figure:
    """Draw original, reconstruction and absolute error of a few signals, one a column.

    Parameters
    ----------
    original, decoded : (n, *frame_shape)
        Frames of one dimension are drawn as lines, others as pictures.
    peak : float
        The range of the data, which grey levels and errors refer to.
    title : str
    """
    n = len(original)
    figure = new_figure(1.1 * n + 1.0, 4.0)
    axes = figure.subplots(3, n, squeeze=False)
    error = np.abs(original.astype(np.float64) - decoded.astype(np.float64))
    low = float(original.min())
    rows = (("original", original), ("reconstruction", decoded), ("absolute error", error))
    for row, (name, frames) in zip(axes, rows, strict=True):
        for axis, frame in zip(row, frames, strict=True):
            if name == "absolute error":
                drawn = _draw(axis, frame, 0.0, peak / 2, ERROR_MAP)
            else:
                _draw(axis, frame, low, low + peak, "gray")
        row[0].set_ylabel(name, fontsize=9)
    for axis, errors in zip(axes[2], error, strict=True):
        mse = float(np.square(errors / peak).mean())
        text = f"{10 * np.log10(1 / mse):.1f} dB" if mse > 0 else "exact"
        axis.set_xlabel(text, fontsize=8)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes[2], shrink=0.8, label="error").ax.tick_params(labelsize=7)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw(axis: Axes, frame: npt.NDArray[Any], low: float, high: float, cmap: str) -> Any:
    """Draw one frame; give the picture where it is one, for a colour bar."""
    axis.set_xticks([])
    axis.set_yticks([])
    picture = as_picture(frame)
    if picture is not None:
        return axis.imshow(picture, vmin=low, vmax=high, cmap=cmap, interpolation="nearest")
    lines = frame.reshape(len(frame), -1) if frame.ndim else frame.reshape(1, 1)
    axis.plot(lines, linewidth=0.8)
    axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    return None


def as_picture(frame: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Give a frame as a `(height, width)` picture; None where lines show it better.

    Frames of one dimension, or of a few channels beside a long axis, are signals over time.
    """
    while frame.ndim > 2:
        frame = frame[frame.shape[0] // 2]  # the middle slice of a volume
    if frame.ndim == 2 and min(frame.shape) >= 4:
        return frame
    return None


def write_png(figure: Figure, stream: BinaryIO, dpi: int = 150) -> None:
    """Write a figure as a PNG."""
    figure.savefig(stream, format="png", dpi=dpi)
