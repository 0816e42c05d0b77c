"""The layers between pictures and channels that torch lacks, or computes more slowly.

torch has channels before the spatial axes; the exact runtime and frames have them last.
`ToChannels` and `FromChannels` convert between the two, and leave the memory as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.training.architectures.dense import undrawn

Shape = tuple[int, ...]

FEW = 4  # channels: runs of so few numbers are copied faster by whole rows of a picture


class ToChannels(nn.Module):
    """Reshape `(n, ...)` frames to `(n, channels, *spatial)`.

    Parameters
    ----------
    shape : tuple of int
        `(*spatial, channels)`, as the runtime has it.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.reshape(len(x), *self.shape).movedim(-1, 1)


class FromChannels(nn.Module):
    """Reshape `(n, channels, *spatial)` to frames `(n, *shape)`, the channels last.

    Parameters
    ----------
    shape : tuple of int
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.movedim(1, -1).reshape(len(x), *self.shape)


class HalvingConv2d(nn.Conv2d):
    """A convolution of kernel 6, stride 2 and padding 2, trained as one of kernel 3 and stride 1.

    Pictures of even size become half as large, with each square of 2 x 2 positions as channels.
    Where channels are few, this takes a third of the time.
    """

    def forward(self, input: Tensor) -> Tensor:
        """See the class; pictures of odd size go the usual way."""
        if not _is_halved(self, input.shape):
            return super().forward(input)
        n_outputs, n_inputs = self.weight.shape[:2]
        squares = self.weight.reshape(n_outputs, n_inputs, 3, 2, 3, 2).permute(0, 2, 4, 3, 5, 1)
        weight = squares.reshape(n_outputs, 3, 3, 4 * n_inputs).movedim(-1, 1)
        return functional.conv2d(_squares_as_channels(input), weight, self.bias, padding=1)


class DoublingConv2d(nn.ConvTranspose2d):
    """The counterpart of HalvingConv2d, to twice the size."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """See the class."""
        n_inputs, n_outputs = self.weight.shape[:2]
        doubled = (n_inputs, n_outputs, 2 * input.shape[2], 2 * input.shape[3])
        if self.output_padding != (0, 0) or not _is_halved(self, doubled):
            return super().forward(input, output_size)
        assert self.bias is not None
        squares = self.weight.reshape(n_inputs, n_outputs, 3, 2, 3, 2).flip(2, 4)
        weight = squares.permute(3, 5, 1, 2, 4, 0).reshape(4 * n_outputs, 3, 3, n_inputs)
        bias = self.bias.repeat(4)
        return _channels_as_squares(
            functional.conv2d(input, weight.movedim(-1, 1), bias, padding=1)
        )


class GatheringConv2d(nn.Conv2d):
    """A convolution whose kernel is its stride, 2: each square of 2 x 2 becomes a position.

    Nothing overlaps, so it is one product.
    """

    def forward(self, input: Tensor) -> Tensor:
        """See the class."""
        assert self.bias is not None
        n_outputs, n_inputs = self.weight.shape[:2]
        n, _, h, w = input.shape
        weight = self.weight.permute(2, 3, 1, 0).reshape(4 * n_inputs, n_outputs)
        rows = _squares_as_channels(input).movedim(1, -1).reshape(-1, 4 * n_inputs)
        found = torch.addmm(self.bias, rows, weight)
        return found.reshape(n, h // 2, w // 2, n_outputs).movedim(-1, 1)


class SpreadingConv2d(nn.ConvTranspose2d):
    """The counterpart of GatheringConv2d: each position becomes a square of 2 x 2."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """See the class."""
        assert self.bias is not None
        n_inputs, n_outputs = self.weight.shape[:2]
        weight = self.weight.permute(0, 2, 3, 1).reshape(n_inputs, 4 * n_outputs)
        n, _, h, w = input.shape
        rows = input.movedim(1, -1).reshape(-1, n_inputs)
        found = torch.addmm(self.bias.repeat(4), rows, weight)
        return _channels_as_squares(found.reshape(n, h, w, -1).movedim(-1, 1))


def _squares_as_channels(x: Tensor) -> Tensor:
    """Reshape `(n, c, h, w)` pictures to `(n, 4 c, h / 2, w / 2)`, channels last in memory."""
    n, c, h, w = x.shape
    rows = x.movedim(1, -1).reshape(n, h // 2, 2, w // 2, 2 * c)
    squares = torch.cat(rows.unbind(2), -1) if c <= FEW else rows.transpose(2, 3)
    return squares.reshape(n, h // 2, w // 2, 4 * c).movedim(-1, 1)


def _channels_as_squares(x: Tensor) -> Tensor:
    """Undo `_squares_as_channels`."""
    n, c, h, w = x.shape
    rows = x.movedim(1, -1).reshape(n, h, w, 2, c // 2)
    squares = torch.stack(rows.unbind(3), 2) if c <= 4 * FEW else rows.transpose(2, 3)
    return squares.reshape(n, 2 * h, 2 * w, c // 4).movedim(-1, 1)


def _is_halved(layer: Any, shape: Shape) -> bool:
    """Return whether a layer halves pictures of an even size, or doubles them to one."""
    as_planned = (layer.kernel_size, layer.stride, layer.padding) == ((6, 6), (2, 2), (2, 2))
    return as_planned and shape[-1] % 2 == 0 and shape[-2] % 2 == 0


CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: HalvingConv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Any] = {1: nn.ConvTranspose1d, 2: DoublingConv2d, 3: nn.ConvTranspose3d}
"""By the number of spatial axes."""


def convolution(
    n_inputs: int, n_outputs: int, kernel: Shape, stride: Shape, padding: Shape, sizes: Shape
) -> Any:
    """Make the convolution that computes the fastest, its weights yet to be set.

    `sizes` are the spatial ones of the input.
    """
    gathers = kernel == stride == (2, 2) and padding == (0, 0) and not any(n % 2 for n in sizes)
    kind: Any = GatheringConv2d if gathers else CONVOLUTIONS[len(kernel)]
    return undrawn(kind, n_inputs, n_outputs, kernel, stride, padding)


def transposed_convolution(
    n_inputs: int,
    n_outputs: int,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    missing: Shape,
) -> Any:
    """Make its counterpart; `missing` are positions at the end that no input would reach."""
    spreads = kernel == stride == (2, 2) and {*padding, *missing} == {0}
    kind: Any = SpreadingConv2d if spreads else TRANSPOSED[len(kernel)]
    return undrawn(kind, n_inputs, n_outputs, kernel, stride, padding, missing)
