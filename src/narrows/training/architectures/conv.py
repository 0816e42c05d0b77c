"""Convolutional autoencoders for frames of 1 to 3 spatial axes, of any size.

torch has channels before the spatial axes; the exact runtime and frames have them last.
`ToChannels` and `FromChannels` convert between the two, and leave the memory as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.errors import SettingError
from narrows.training.architectures.dense import SLOPE, drawn, drawn_linear, undrawn
from narrows.training.choices import spatial_and_channels

Shape = tuple[int, ...]

MAX_LAST_SIDE = 7  # positions of the longest axis after the last stage
CHANNELS = (16, 48, 96, 128)  # after each stage
HIDDEN = 256  # of the dense layers on either side of the latents
REFINING = 3  # kernel of the convolutions on the narrow side of the first stage
KERNEL_AND_STRIDE = {1: (9, 4), 2: (6, 2), 3: (3, 2)}  # by the number of spatial axes


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


def _squares_as_channels(x: Tensor) -> Tensor:
    """Reshape `(n, c, h, w)` pictures to `(n, 4 c, h / 2, w / 2)`, channels last in memory."""
    n, c, h, w = x.shape
    squares = x.movedim(1, -1).reshape(n, h // 2, 2, w // 2, 2, c).transpose(2, 3)
    return squares.reshape(n, h // 2, w // 2, 4 * c).movedim(-1, 1)


def _channels_as_squares(x: Tensor) -> Tensor:
    """Undo `_squares_as_channels`."""
    n, c, h, w = x.shape
    squares = x.movedim(1, -1).reshape(n, h, w, 2, 2, c // 4).transpose(2, 3)
    return squares.reshape(n, 2 * h, 2 * w, c // 4).movedim(-1, 1)


def _is_halved(layer: Any, shape: Shape) -> bool:
    """Return whether a layer halves pictures of an even size, or doubles them to one."""
    as_planned = (layer.kernel_size, layer.stride, layer.padding) == ((6, 6), (2, 2), (2, 2))
    return as_planned and shape[-1] % 2 == 0 and shape[-2] % 2 == 0


CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: HalvingConv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Any] = {1: nn.ConvTranspose1d, 2: DoublingConv2d, 3: nn.ConvTranspose3d}


@dataclass(frozen=True)
class Stage:
    """A convolution that narrows: sizes and channels on its wide and on its narrow side."""

    wide: Shape
    narrow: Shape
    channels: tuple[int, int]
    kernel: Shape
    stride: Shape

    def narrowing(self, generator: torch.Generator) -> nn.Module:
        """Make the encoder's convolution."""
        kind = CONVOLUTIONS[len(self.wide)]
        module = undrawn(kind, *self.channels, self.kernel, self.stride, self._padding)
        return _drawn(module, module.weight[0].numel(), generator)

    def widening(self, generator: torch.Generator) -> nn.Module:
        """Make the decoder's transposed convolution, to exactly the wide size."""
        reached = [
            (n - 1) * s - 2 * p + k
            for n, s, p, k in zip(self.narrow, self.stride, self._padding, self.kernel, strict=True)
        ]
        missing = tuple(n - r for n, r in zip(self.wide, reached, strict=True))
        kind = TRANSPOSED[len(self.wide)]
        sizes = self.kernel, self.stride, self._padding, missing
        module = undrawn(kind, *self.channels[::-1], *sizes)
        fan_in = self.channels[1] * prod(self.kernel) // prod(self.stride)
        return _drawn(module, fan_in, generator)

    def refining(self, generator: torch.Generator) -> nn.Module:
        """Make a convolution from the narrow side to itself; it begins as the identity."""
        kernel = tuple(REFINING if n > 1 else 1 for n in self.narrow)
        padding = tuple(k // 2 for k in kernel)
        kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(kernel) - 1]
        module = undrawn(kind, *2 * self.channels[1:], kernel, padding=padding)
        drawn(module, generator)
        nn.init.dirac_(module.weight)
        return _ready(module)

    @property
    def _padding(self) -> Shape:
        return tuple((k - 1) // 2 for k in self.kernel)


def conv(
    frame_shape: Shape,
    latent_size: int,
    generator: torch.Generator,
    *,
    sigmoid_output: bool,
    width: float = 1.0,
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build a convolutional autoencoder: strided convolutions, then dense layers to the latents.

    After the first, and before the last of the decoder, is one more, of stride 1.

    Parameters
    ----------
    frame_shape : tuple of int
        A last axis of at most 4 is taken for channels.
    latent_size : int
    generator : torch.Generator
        Draws the weights.
    sigmoid_output : bool
    width : float, default 1
        Times as many channels and hidden units as usual.

    Raises
    ------
    SettingError
        If the frame has no spatial axis to slide over, or more than three.
    """
    *spatial, channels = _checked(frame_shape)
    steps = stages(tuple(spatial), channels, width)
    hidden = round(HIDDEN * width)
    narrow = (*steps[-1].narrow, steps[-1].channels[1])
    linear = partial(drawn_linear, generator)
    encoder = nn.Sequential(
        ToChannels((*spatial, channels)),
        steps[0].narrowing(generator), nn.LeakyReLU(SLOPE),
        steps[0].refining(generator), nn.LeakyReLU(SLOPE),
        *(m for s in steps[1:] for m in (s.narrowing(generator), nn.LeakyReLU(SLOPE))),
        FromChannels((prod(narrow),)),
        linear(prod(narrow), hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, latent_size),  # (n, latent_size)
    )  # fmt: skip
    last = [nn.Sigmoid()] if sigmoid_output else []
    decoder = nn.Sequential(
        linear(latent_size, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, prod(narrow)), nn.LeakyReLU(SLOPE),
        ToChannels(narrow),
        *(m for s in reversed(steps[1:]) for m in (s.widening(generator), nn.LeakyReLU(SLOPE))),
        steps[0].refining(generator), nn.LeakyReLU(SLOPE),
        steps[0].widening(generator), *last,
        FromChannels(frame_shape),
    )  # fmt: skip
    return encoder, decoder


def _checked(frame_shape: Shape) -> Shape:
    """Return a frame's shape as `(*spatial, channels)`, or refuse it."""
    shape = spatial_and_channels(frame_shape)
    if not 1 <= len(shape) - 1 <= 3 or max(shape[:-1], default=1) < 2:
        raise SettingError(
            f"frames of shape {frame_shape} for a conv network, which needs 1 to 3 axes to slide "
            "over, and at most a last one of 1 to 4 channels; take dense"
        )
    return shape


def stages(spatial: Shape, channels: int, width: float = 1.0) -> list[Stage]:
    """Plan the convolutions from `spatial` sizes down to a few positions an axis; at least one."""
    kernel, stride = KERNEL_AND_STRIDE[len(spatial)]
    planned: list[Stage] = []
    while not planned or (max(spatial) > MAX_LAST_SIDE and len(planned) < len(CHANNELS)):
        shrinks = [n > stride for n in spatial]
        strides = tuple(stride if s else 1 for s in shrinks)
        kernels = tuple(kernel if s else 1 for s in shrinks)
        narrow = tuple(
            (n + 2 * ((k - 1) // 2) - k) // s + 1
            for n, k, s in zip(spatial, kernels, strides, strict=True)
        )
        wide_channels = planned[-1].channels[1] if planned else channels
        both = (wide_channels, round(CHANNELS[len(planned)] * width))
        planned.append(Stage(spatial, narrow, both, kernels, strides))
        spatial = narrow
    return planned


@torch.no_grad()
def _drawn(module: Any, fan_in: int, generator: torch.Generator) -> nn.Module:
    """Draw a convolution's weights after He et al. 2015: torch's default is smaller."""
    drawn(module, generator)  # all replaced, but what is drawn next depends on it
    nn.init.normal_(module.weight, std=(2.0 / max(fan_in, 1)) ** 0.5, generator=generator)
    return _ready(module)


@torch.no_grad()
def _ready(module: Any) -> nn.Module:
    """Begin without a bias, and with the channels last in memory."""
    nn.init.zeros_(module.bias)
    if module.weight.ndim == 4:
        module.to(memory_format=torch.channels_last)
    return cast(nn.Module, module)
