"""What convolutions and transposed convolutions share: a kernel over 1 to 3 spatial axes.

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

from narrows.codec.checks import check_shape, check_sizes
from narrows.codec.networks.backend import Array, Backend, Float, Shape, float_for
from narrows.codec.networks.layers.affine import Affine
from narrows.codec.networks.layers.contract import Step
from narrows.codec.networks.layers.product import Product
from narrows.errors import FormatError

MAX_AXES = 3  # volumes
MAX_KERNEL = 64  # along an axis; a wider one is nearly a dense layer
MAX_STRIDE = 64  # along an axis, likewise
MAX_PRODUCTS = 1 << 40  # of a layer, for one frame: minutes. A small file could ask for years
INPUTS_PER_OUTPUT = 4  # with as many or more, taps are multiplied before they are added
Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Sliding(Affine):
    """A layer whose weights slide over the spatial axes of a frame.

    Attributes
    ----------
    stride : tuple of int
        1 to 64, one number a spatial axis.
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
        """Return the spatial sizes of the output; FormatError if there are none."""

    @abstractmethod
    def _n_matrices(self, shape: Shape, output: Shape) -> int:
        """Return how often the whole weight is applied to one frame."""

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "stride": list(self.stride)}


Pad = Callable[[Array, Float], Array]
SlidingProduct = Callable[[Array, Pad, Shape], Array]
"""Computes `(n, *sizes, n_outputs)` from `(n, *spatial, n_inputs)` frames, padded by `pad`."""


