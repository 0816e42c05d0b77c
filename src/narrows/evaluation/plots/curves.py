"""Training, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from narrows.errors import DataError
from narrows.evaluation.plots.figure import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    SMALL,
    WIDTH,
    new_figure,
    plain_log_ticks,
    style_chart,
    style_legend,
    whole_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_curves(history: Sequence[Any], best_epoch: int | None = None) -> Figure:
    """Draw loss and validation loss, and the validation PSNR below, against the epoch.

    Parameters
    ----------
    history : sequence of EpochRecord, or of mappings with its fields
        `bytes_per_signal` and `lambda_` may be None, of a model trained without a rate, and `psnr`
        of an epoch whose validation signals come back exactly: it is left out.
    best_epoch : int, optional
        The epoch whose weights were kept; by default that of the lowest validation loss.

    Raises
    ------
    DataError
        If the history is empty, as that of a model solved in closed form is.
    """
    if not history:
        raise DataError("no epochs to draw: a model solved in closed form has no training curve")
    epochs, loss, val_loss, psnr = (
        [_field(record, name) for record in history]
        for name in ("epoch", "loss", "val_loss", "psnr")
    )
    psnr = [math.nan if value is None else value for value in psnr]
    best = best_epoch or epochs[_lowest(val_loss)]
    figure = new_figure(WIDTH, 3.8)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 3])
    marker = "." if len(epochs) <= 30 else None
    above.plot(epochs, loss, color=BLUE, marker=marker, label="training loss")
    above.plot(epochs, val_loss, color=ORANGE, marker=marker, label="validation loss")
    below.plot(epochs, psnr, color=GREEN, marker=marker)
    in_bits = _field(history[-1], "lambda_") is not None
    style_chart(above, "", "loss (bits a signal)" if in_bits else "loss")
    style_chart(below, "epoch", "validation PSNR (dB)")
    _scale(above, [*loss, *val_loss])
    whole_ticks(below.xaxis)
    if len(epochs) == 1:
        below.set_xlim(epochs[0] - 1, epochs[0] + 1)
    if best in epochs:
        at = epochs.index(best)
        _mark_best(above, best, val_loss[at], ORANGE)
        _mark_best(below, best, psnr[at], GREEN)
        above.plot([], [], color=INK, linestyle=":", label=f"best: epoch {best}")
    style_legend(above)
    return figure


def _field(record: Any, name: str) -> Any:
    if isinstance(record, Mapping):  # of JSON, whose names are those of the options
        return record.get(name.rstrip("_"))
    return getattr(record, name, None)


def _lowest(values: Sequence[float]) -> int:
    return min(range(len(values)), key=lambda i: (math.isnan(values[i]), values[i]))


def _scale(axis: Axes, values: Sequence[float]) -> None:
    """Take a logarithmic axis where the loss falls to half or less, with plain numbers."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) <= 0 or max(finite) < 2 * min(finite):
        return
    axis.set_yscale("log")
    plain_log_ticks(axis.yaxis, finite)


def _mark_best(axis: Axes, epoch: int, value: float, colour: str) -> None:
    axis.axvline(epoch, color=INK, linestyle=":", linewidth=1.0)
    axis.plot([epoch], [value], marker="o", markersize=SMALL - 3, color=colour)
