"""Windows of a recording, decoded one after the other by compiled code."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.layers import Dense, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.prediction import Prediction
from narrows.codec.prediction.windows import Windows

Floats = npt.NDArray[np.float64]
Arrays = tuple[npt.NDArray[Any], ...]

PAD = 32  # outputs: rows of weights end with a whole vector
MAX_CHANNELS = 256
MAX_SIZE = 1 << 24


def fits(prediction: Prediction) -> bool:
    """Return whether compiled code can hold a prediction: its networks are a matrix each."""
    small = prediction.n_channels <= MAX_CHANNELS and prediction.memory <= MAX_SIZE
    small &= prediction.length * prediction.n_channels <= MAX_SIZE
    return small and all(map(_is_matrix, (prediction.border, prediction.residual)))


def _is_matrix(network: IntegerNetwork) -> bool:
    first, *others = network.layers
    are_shapes = all(isinstance(layer, Reshape) for layer in others)
    return isinstance(first, Dense) and first.limit is None and are_shapes


class CompiledWindows:
    """The decoder of windows of one level of this processor.

    Parameters
    ----------
    prediction : Prediction
        That `fits` accepts.
    native : module
        `narrows.codec._native`.
    level : str
    """

    def __init__(self, prediction: Prediction, native: Any, level: str) -> None:
        self.prediction, self.native, self.level = prediction, native, level

    def model(self, quality: int) -> Arrays:
        """Return what compiled code knows of the prediction at a quality, counted from 1."""
        own = self.prediction
        fields = [own.length, own.n_channels, own.border_length, own.memory]
        fields.append(own.residual.input_shape[0])
        numbers = [own.limit, own.step[quality - 1], own.residual.input_limit]
        return np.array(fields, np.int64), np.array(numbers, np.float64), *self._tensors

    @cached_property
    def _tensors(self) -> Arrays:
        """Weights and biases of both networks, their inputs and outputs channel by channel."""
        own, n = self.prediction, self.prediction.n_channels
        border, bias_of_border = self._matrix(own.border)
        lines = border.reshape(own.border_length, n, -1).swapaxes(0, 1)
        residual, bias = self._matrix(own.residual)
        return np.ascontiguousarray(lines), bias_of_border, residual, bias

    def _matrix(self, network: IntegerNetwork) -> tuple[Floats, Floats]:
        """Return the scaled weights, padded, and the scaled biases of a network."""
        layer = network.layers[0]
        assert isinstance(layer, Dense)
        down = 2.0**-layer.shift
        weight, bias = self.by_channel(layer.weight * down), self.by_channel(layer.bias * down)
        return padded(weight), bias

    def by_channel(self, windows: npt.NDArray[Any]) -> Floats:
        """Return `(..., length * n_channels)` numbers as `(..., n_channels * length)`."""
        own = self.prediction
        each = windows.reshape(*windows.shape[:-1], own.length, own.n_channels).swapaxes(-1, -2)
        return np.ascontiguousarray(each, np.float64).reshape(windows.shape)

    def rebuild(self, windows: Windows, base: npt.NDArray[Any], quality: int) -> Floats:
        """Return the `(n, n_channels, length)` values of windows; see `windows.rebuild`.

        ValueError for lags that reach before the first window, which no block has.
        """
        n, own = len(windows.modes), self.prediction
        out = np.empty((n, own.n_channels, own.length))
        given = (
            np.ascontiguousarray(windows.modes, np.int32),
            np.ascontiguousarray(windows.lags, np.int64),
            np.ascontiguousarray(windows.gains, np.int64),
            np.ascontiguousarray(windows.residuals, np.int32),
            np.ascontiguousarray(base.swapaxes(1, 2), np.float64),
        )
        self.native.rebuild_windows(self.level, self.model(quality), (*given, out))
        return out


def padded(rows: Floats) -> Floats:
    """Return `(n, outputs)` weights with zeros behind, so that rows end with a whole PAD."""
    return np.pad(rows, [(0, 0), (0, -rows.shape[1] % PAD)])
