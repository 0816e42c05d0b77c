"""FORMAT.md, "Networks": dense layers, and what all layers with weights share."""

import math
from typing import ClassVar

import numpy as np

from .conventions import Shape, need
from .forms import LIMIT, Settings, anything, integer
from .tensors import Tensors


def clip(y: np.ndarray, limit: int | None) -> np.ndarray:
    """Clip to a limit, if there is one."""
    return y if limit is None else np.clip(y, -limit, limit)


def prove(p: int) -> int:
    """Return a bound of every intermediate result, which must be below 2**53."""
    need(p < 2**53, "a sum could reach 2**53")
    return p


class Affine:
    """A layer with weights: sums, bias, shift, clip. Arrays are flat, (n, elements) int64."""

    form: ClassVar[Settings] = {"kind": anything, "shift": integer(0, 52), "limit": LIMIT}

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Read the tensors, for an input of this shape and bound, and prove the layer."""
        self.settings, self.in_shape = settings, shape
        self.weight = self.read_weight(tensors)
        self.bias = tensors.unpack("bias", "int64", self.weight.shape[-1])
        self.shape = self.check_shape()  # of the output
        p = prove(bound * self.largest_sum() + max(abs(b) for b in self.bias.tolist()))
        self.bound = min(-(-p >> settings["shift"]), settings["limit"] or p)  # of the output

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        y = (self.sums(x) + self.bias) >> self.settings["shift"]
        return clip(y, self.settings["limit"]).reshape(len(x), math.prod(self.shape))

    def read_weight(self, tensors: Tensors) -> np.ndarray:
        """Read the weight; its last axis is that of the outputs."""
        need(len(self.in_shape) == 1, "a dense layer needs one dimension")
        weight = tensors.unpack("weight", "int16", *self.in_shape, None)
        need(weight.size, "a dense layer has no output")
        return weight

    def check_shape(self) -> Shape:
        """Return the shape of the output."""
        return self.weight.shape[1:]

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Compute the sums without the bias."""
        return x @ self.weight

    def largest_sum(self) -> int:
        """Return the greatest sum of absolute weights that can meet in one output."""
        flat = np.abs(self.weight).reshape(-1, self.weight.shape[-1])
        return int(flat.sum(axis=0).max())
