"""Linear layers and convolutions, which have weights and a bias, to integer layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from narrows.codec.networks.layers import Affine, Conv, Dense, TransposedConv
from narrows.errors import SettingError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
AFFINE = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)
"""The modules that have weights."""


def integer_weights(module: Any, step: float) -> npt.NDArray[np.int16]:
    """Return the weights in steps, with inputs and outputs as the last axes."""
    weight = np.round(module.weight.detach().double().numpy() / step).astype(np.int16)
    if isinstance(module, nn.Linear):
        weight = weight.T  # (n_inputs, n_outputs)
    elif isinstance(module, CONVOLUTIONS):
        weight = np.moveaxis(weight, (1, 0), (-2, -1))  # (*kernel, n_inputs, n_outputs)
    else:
        weight = np.moveaxis(weight, (0, 1), (-2, -1))  # (*kernel, n_inputs, n_outputs)
    return np.ascontiguousarray(weight)


def affine_layer(
    module: Any,
    step: float,
    bias: npt.NDArray[np.int64],
    shift: int,
    limit: int | None,
    output_sizes: tuple[int, ...],
) -> Affine:
    """Return the integer layer of a module with weights.

    Parameters
    ----------
    module : nn.Linear, nn.ConvNd or nn.ConvTransposeNd
    step : float
        The rounding step of its weights.
    bias : (n_outputs,) int64
    shift, limit
        See the layers.
    output_sizes : tuple of int
        The spatial sizes of the output, for a convolution.

    Raises
    ------
    SettingError
        For a convolution with groups, dilation, or padding of another kind than zeros.
    """
    weight = integer_weights(module, step)
    if isinstance(module, nn.Linear):
        return Dense(weight, bias, shift, limit)
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not plain or isinstance(module.padding, str):
        raise SettingError(
            f"cannot freeze {module!r}; convolutions are frozen without groups and dilation, "
            "with padding given in numbers, of zeros"
        )
    if isinstance(module, CONVOLUTIONS):
        padding = tuple((p, p) for p in module.padding)
        return Conv(weight, bias, shift, limit, tuple(module.stride), padding)
    return TransposedConv(
        weight, bias, shift, limit, tuple(module.stride), tuple(module.padding), output_sizes
    )


def largest_sums(module: Any, step: float) -> list[int]:
    """Return the greatest sums of absolute integer weights in one output.

    For inputs of a product cut into one part, into two, and so on.
    """
    n_outputs = integer_weights(module, step).shape[-1]
    sizes = (1 << 10,) * (module.weight.ndim - 2)
    layer = affine_layer(module, step, np.zeros(n_outputs, np.int64), 0, None, sizes)
    return layer.largest_sums
