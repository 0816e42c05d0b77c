"""What few models have besides: a prediction of windows, wavelets of arrays, coders of levels.

Their code is imported for the models that have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.model.parts import Content, Parts, Tensors
from narrows.codec.networks.layers.contract import above, below
from narrows.errors import FormatError


def write_predictions(model: Parts) -> Content:
    """Describe those that a model has, by name."""
    settings: dict[str, Any] = {}
    tensors: Tensors = {}
    for name, own in (("prediction", model.prediction), ("wavelets", model.wavelets)):
        if own is not None:
            settings[name] = own.settings()
            tensors |= above(f"{name}.", own.tensors())
    if model.levels is not None:
        from narrows.codec.levels.kinds import levels_settings

        settings["levels"] = levels_settings(model.levels)
        tensors |= above("levels.", model.levels.tensors())
    return Content(settings, tensors)


def read_predictions(content: Content) -> dict[str, Any]:
    """Undo `write_predictions`: return those there are by name."""
    settings, tensors = content
    parts: dict[str, Any] = {}
    if "prediction" in settings:
        from narrows.codec.prediction.prediction import Prediction

        own = settings["prediction"], below("prediction.", tensors)
        parts["prediction"] = Prediction.build(*own)
    if "wavelets" in settings:
        from narrows.codec.prediction.wavelets import Wavelets

        parts["wavelets"] = Wavelets.build(settings["wavelets"], below("wavelets.", tensors))
    if "levels" in settings:
        from narrows.codec.levels.kinds import build_levels

        parts["levels"] = build_levels(settings["levels"], below("levels.", tensors))
    return parts


def check_predictions(model: Parts) -> None:
    """Raise FormatError unless they are such as the model's frames and qualities need."""
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
    if model.levels is not None:
        from narrows.codec.levels.kinds import check_levels

        check_levels(model.levels, model.frame_shape, model.normaliser.dtype)


def prediction_answers(model: Parts) -> Iterator[npt.NDArray[np.int64]]:
    """Yield what their arithmetic gives for inputs all over its range."""
    for own in (model.prediction, model.wavelets):
        if own is not None:
            yield from own.answers()
    if model.levels is not None:
        from narrows.codec.levels.kinds import level_answers

        yield from level_answers(model.levels)
