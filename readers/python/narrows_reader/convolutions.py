"""FORMAT.md, "Other layers": `conv` and `transposed_conv`."""

import math
from typing import Any

import numpy as np

from .affine import Affine
from .conventions import Shape, need
from .forms import ListOf, integer
from .tensors import Tensors


def per_axis(form: Any) -> ListOf:
    """Return the form of a list of one entry a spatial axis."""
    return ListOf(form, 1, 3)


class Sliding(Affine):
    """What both have in common."""

    form = Affine.form | {"stride": per_axis(integer(1, 64))}

    def read_weight(self, tensors: Tensors) -> np.ndarray:
        """Read the weight, (*kernel, channels, outputs)."""
        d = len(self.in_shape) - 1
        lists = [value for value in self.settings.values() if isinstance(value, list)]
        need(1 <= d <= 3 and all(len(v) == d for v in lists), "a convolution has other axes")
        weight = tensors.unpack("weight", "int16", *[None] * d, self.in_shape[-1], None)
        *kernel, _, outputs = weight.shape
        need(min(*kernel, outputs) >= 1 and max(kernel) <= 64, "a kernel is empty or too large")
        return weight

    def check(self, cut: list[int], after: Shape, positions: Shape) -> Shape:
        """Check what is cut off, the output and the number of products; return the shape."""
        *kernel, _, outputs = self.weight.shape
        need(all(map(int.__lt__, cut, kernel)), "a padding is as large as its kernel")
        need(math.prod(after) * outputs <= 2**28, "an output is too large")
        often = math.prod(positions)
        need(often * self.weight.size <= 2**40, "a convolution has too many products")
        return (*after, outputs)


class Conv(Sliding):
    """A convolution."""

    form = Sliding.form | {"padding": per_axis(ListOf(integer(0, 63), 2, 2))}

    def check_shape(self) -> Shape:
        """Return the shape of the output."""
        padding, (*sizes, channels) = self.settings["padding"], self.in_shape
        padded = [n + sum(pair) for n, pair in zip(sizes, padding, strict=True)]
        need(all(map(int.__ge__, padded, self.weight.shape)), "a kernel is larger than its input")
        need(math.prod(padded) * channels <= 2**28, "a padded input is too large")
        axes = zip(padded, self.weight.shape, self.settings["stride"], strict=False)
        after = tuple((n - k) // s + 1 for n, k, s in axes)
        return self.check([max(pair) for pair in padding], after, after)

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Compute the sums tap by tap."""
        padding, stride = self.settings["padding"], self.settings["stride"]
        x = np.pad(x.reshape(-1, *self.in_shape), [(0, 0), *padding, (0, 0)])
        sums = np.zeros((len(x), *self.shape), np.int64)
        for tap in np.ndindex(self.weight.shape[:-2]):
            axes = zip(tap, self.shape, stride, strict=False)
            seen = [slice(t, t + (m - 1) * s + 1, s) for t, m, s in axes]
            sums += x[(slice(None), *seen)] @ self.weight[tap]
        return sums


class TransposedConv(Sliding):
    """The transpose of a convolution."""

    form = Sliding.form | {"before": per_axis(integer(0, 63)), "size": per_axis(integer(1, 2**28))}

    def check_shape(self) -> Shape:
        """Return the shape of the output."""
        after = tuple(self.settings["size"])
        return self.check(self.settings["before"], after, self.in_shape[:-1])

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Compute the sums tap by tap."""
        x = x.reshape(-1, *self.in_shape)
        sums = np.zeros((len(x), *self.shape), np.int64)
        stride, before = self.settings["stride"], self.settings["before"]
        axes = list(zip(self.in_shape, self.shape, stride, before, strict=False))
        for tap in np.ndindex(self.weight.shape[:-2]):
            source, target = [[*range(len(x))]], [[*range(len(x))]]
            for (n, size, s, b), t in zip(axes, tap, strict=True):
                source.append([i for i in range(n) if 0 <= i * s + t - b < size])
                target.append([i * s + t - b for i in source[-1]])
            sums[np.ix_(*target)] += x[np.ix_(*source)] @ self.weight[tap]
        return sums

    def largest_sum(self) -> int:
        """Return the greatest sum of absolute weights whose taps can meet in one output."""
        weight, stride, sums = np.abs(self.weight), self.settings["stride"], []
        for rest in np.ndindex(*stride):
            phase = weight[tuple(slice(r, None, s) for r, s in zip(rest, stride, strict=True))]
            sums.append(phase.reshape(-1, weight.shape[-1]).sum(axis=0).max())
        return int(max(sums))
