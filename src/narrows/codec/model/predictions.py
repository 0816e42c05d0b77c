"""Whether what predicts signals fits a model."""

from __future__ import annotations

from narrows.codec.model.content import Parts
from narrows.errors import FormatError


def check_predictions(model: Parts) -> None:
    """Raise FormatError unless what predicts windows, or codes arrays, is of the model's own."""
    windows, wavelets, n_qualities = model.prediction, model.wavelets, len(model.quantiser.gain)
    if windows is not None:
        if wavelets is not None:
            raise FormatError("model that has both a prediction of windows and wavelets")
        if windows.residual.output_shape != model.frame_shape or len(windows.step) != n_qualities:
            raise FormatError("prediction of other frames, or for other qualities")
        model.normaliser.check_output(windows.limit)
    if wavelets is not None:
        if (wavelets.n_axes, len(wavelets.step)) != (len(model.frame_shape), n_qualities):
            raise FormatError("wavelets along other axes, or for other qualities")
        model.normaliser.check_output(wavelets.limit)