class PatchProduct:
    """The product of patches of padded frames, copied into one matrix, and the weights.

    Frames and positions are cut into parts, so that the matrix stays in the cache.

    Parameters
    ----------
    kernel, stride : tuple of int
    product : Product
        Of `(taps * n_inputs, n_outputs)`.
    finish : callable
        Turns sums into outputs in place, while they are in the cache.
    """

    def __init__(self, kernel: Shape, stride: Shape, product: Product, finish: Step) -> None:
        self.kernel, self.stride, self.finish = kernel, stride, finish
        self.product = product
        # Positions of a part, whose patches and outputs fit in it.
        self.positions = max(1, product.backend.part_elements // sum(product.shape))

    def __call__(self, x: Array, pad: Pad, sizes: Shape) -> Array:
        """Compute `(n, *sizes, n_outputs)` from `(n, *spatial, n_inputs)` frames."""
        n, most, multiply = prod(sizes), self.positions, self.product
        n_patch, n_outputs = multiply.shape
        y = multiply.backend.empty((len(x), *sizes, n_outputs), multiply.dtype)
        room = multiply.backend.empty((min(most, len(x) * n), n_patch), multiply.input_dtype)
        for frames in cut(len(x), most // n):
            padded = pad(x[frames], multiply.input_dtype)
            for box in boxes(sizes, most):
                part = y[(frames, *box)].reshape(-1, n_outputs)  # a view: boxes are contiguous
                patches = self._gather(padded, box, room[: len(part)])  # (positions, n_patch)
                self.finish(multiply(patches, part))
        return y

    def _gather(self, padded: Array, box: Box, room: Array) -> Array:
        """Copy the patches of all positions in a box to `room`, `(positions, taps * n_inputs)`."""
        starts = (
            slice(part.start * stride, None) for part, stride in zip(box, self.stride, strict=True)
        )
        windows = self.product.backend.windows(
            padded[(slice(None), *starts)], sizes_of(box), self.kernel, self.stride
        )
        room.reshape(windows.shape)[...] = windows  # (n, *box, *kernel, n_inputs)
        return room


class ShiftedProduct:
    """The product of padded frames and the weights of all taps, then added up, each tap shifted.

    For stride 1. No patch is copied, which is faster where outputs are few. Each output is a plane
    in memory, and each tap is a distance along it.

    Parameters
    ----------
    kernel : tuple of int
    weight : (taps, n_inputs, n_outputs) int16
    scale : float
        A power of two, by which products are multiplied.
    finish : callable
        Turns sums into outputs in place.
    backend : Backend
    dtypes : pair of numpy float types
        Exact for the products of one tap, and for sums over all taps.
    """

    def __init__(
        self,
        kernel: Shape,
        weight: npt.NDArray[np.int16],
        scale: float,
        finish: Step,
        backend: Backend,
        dtypes: tuple[Float, Float],
    ) -> None:
        self.kernel, self.finish, self.backend = kernel, finish, backend
        self.input_dtype, self.dtype = dtypes
        self.n_outputs = weight.shape[2]
        rows = weight.swapaxes(1, 2).reshape(-1, weight.shape[1])  # (taps * n_outputs, n_inputs)
        self.weight = backend.constant(rows * scale, self.input_dtype)

    def __call__(self, x: Array, pad: Pad, sizes: Shape) -> Array:
        """Compute `(n, *sizes, n_outputs)` from `(n, *spatial, n_inputs)` frames."""
        xp, backend = self.backend.xp, self.backend
        padded_sizes = tuple(n + k - 1 for n, k in zip(sizes, self.kernel, strict=True))
        n_positions, valid = prod(padded_sizes), tuple(slice(0, n) for n in sizes)
        y = backend.empty((self.n_outputs, len(x), *sizes), self.dtype)
        for frames in cut(len(x), backend.part_elements // (n_positions * sum(self.weight.shape))):
            flat = pad(x[frames], self.input_dtype).reshape(-1, self.weight.shape[1])
            products = xp.matmul(self.weight, flat.T)  # (taps * n_outputs, n * n_positions)
            products = products.reshape(-1, self.n_outputs, len(flat))
            sums = backend.cast(products[0], self.dtype)  # (n_outputs, n * n_positions)
            for tap, of_tap in zip(taps(self.kernel), products, strict=True):
                shift = distance(tap, padded_sizes)
                if shift:
                    sums[:, : len(flat) - shift] += of_tap[:, shift:]
            planes = sums.reshape(self.n_outputs, -1, *padded_sizes)  # valid where no tap wraps
            y[:, frames] = planes[(slice(None), slice(None), *valid)]
        outputs = xp.moveaxis(y, 0, -1)  # (n, *sizes, n_outputs)
        self.finish(outputs)
        return outputs


def distance(tap: Shape, sizes: Shape) -> int:
    """Return how far a tap lies behind the first one in memory, in an array of `sizes`."""
    far = 0
    for offset, size in zip(tap, sizes, strict=True):
        far = far * size + offset
    return far


def sliding_product(
    kernel: Shape,
    stride: Shape,
    weight: npt.NDArray[np.int16],
    shift: int,
    finish: Step,
    limit: int,
    backend: Backend,
    dtype: Float,
) -> SlidingProduct:
    """Choose how frames are multiplied with `(taps * n_inputs, n_outputs)` weights.

    `shift`, `limit`, `backend` and `dtype` are as for a Product.
    """
    n_taps, n_outputs = prod(kernel), weight.shape[1]
    n_inputs = len(weight) // n_taps
    if set(stride) != {1} or n_taps == 1 or INPUTS_PER_OUTPUT * n_outputs > n_inputs:
        product = Product(weight, shift, kernel[-1] * n_inputs, limit, backend, dtype)
        return PatchProduct(kernel, stride, product, finish)
    by_tap = weight.reshape(n_taps, n_inputs, n_outputs)
    largest = int(np.abs(by_tap.astype(np.int64)).sum(axis=1).max())
    input_dtype = float_for(largest * limit, backend)
    return ShiftedProduct(kernel, by_tap, 2.0**-shift, finish, backend, (input_dtype, dtype))


def zeros_around(before: Shape, shape: Shape, backend: Backend) -> Pad:
    """Return a function that pads `(n, *spatial, channels)` frames with zeros to `shape`.

    `before` are the zeros before each spatial axis; a number below 0, or a `shape` that is too
    small, cuts frames off. Each call overwrites the result of the last one.
    """
    rooms: dict[Float, Array] = {}

    def pad(x: Array, dtype: Float) -> Array:
        if not any(before) and tuple(x.shape[1:]) == shape:
            return backend.cast(x, dtype)
        if dtype not in rooms or len(rooms[dtype]) < len(x):
            rooms[dtype] = backend.zeros((len(x), *shape), dtype)
        padded = rooms[dtype][: len(x)]
        source, target = [slice(None)], [slice(None)]
        for n, b, size in zip(x.shape[1:-1], before, shape, strict=False):
            first, last = max(0, -b), max(0, -b, min(n, size - b))
            source.append(slice(first, last))
            target.append(slice(first + b, last + b))
        padded[tuple(target)] = x[tuple(source)]
        return padded

    return pad


def taps(kernel: Shape) -> Iterator[Shape]:
    """Return the positions within a kernel, in row-major order."""
    return product(*(range(size) for size in kernel))


def cut(n: int, most: int) -> Iterator[slice]:
    """Cut `n` frames into parts of at most `most`, or of one frame."""
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
    """Return the sizes of a part."""
    return tuple(part.stop - part.start for part in box)
