"""The convolution, a product of patches of a frame and the weights, and its transpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import MAX_ELEMENTS, check_shape, check_sizes
from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.affine import FEW_CHANNELS
from narrows.codec.networks.layers.contract import Step
from narrows.codec.networks.layers.sliding import (
    MAX_KERNEL,
    Sliding,
    SlidingProduct,
    sliding_product,
    taps,
    zeros_around,
)
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
        Zeros at both ends of each spatial axis, fewer than the kernel has taps.
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

    def matrices(self) -> list[tuple[npt.NDArray[np.int16], int]]:
        return [(self.weight.reshape(-1, self.n_outputs), self.kernel[-1] * self.n_inputs)]

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        ((weight, _),) = self.matrices()
        multiply = sliding_product(
            self.kernel,
            self.stride,
            weight,
            self.shift,
            self._finish(backend, dtype),
            limit,
            backend,
            dtype,
        )
        before = tuple(pair[0] for pair in self.padding)

        def conv(x: Array) -> Array:
            spatial = tuple(x.shape[1:-1])
            padded = (*self._padded(spatial), self.n_inputs)
            return multiply(x, zeros_around(before, padded, backend), self._output_sizes(spatial))

        return conv

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "padding": [list(pair) for pair in self.padding]}


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
        The spatial sizes of the output. What lies behind them is cut off; positions that no input
        reaches hold the bias alone.
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

    def groups(self) -> Iterator[tuple[Group, ...]]:
        """Return the groups of phases along each axis, in all combinations.

        An output at stride * j + phase takes inputs j + offset. Phases that take the same offsets
        share one product, so that each patch is copied once.
        """
        pairs = zip(self.kernel, self.stride, self.before, strict=True)
        return product(*(groups_of(*each) for each in pairs))

    def matrices(self) -> Iterator[tuple[npt.NDArray[np.int16], int]]:
        return map(self.matrix_of, self.groups())

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        products = []
        for groups in self.groups():
            weight, _ = self.matrix_of(groups)
            multiply = sliding_product(
                tuple(len(group.offsets) for group in groups),
                (1,) * self.n_axes,
                weight,
                self.shift,
                self._finish(backend, dtype, weight.shape[1] // self.n_outputs),
                limit,
                backend,
                dtype,
            )
            products.append((groups, multiply))
        untouched = any(k < stride for k, stride in zip(self.kernel, self.stride, strict=True))
        finish = self._finish(backend, dtype)

        def transposed_conv(x: Array) -> Array:
            make = backend.zeros if untouched else backend.empty
            y = make((len(x), *self.size, self.n_outputs), dtype)
            if untouched:
                finish(y)
            for groups, multiply in products:
                self._place(groups, multiply, x, y, backend)
            return y

        return transposed_conv

    def _place(
        self,
        groups: tuple[Group, ...],
        multiply: SlidingProduct,
        x: Array,
        y: Array,
        backend: Backend,
    ) -> None:
        """Compute the outputs of one group of phases an axis, and write them to `y`."""
        sizes = tuple(-(-n // stride) for n, stride in zip(self.size, self.stride, strict=True))
        before = tuple(-group.offsets[0] for group in groups)
        needed = (
            *(n + len(group.offsets) - 1 for n, group in zip(sizes, groups, strict=True)),
            self.n_inputs,
        )
        found = multiply(x, zeros_around(before, needed, backend), sizes)  # (n, *sizes, outputs)
        phases_of, strides = [group.phases for group in groups], self.stride
        *others, width = self.size
        last = strides[-1]
        if self.n_outputs > FEW_CHANNELS and len(phases_of[-1]) == last and width % last == 0:
            # All phases of a line are adjacent in both arrays: they are copied as more channels.
            phases_of, strides = [*phases_of[:-1], [0]], (*strides[:-1], 1)
            y = y.reshape(len(x), *others, width // last, last * self.n_outputs)
        counts = tuple(map(len, phases_of))
        interleave(found.reshape(len(x), *sizes, *counts, y.shape[-1]), phases_of, strides, y)

    def matrix_of(self, groups: tuple[Group, ...]) -> tuple[npt.NDArray[np.int16], int]:
        """Return the matrix of one group an axis, and the length of its runs of inputs.

        The matrix is `(offsets * n_inputs, phases * n_outputs)`, over all axes.
        """
        weight = self.weight  # (*kernel, n_inputs, n_outputs)
        for axis, (group, stride, before) in enumerate(
            zip(groups, self.stride, self.before, strict=True)
        ):
            chosen = [[a + before - stride * d for d in group.offsets] for a in group.phases]
            weight = weight.take(chosen, axis)  # (..., phases, offsets, ..., inputs, outputs)
            weight = np.moveaxis(weight, axis, -2)  # (..., offsets, ..., inputs, phases, outputs)
        line = len(groups[-1].offsets) * self.n_inputs
        return weight.reshape(prod(weight.shape[: self.n_axes + 1]), -1), line

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "before": list(self.before), "size": list(self.size)}


def interleave(found: Array, phases_of: list[list[int]], strides: Shape, y: Array) -> None:
    """Write `(n, *sizes, *counts, channels)` to `y`, each phase of an axis at a stride."""
    for numbers in taps(tuple(map(len, phases_of))):
        firsts = [phases[i] for phases, i in zip(phases_of, numbers, strict=True)]
        target = tuple(slice(a, None, s) for a, s in zip(firsts, strides, strict=True))
        source = tuple(
            slice(len(range(a, n, s)))
            for a, n, s in zip(firsts, y.shape[1:-1], strides, strict=True)
        )
        y[(slice(None), *target)] = found[(slice(None), *source, *numbers)]


@dataclass(frozen=True)
class Group:
    """The phases of an axis whose outputs take inputs at the same offsets."""

    phases: list[int]
    offsets: range


def groups_of(kernel: int, stride: int, before: int) -> list[Group]:
    """Group the phases 0 .. stride - 1 that a kernel reaches.

    Output `stride * j + phase` takes input `j + offset` with the tap `phase + before - stride *
    offset`, if there is such a tap.
    """
    phases: dict[range, list[int]] = {}
    for phase in range(stride):
        last = (phase + before) // stride
        first = -((kernel - 1 - phase - before) // stride)
        if first <= last:
            phases.setdefault(range(first, last + 1), []).append(phase)
    return [Group(members, offsets) for offsets, members in phases.items()]
