"""What convolutions and their transposes share: kernels that slide over 1 to 3 spatial axes.

A frame is `(*spatial, channels)`, a weight `(*kernel, n_inputs, n_outputs)`. A *tap* is one
position of the kernel; each tap has a matrix `(n_inputs, n_outputs)`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import Array, Backend, Float
from narrows.codec.checks import check_shape, check_sizes
from narrows.codec.layers.affine import Affine
from narrows.codec.layers.contract import Shape, Step
from narrows.codec.layers.product import Product
from narrows.errors import FormatError

MAX_AXES = 3  # a volume
MAX_KERNEL = 64  # of an axis; wider ones are fully connected layers in all but name
MAX_STRIDE = 64  # of an axis; the same
MAX_PRODUCTS = 1 << 40  # of a layer for one frame: minutes; a few bytes could ask for years
Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Sliding(Affine):
    """A layer whose weights slide over the spatial axes of a frame.

    Attributes
    ----------
    stride : tuple of int
        One a spatial axis, 1 to 64.
    """

    stride: Shape
    expected: ClassVar[str] = "(*kernel, n_inputs, n_outputs) with 1 to 3 axes of the kernel"

    def __post_init__(self) -> None:
        super().__post_init__()
        name = self.name
        check_sizes(self.kernel, self.n_axes, 1, MAX_KERNEL, f"kernel of a {name} layer")
        stride = check_sizes(self.stride, self.n_axes, 1, MAX_STRIDE, f"stride of a {name} layer")
        object.__setattr__(self, "stride", stride)

    def _fits(self, n_dimensions: int) -> bool:
        return 1 <= n_dimensions - 2 <= MAX_AXES

    @property
    def n_axes(self) -> int:
        """The number of spatial axes."""
        return self.weight.ndim - 2

    @property
    def kernel(self) -> Shape:
        """The size of the kernel, one number a spatial axis."""
        return self.weight.shape[:-2]

    @property
    def n_inputs(self) -> int:
        """The number of channels of the input."""
        return int(self.weight.shape[-2])

    @property
    def n_outputs(self) -> int:
        """The number of channels of the output."""
        return int(self.weight.shape[-1])

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != self.n_axes + 1 or shape[-1] != self.n_inputs:
            axes = f"{self.n_axes} spatial axes" if self.n_axes > 1 else "1 spatial axis"
            raise FormatError(
                f"{self.name} layer for {axes} and {self.n_inputs} channels received {shape}"
            )
        output = (*self._output_sizes(shape[:-1]), self.n_outputs)
        check_shape(output, f"output of a {self.name} layer")
        products = self._n_matrices(shape, output) * self.weight.size
        if products > MAX_PRODUCTS:
            raise FormatError(
                f"{self.name} layer of {products} products a frame; the limit is {MAX_PRODUCTS}"
            )
        return output

    @abstractmethod
    def _output_sizes(self, sizes: Shape) -> Shape:
        """Give the spatial sizes of the output; FormatError if there are none."""

    @abstractmethod
    def _n_matrices(self, shape: Shape, output: Shape) -> int:
        """Count how often the whole weight is applied to one frame."""

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "stride": list(self.stride)}


Pad = Callable[[Array, Float], Array]
SlidingProduct = Callable[[Array, Pad, Shape], Array]
"""Gives `(n, *sizes, n_outputs)` of `(n, *spatial, n_inputs)` frames, which `pad` pads."""


class PatchProduct:
    """Patches of padded frames, gathered into one matrix, times the weights: cut into parts.

    Parameters
    ----------
    kernel, stride : tuple of int
    product : Product
        Of `(taps * n_inputs, n_outputs)`.
    finish : callable
        Makes outputs of sums, in place, while they are in the cache.
    """

    def __init__(self, kernel: Shape, stride: Shape, product: Product, finish: Step) -> None:
        self.kernel, self.stride, self.finish = kernel, stride, finish
        self.product = product
        # Positions of a part: what their patches and outputs take is counted.
        self.most = max(1, product.backend.part_elements // sum(product.shape))

    def __call__(self, x: Array, pad: Pad, sizes: Shape) -> Array:
        """Give `(n, *sizes, n_outputs)` of `(n, *spatial, n_inputs)` frames, which `pad` pads."""
        n, most, multiply = prod(sizes), self.most, self.product
        n_patch, n_outputs = multiply.shape
        y = multiply.backend.empty((len(x), *sizes, n_outputs), multiply.dtype)
        room = multiply.backend.empty((min(most, len(x) * n), n_patch), multiply.input_dtype)
        for frames in cut(len(x), most // n):
            padded = pad(x[frames], multiply.input_dtype)
            for box in boxes(sizes, most):
                part = y[(frames, *box)].reshape(-1, n_outputs)  # contiguous: a view
                patches = self._gather(padded, box, room[: len(part)])
                self.finish(multiply(patches, part))
        return y

    def _gather(self, padded: Array, box: Box, room: Array) -> Array:
        """Copy the patches of all positions in a box to `room`, `(n, taps * n_inputs)`."""
        width = self.kernel[-1] * padded.shape[-1]  # what lies together along the last axis
        by_line = room.reshape(len(padded), *sizes_of(box), -1, width)
        lines = padded.reshape(*padded.shape[:-2], -1)
        last = slice(box[-1].start, box[-1].stop)
        windows = self.product.backend.windows(lines, width, self.stride[-1] * padded.shape[-1])
        windows = windows[..., last, :]
        for number, tap in enumerate(taps(self.kernel[:-1])):
            source = [
                slice(part.start * stride + k, (part.stop - 1) * stride + k + 1, stride)
                for part, stride, k in zip(box, self.stride, tap, strict=False)
            ]
            by_line[..., number, :] = windows[(slice(None), *source)]
        return room


class LineProduct:
    """Lines of padded frames times the weights of all lines of the kernel, then added up.

    For stride 1 along all axes but the last. A line is part of several patches and gathered once,
    which pays where outputs are few.

    Parameters
    ----------
    kernel, stride : tuple of int
    product : Product
        Of `(line, lines * n_outputs)`.
    finish : callable
        Makes outputs of sums, in place, while they are in the cache.
    """

    def __init__(self, kernel: Shape, stride: Shape, product: Product, finish: Step) -> None:
        self.lines, self.stride, self.finish = kernel[:-1], stride[-1], finish
        self.product = product
        # A box of one position takes all lines of the kernel.
        self.most = max(1, product.backend.part_elements // sum(product.shape) // prod(self.lines))

    def __call__(self, x: Array, pad: Pad, sizes: Shape) -> Array:
        """Give `(n, *sizes, n_outputs)` of `(n, *spatial, n_inputs)` frames, which `pad` pads."""
        multiply, n_lines = self.product, prod(self.lines)
        y = multiply.backend.empty((len(x), *sizes, multiply.shape[1] // n_lines), multiply.dtype)
        for frames in cut(len(x), self.most // prod(sizes)):
            padded = pad(x[frames], multiply.input_dtype)
            for box in boxes(sizes, self.most):
                part, products = y[(frames, *box)], self._multiply(padded, box)
                for number, tap in enumerate(taps(self.lines)):
                    place = tuple(slice(k, k + n) for k, n in zip(tap, sizes_of(box), strict=False))
                    added = products[(slice(None), *place)][..., number, :]
                    if number == 0:
                        part[...] = added
                    else:
                        part += added
                self.finish(part)
        return y

    def _multiply(self, padded: Array, box: Box) -> Array:
        """Give `(n, *lines, positions, lines of the kernel, n_outputs)` of all lines of a box."""
        multiply, step = self.product, self.stride * padded.shape[-1]
        width, n_columns = multiply.shape
        reached = (
            slice(part.start, part.stop + k - 1) for part, k in zip(box, self.lines, strict=False)
        )
        lines = padded.reshape(*padded.shape[:-2], -1)[(slice(None), *reached)]
        chosen = multiply.backend.windows(lines, width, step)[..., box[-1], :]
        gathered = multiply.backend.empty(tuple(chosen.shape), multiply.input_dtype)
        gathered[...] = chosen
        rows = gathered.reshape(-1, width)
        products = multiply(rows, multiply.backend.empty((len(rows), n_columns), multiply.dtype))
        return products.reshape(*chosen.shape[:-1], prod(self.lines), -1)


def sliding_product(
    kernel: Shape,
    stride: Shape,
    weight: npt.NDArray[np.int16],
    finish: Step,
    make: Callable[[npt.NDArray[np.int16], int], Product],
) -> SlidingProduct:
    """Choose how patches are multiplied with `(taps * n_inputs, n_outputs)` weights.

    `make` makes a Product of a weight and of the length of its lines.
    """
    n_lines, n_outputs = prod(kernel[:-1]), weight.shape[1]
    width = len(weight) // n_lines  # what lies together along the last axis
    few_outputs = 2 * n_lines * n_outputs <= (n_lines - 1) * width
    if set(stride[:-1]) <= {1} and few_outputs:
        columns = weight.reshape(n_lines, width, n_outputs).swapaxes(0, 1).reshape(width, -1)
        return LineProduct(kernel, stride, make(columns, width), finish)
    return PatchProduct(kernel, stride, make(weight, width), finish)


def surround(x: Array, before: Shape, shape: Shape, backend: Backend, dtype: Float) -> Array:
    """Put `(n, *spatial, channels)` frames among zeros: `before` so many, `shape` in all.

    Numbers below 0 and shapes that are too small cut frames off.
    """
    if not any(before) and tuple(x.shape[1:]) == shape:
        return backend.cast(x, dtype)
    padded = backend.zeros((len(x), *shape), dtype)
    source, target = [slice(None)], [slice(None)]
    for n, b, size in zip(x.shape[1:-1], before, shape, strict=False):
        first, last = max(0, -b), max(0, -b, min(n, size - b))
        source.append(slice(first, last))
        target.append(slice(first + b, last + b))
    padded[tuple(target)] = x[tuple(source)]
    return padded


def taps(kernel: Shape) -> Iterator[Shape]:
    """Give the positions within a kernel, in row-major order."""
    return product(*(range(size) for size in kernel))


def cut(n: int, most: int) -> Iterator[slice]:
    """Cut `n` frames into parts of `most`, or of one if a frame alone is too large."""
    step = max(1, most)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def boxes(sizes: Shape, most: int) -> Iterator[Box]:
    """Cut an array of `sizes` into contiguous parts of at most `most` elements, in order."""
    rest = prod(sizes[1:])
    step = max(1, most // rest)
    for start in range(0, sizes[0], step):
        first = slice(start, min(start + step, sizes[0]))
        if rest <= most:
            yield first, *(slice(0, size) for size in sizes[1:])
        else:
            yield from ((first, *others) for others in boxes(sizes[1:], most))


def sizes_of(box: Box) -> Shape:
    """Give the sizes of a part."""
    return tuple(part.stop - part.start for part in box)
