"""Linear layers and convolutions, which have weights and a bias, to integer layers and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from narrows.codec.networks.layers import Affine, Conv, Dense, TransposedConv
from narrows.errors import SettingError
from narrows.training.architectures import convolution, transposed_convolution, undrawn

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


def float_weights(layer: Affine) -> npt.NDArray[np.float64]:
    """Return an integer layer's weights, in steps, as torch has them: undo the above."""
    weight = layer.weight.astype(np.float64)
    if isinstance(layer, Dense):
        return np.ascontiguousarray(weight.T)
    axes = (0, 1) if isinstance(layer, TransposedConv) else (1, 0)
    return np.ascontiguousarray(np.moveaxis(weight, (-2, -1), axes))


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


@torch.no_grad()
def affine_module(layer: Affine, step: float, unit: float, sizes: tuple[int, ...]) -> Any:
    """Return the module whose outputs are an integer layer's, but for rounding: undo the above.

    Parameters
    ----------
    layer : Affine
    step : float
        The value of 1 among its weights.
    unit : float
        The value of 1 at its input.
    sizes : tuple of int
        The spatial sizes of the input, for a convolution.

    Raises
    ------
    SettingError
        For a convolution that torch has no counterpart of.
    """
    module = _undrawn_module(layer, sizes)
    half = 1 << layer.shift >> 1  # by which `floor` rounds
    module.weight.copy_(torch.from_numpy(float_weights(layer) * step))
    module.bias.copy_(torch.from_numpy((layer.bias - half) * (unit * step)))
    if module.weight.ndim == 4:
        module.to(memory_format=torch.channels_last)
    return module


def _undrawn_module(layer: Affine, sizes: tuple[int, ...]) -> Any:
    """Make the module of a layer, its weights yet to be set."""
    inputs, outputs = layer.weight.shape[-2:]
    if isinstance(layer, Conv):
        if any(before != after for before, after in layer.padding):
            raise SettingError(f"a convolution with padding {layer.padding}, unlike at both ends")
        padding = tuple(before for before, _ in layer.padding)
        return convolution(inputs, outputs, layer.kernel, layer.stride, padding, sizes)
    if isinstance(layer, TransposedConv):
        each = zip(sizes, layer.stride, layer.before, layer.kernel, layer.size, strict=True)
        missing = tuple(size - ((n - 1) * s - 2 * p + k) for n, s, p, k, size in each)
        if any(not 0 <= m < s for m, s in zip(missing, layer.stride, strict=True)):
            raise SettingError(f"a transposed convolution of {sizes} positions to {layer.size}")
        own = layer.kernel, layer.stride, layer.before, missing
        return transposed_convolution(inputs, outputs, *own)
    return undrawn(nn.Linear, inputs, outputs)


def largest_sums(module: Any, step: float) -> list[int]:
    """Return the greatest sums of absolute integer weights in one output.

    For inputs of a product cut into one part, into two, and so on.
    """
    n_outputs = integer_weights(module, step).shape[-1]
    sizes = (1 << 10,) * (module.weight.ndim - 2)
    layer = affine_layer(module, step, np.zeros(n_outputs, np.int64), 0, None, sizes)
    return layer.largest_sums
