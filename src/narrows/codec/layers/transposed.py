"""The transposed convolution: one matrix product, whose columns are added up in place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from narrows.codec.backend import Array, Backend, Float
from narrows.codec.checks import MAX_ELEMENTS, check_sizes
from narrows.codec.layers.affine import absolute, channel_parts
from narrows.codec.layers.contract import Shape, Step
from narrows.codec.layers.sliding import (
    MAX_KERNEL,
    Box,
    Sliding,
    boxes,
    cut,
    sizes_of,
    taps,
)
from narrows.errors import FormatError


@dataclass(frozen=True, eq=False)
class TransposedConv(Sliding):
    """The transpose of a convolution: each input is spread over the taps of the kernel.

        sum[i * stride + k - before] += x[i] @ weight[k]      # dropped outside 0 .. size - 1
        y = clip(floor((sum + bias) * 2**-shift))

    `i`, `k`, `stride` and `before` have one number a spatial axis.

    Attributes
    ----------
    weight : (*kernel, n_inputs, n_outputs) int16
    before : tuple of int
        Positions cut off at the beginning of each spatial axis, fewer than the kernel has taps.
    size : tuple of int
        The spatial sizes of the output; what lies behind is cut off, what nothing reaches is bias.
    """

    before: Shape
    size: Shape
    kind: ClassVar[str] = "transposed_conv"

    def __post_init__(self) -> None:
        super().__post_init__()
        n, of = self.n_axes, "of a transposed conv layer"
        before = check_sizes(self.before, n, 0, MAX_KERNEL - 1, f"before {of}")
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "size", check_sizes(self.size, n, 1, MAX_ELEMENTS, f"size {of}"))
        if any(b >= k for b, k in zip(before, self.kernel, strict=True)):
            raise FormatError(f"before {of} is {before}; it must be less than {self.kernel}")

    def _output_sizes(self, sizes: Shape) -> Shape:
        return self.size

    def _n_matrices(self, shape: Shape, output: Shape) -> int:
        return prod(shape[:-1])

    def _largest_sum(self) -> int:
        # Taps meet in one output if they are a multiple of the stride apart, along every axis.
        sums = absolute(self.weight).sum(axis=-2)  # (*kernel, n_outputs)
        for axis, stride in enumerate(self.stride):
            starts = range(min(stride, sums.shape[axis]))
            taps_apart = [np.arange(start, sums.shape[axis], stride) for start in starts]
            phases = [sums.take(each, axis).sum(axis) for each in taps_apart]
            sums = np.stack(phases, axis)  # (*phases so far, *kernel left, n_outputs)
        return int(sums.max())

    def compile(self, backend: Backend, dtype: Float) -> Step:
        n_inputs, n_outputs = self.n_inputs, self.n_outputs
        flat = np.moveaxis(self.weight, -2, 0).reshape(n_inputs, -1)
        weight = self._scaled_weight(flat, backend, dtype)  # (n_inputs, taps * n_outputs)
        finish = self._finish(backend, dtype)
        # Inputs that are spread at a time. Columns are written and read just once, so that larger
        # parts pay: less is lost to the many small additions of a tap.
        most = max(1, 2 * backend.part_elements // flat.shape[1])

        def transposed_conv(x: Array) -> Array:
            sizes = tuple(x.shape[1:-1])
            y = backend.zeros((len(x), *self.size, n_outputs), dtype)
            for frames in cut(len(x), most // prod(sizes)):
                part = y[frames]
                for box in boxes(sizes, most):
                    inputs = backend.cast(x[(frames, *box)], dtype).reshape(-1, n_inputs)
                    self._spread(inputs @ weight, box, part)
                finish(part)
            return y

        return transposed_conv

    def _spread(self, columns: Array, box: Box, y: Array) -> None:
        """Add the columns of all inputs in a box to the outputs that their taps reach."""
        by_tap = columns.reshape(len(y), *sizes_of(box), -1, self.n_outputs)
        channels = channel_parts(self.n_outputs)
        for number, tap in enumerate(taps(self.kernel)):
            pairs = [self._reach(axis, k, box[axis]) for axis, k in enumerate(tap)]
            source, target = zip(*pairs, strict=True)
            added = by_tap[(slice(None), *source, number)]  # (n, *reached, n_outputs)
            for channel in channels:
                y[(slice(None), *target, channel)] += added[..., channel]

    def _reach(self, axis: int, k: int, part: slice) -> tuple[slice, slice]:
        """Give the inputs within a part whose tap `k` reaches an output, and those outputs."""
        stride, offset = self.stride[axis], k - self.before[axis]
        first = max(part.start, -(offset // stride))
        last = min(part.stop - 1, (self.size[axis] - 1 - offset) // stride)
        if first > last:
            return slice(0), slice(0)
        target = slice(first * stride + offset, last * stride + offset + 1, stride)
        return slice(first - part.start, last + 1 - part.start), target

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "before": list(self.before), "size": list(self.size)}
