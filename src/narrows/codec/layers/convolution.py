"""The convolution: patches of the frame, gathered into one matrix, times the weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from narrows.codec.backend import Array, Backend, Float
from narrows.codec.checks import check_shape, check_sizes
from narrows.codec.layers.affine import absolute, channel_parts
from narrows.codec.layers.contract import Shape, Step
from narrows.codec.layers.sliding import Box, Sliding, boxes, cut, sizes_of, taps
from narrows.errors import FormatError

Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Conv(Sliding):
    """A convolution as networks have it: no flip of the kernel, zeros around the frame.

        sum[o] = sum over k of x[o * stride + k - before] @ weight[k]
        y = clip(floor((sum + bias) * 2**-shift))

    `o`, `k`, `stride` and `before` have one number a spatial axis. The output has
    `floor((size + before + after - kernel) / stride) + 1` positions along an axis.

    Attributes
    ----------
    weight : (*kernel, n_inputs, n_outputs) int16
    padding : tuple of (before, after)
        Zeros at the two ends of each spatial axis, fewer than the kernel has taps.
    """

    padding: Padding
    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = self.padding
        if not isinstance(pairs, tuple | list) or len(pairs) != self.n_axes:
            raise FormatError(
                f"padding of a conv layer is {repr(pairs)[:40]}; it must be {self.n_axes} pairs"
            )
        checked = tuple(
            check_sizes(pair, 2, 0, size - 1, "padding of a conv layer")
            for pair, size in zip(pairs, self.kernel, strict=True)
        )
        object.__setattr__(self, "padding", checked)

    def _padded(self, sizes: Shape) -> Shape:
        return tuple(n + sum(pair) for n, pair in zip(sizes, self.padding, strict=True))

    def _output_sizes(self, sizes: Shape) -> Shape:
        padded = self._padded(sizes)
        if any(n < size for n, size in zip(padded, self.kernel, strict=True)):
            raise FormatError(
                f"conv layer with a kernel of {self.kernel} for {padded} values, padding included"
            )
        check_shape((*padded, self.n_inputs), "padded input of a conv layer")
        return tuple(
            (n - size) // stride + 1
            for n, size, stride in zip(padded, self.kernel, self.stride, strict=True)
        )

    def _n_matrices(self, shape: Shape, output: Shape) -> int:
        return prod(output[:-1])

    def elements(self, shape: Shape) -> int:
        padded = prod(self._padded(shape[:-1])) * self.n_inputs
        return max(padded, prod(self.output_shape(shape)))

    def _largest_sum(self) -> int:
        axes = tuple(range(self.n_axes + 1))
        return int(absolute(self.weight).sum(axis=axes).max())

    def compile(self, backend: Backend, dtype: Float) -> Step:
        n_outputs, flat = self.n_outputs, self.weight.reshape(-1, self.n_outputs)
        weight = self._scaled_weight(flat, backend, dtype)  # (taps * n_inputs, n_outputs)
        finish = self._finish(backend, dtype)
        # Positions of a part: what their patches and outputs take is counted.
        most = max(1, backend.part_elements // (len(flat) + n_outputs))

        def conv(x: Array) -> Array:
            sizes = self._output_sizes(tuple(x.shape[1:-1]))
            n = prod(sizes)
            y = backend.zeros((len(x), *sizes, n_outputs), dtype)
            room = backend.zeros((min(most, len(x) * n), len(flat)), dtype)
            for frames in cut(len(x), most // n):
                padded = self._pad(x[frames], backend, dtype)
                for box in boxes(sizes, most):
                    part = y[(frames, *box)].reshape(-1, n_outputs)  # contiguous: a view
                    patches = self._gather(padded, box, room[: len(part)])
                    finish(backend.xp.matmul(patches, weight, out=part))
            return y

        return conv

    def _pad(self, x: Array, backend: Backend, dtype: Float) -> Array:
        """Put zeros around `(n, *spatial, n_inputs)` frames."""
        if not any(map(any, self.padding)):
            return x
        sizes = tuple(x.shape[1:-1])
        padded = backend.zeros((len(x), *self._padded(sizes), self.n_inputs), dtype)
        inside = (
            slice(before, before + size)
            for size, (before, _) in zip(sizes, self.padding, strict=True)
        )
        padded[(slice(None), *inside)] = x
        return padded

    def _gather(self, padded: Array, box: Box, room: Array) -> Array:
        """Copy the patches of all positions in a box to `room`, `(n, taps * n_inputs)`."""
        by_tap = room.reshape(len(padded), *sizes_of(box), -1, self.n_inputs)
        channels = channel_parts(self.n_inputs)
        for number, tap in enumerate(taps(self.kernel)):
            source = [
                slice(part.start * stride + k, (part.stop - 1) * stride + k + 1, stride)
                for part, stride, k in zip(box, self.stride, tap, strict=True)
            ]
            for channel in channels:
                by_tap[..., number, channel] = padded[(slice(None), *source, channel)]
        return room

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "padding": [list(pair) for pair in self.padding]}
