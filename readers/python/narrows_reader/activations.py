"""FORMAT.md, "Other layers" and "Networks": activations and `reshape`."""

import math
from typing import ClassVar

import numpy as np

from .affine import prove
from .conventions import Shape, need
from .forms import Settings, anything, integer, is_bool, is_shape
from .tensors import Tensors


class ReLU:
    """max(x, 0)."""

    form: ClassVar[Settings] = {"kind": anything}

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Keep settings, shape and bound: this kind has no tensors."""
        self.settings, self.shape, self.bound = settings, shape, bound

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        return np.maximum(x, 0)


class LeakyReLU(ReLU):
    """max(x, floor(x / 8))."""

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        return np.maximum(x, x >> 3)


class Reshape(ReLU):
    """The same numbers in another shape."""

    form: ClassVar[Settings] = {"kind": anything, "shape": is_shape}

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Check the shape."""
        super().__init__(settings, tuple(settings["shape"]), bound, tensors)
        need(math.prod(shape) == math.prod(self.shape), "a reshape changes the size")

    def run(self, x: np.ndarray) -> np.ndarray:
        """Return the flat array as it is."""
        return x


class LookUp(ReLU):
    """A look-up: the layer kind `table`."""

    form: ClassVar[Settings] = {
        "kind": anything,
        "low": integer(-(2**31), 2**31 - 1),
        "identity_above": is_bool,
    }

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Read the values and prove the layer."""
        super().__init__(settings, shape, bound, tensors)
        self.values = tensors.unpack("values", "int32", None)
        need(1 <= len(self.values) <= 2**17, "an activation has a wrong length")
        most = max(abs(value) for value in self.values.tolist())
        prove(max(bound, most) + abs(settings["low"]) + len(self.values))
        self.bound = max(most, bound) if settings["identity_above"] else most

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        low, high = self.settings["low"], self.settings["low"] + len(self.values) - 1
        y = self.values[np.clip(x, low, high) - low]
        return np.where(x > high, x, y) if self.settings["identity_above"] else y
