"""Convolutional autoencoders for frames of 1 to 3 spatial axes, of any size.

The encoder is the sender's alone; the decoder is what every receiver keeps and computes, so it may
be smaller than the encoder: see `DECODERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, cast

import torch
from torch import nn

from narrows.errors import SettingError
from narrows.training.architectures.dense import SLOPE, drawn, drawn_linear, undrawn
from narrows.training.architectures.layers import (
    CONVOLUTIONS,
    TRANSPOSED,
    FromChannels,
    ToChannels,
    convolution,
    transposed_convolution,
)
from narrows.training.choices import spatial_and_channels

Shape = tuple[int, ...]

MAX_LAST_SIDE = 7  # positions of the longest axis after the last stage
CHANNELS = (16, 48, 96, 128)  # after each stage
HIDDEN = 256  # of the dense layers on either side of the latents
REFINING = 3  # kernel of the convolutions on the narrow side of the first stage
KERNEL_AND_STRIDE = {1: (9, 4), 2: (6, 2), 3: (3, 2)}  # by the number of spatial axes


@dataclass(frozen=True)
class DecoderShape:
    """The sizes of a decoder of pictures, for networks of usual width.

    Attributes
    ----------
    channels : tuple of int
        After each stage of the encoder; the decoder goes back through them.
    hidden : int
        Units of the dense layer after the latents.
    first : tuple of int
        Channels that the second dense layer makes, by the number of stages: where they are fewer
        than after the last one, a convolution of 3 makes these of them. Nearly all weights are in
        that layer. One or two numbers for each pixel of the picture were enough.
    overlaps : bool
        Whether the convolutions between the outermost and the dense layers have kernels of 6,
        which overlap, or of 2: those of the encoder too, which then learns in less time.
    """

    channels: Shape = CHANNELS
    hidden: int = HIDDEN
    first: Shape = CHANNELS
    overlaps: bool = True


DECODERS = {
    "small": DecoderShape((12, 24, 48, 64), 192, (12, 16, 48, 64), overlaps=False),
    "default": DecoderShape((16, 32, 64, 96), 256, (16, 24, 64, 96), overlaps=False),
    "large": DecoderShape(),
}
"""By `--decoder`. Of 28 x 28 pictures and 32 latents 0.66, 1.20 and 2.23 million multiply-adds and
164, 323 and 643 thousand weights (docs/experiments.md)."""


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

    def gathering(self, generator: torch.Generator) -> nn.Module:
        """Make a convolution in place of the encoder's whose kernels do not overlap."""
        module = convolution(*self.channels, self._apart, self.stride, self._none, self.wide)
        return _drawn(module, module.weight[0].numel(), generator)

    def spreading(self, generator: torch.Generator) -> nn.Module:
        """Make its counterpart for the decoder, to exactly the wide size."""
        own = self._apart, self.stride, self._none, self._none
        module = transposed_convolution(*self.channels[::-1], *own)
        return _drawn(module, self.channels[1], generator)

    def growing(self, n_channels: int, generator: torch.Generator) -> nn.Module:
        """Make a convolution to the channels of the narrow side, from fewer."""
        module = self._of_stride_1(n_channels)
        return _drawn(module, module.weight[0].numel(), generator)

    def refining(self, generator: torch.Generator) -> nn.Module:
        """Make a convolution from the narrow side to itself; it begins as the identity."""
        module = self._of_stride_1(self.channels[1])
        drawn(module, generator)
        nn.init.dirac_(module.weight)
        return _ready(module)

    def _of_stride_1(self, n_channels: int) -> Any:
        kernel = tuple(REFINING if n > 1 else 1 for n in self.narrow)
        padding = tuple(k // 2 for k in kernel)
        kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(kernel) - 1]
        return undrawn(kind, n_channels, self.channels[1], kernel, padding=padding)

    @property
    def _padding(self) -> Shape:
        return tuple((k - 1) // 2 for k in self.kernel)

    @property
    def _apart(self) -> Shape:
        """The kernel that does not overlap: the stride, and the last position of an odd size."""
        pairs = zip(self.wide, self.narrow, self.stride, strict=True)
        return tuple(w - (n - 1) * s for w, n, s in pairs)

    @property
    def _none(self) -> Shape:
        return (0,) * len(self.wide)


def conv(
    frame_shape: Shape,
    latent_size: int,
    generator: torch.Generator,
    *,
    sigmoid_output: bool,
    width: float = 1.0,
    decoder: str = "large",
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
    decoder : str
        Of pictures, one of DECODERS; other frames have the large one.

    Raises
    ------
    SettingError
        If the frame has no spatial axis to slide over, or more than three.
    """
    *spatial, channels = _checked(frame_shape)
    shape = DECODERS[decoder]
    wide, sizes = (*spatial, channels), (tuple(spatial), channels)
    encoder = _encoder(
        wide, stages(*sizes, width), round(HIDDEN * width), latent_size, generator,
        overlaps=shape.overlaps,
    )  # fmt: skip
    steps = stages(*sizes, width, shape.channels)
    last = [*([nn.Sigmoid()] if sigmoid_output else []), FromChannels(frame_shape)]
    back = _decoder(steps, shape, latent_size, width, generator)
    return encoder, nn.Sequential(*back, *last)


def _encoder(
    shape: Shape,
    steps: list[Stage],
    hidden: int,
    latent_size: int,
    generator: torch.Generator,
    *,
    overlaps: bool,
) -> nn.Sequential:
    narrow, linear = _narrow(steps), partial(drawn_linear, generator)
    narrowing = Stage.narrowing if overlaps else Stage.gathering
    return nn.Sequential(
        ToChannels(shape),
        steps[0].narrowing(generator), nn.LeakyReLU(SLOPE),
        steps[0].refining(generator), nn.LeakyReLU(SLOPE),
        *(m for s in steps[1:] for m in (narrowing(s, generator), nn.LeakyReLU(SLOPE))),
        FromChannels((prod(narrow),)),
        linear(prod(narrow), hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, latent_size),  # (n, latent_size)
    )  # fmt: skip


def _decoder(
    steps: list[Stage],
    shape: DecoderShape,
    latent_size: int,
    width: float,
    generator: torch.Generator,
) -> nn.Sequential:
    linear, hidden = partial(drawn_linear, generator), round(shape.hidden * width)
    widening = Stage.widening if shape.overlaps else Stage.spreading
    *sizes, channels = _narrow(steps)
    first = min(channels, round(shape.first[len(steps) - 1] * width))
    return nn.Sequential(
        linear(latent_size, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, prod(sizes) * first), nn.LeakyReLU(SLOPE),
        ToChannels((*sizes, first)),
        *([] if first == channels else [steps[-1].growing(first, generator), nn.LeakyReLU(SLOPE)]),
        *(m for s in reversed(steps[1:]) for m in (widening(s, generator), nn.LeakyReLU(SLOPE))),
        steps[0].refining(generator), nn.LeakyReLU(SLOPE),
        steps[0].widening(generator),
    )  # fmt: skip


def _narrow(steps: list[Stage]) -> Shape:
    """Return `(*spatial, channels)` after the last stage."""
    return (*steps[-1].narrow, steps[-1].channels[1])


def _checked(frame_shape: Shape) -> Shape:
    """Return a frame's shape as `(*spatial, channels)`, or refuse it."""
    shape = spatial_and_channels(frame_shape)
    if not 1 <= len(shape) - 1 <= 3 or max(shape[:-1], default=1) < 2:
        raise SettingError(
            f"frames of shape {frame_shape} for a conv network, which needs 1 to 3 axes to slide "
            "over, and at most a last one of 1 to 4 channels; take dense"
        )
    return shape


def stages(
    spatial: Shape, channels: int, width: float = 1.0, planned_channels: Shape = CHANNELS
) -> list[Stage]:
    """Plan the convolutions from `spatial` sizes down to a few positions an axis; at least one.

    `planned_channels` are those after each, `width` times as many.
    """
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
        both = (wide_channels, round(planned_channels[len(planned)] * width))
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
