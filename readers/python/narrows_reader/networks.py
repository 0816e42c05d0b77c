"""FORMAT.md, "Networks": chains of layers, `residual` and `parallel`."""

from typing import Any, ClassVar

import numpy as np

from .activations import LeakyReLU, LookUp, ReLU, Reshape
from .affine import Affine, clip, prove
from .conventions import Rejected, Shape, need
from .convolutions import Conv, TransposedConv
from .forms import LIMIT, Either, ListOf, Settings, anything, integer, is_shape
from .tensors import Tensors


def chain_but(*excluded: str) -> ListOf:
    """Return the form of a list of layers of any kind but these."""

    def form_of(value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise Rejected("a layer of an unknown kind")
        need(kind not in excluded, f"a {kind} layer in a layer that may not hold it")
        return KINDS[kind].form

    return ListOf(Either(form_of))


class Chain:
    """Layers one behind the other, each proven to be exact for the bound of its input."""

    def __init__(self, layers: list[Settings], shape: Shape, bound: int, tensors: Tensors) -> None:
        """Read the layers for an input of this shape and bound."""
        self.layers, self.shape, self.bound = [], shape, bound  # the last two of the output
        for i, settings in enumerate(layers):
            kind = KINDS[settings["kind"]]
            self.layers.append(kind(settings, self.shape, self.bound, tensors.under(f"{i}.")))
            self.shape, self.bound = self.layers[-1].shape, self.layers[-1].bound

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs in signed 64-bit integers, which the proof allows."""
        for layer in self.layers:
            x = layer.run(x)
        return x


class Residual:
    """The input plus the output of a chain."""

    form: ClassVar[Settings] = {
        "kind": anything,
        "limit": LIMIT,
        "layers": chain_but("residual", "parallel"),
    }

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Read the inner chain and prove the layer."""
        self.limit, self.shape = settings["limit"], shape
        self.inner = Chain(settings["layers"], shape, bound, tensors)
        need(self.inner.shape == shape, "a residual layer changes the shape")
        p = prove(bound + self.inner.bound)
        self.bound = min(p, self.limit or p)

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        return clip(x + self.inner.run(x), self.limit)


class Parallel:
    """The sum of the outputs of two chains, each for a part of a flat input."""

    form: ClassVar[Settings] = {
        "kind": anything,
        "split": ListOf(integer(1, 2**28), 2, 2),
        "first": chain_but("parallel"),
        "second": chain_but("parallel"),
    }

    def __init__(self, settings: Settings, shape: Shape, bound: int, tensors: Tensors) -> None:
        """Read both chains and prove the layer."""
        a, b = settings["split"]
        need(shape == (a + b,), "a parallel layer splits another number of inputs")
        self.a = a
        self.first = Chain(settings["first"], (a,), bound, tensors.under("first."))
        self.second = Chain(settings["second"], (b,), bound, tensors.under("second."))
        self.shape = self.first.shape
        need(self.second.shape == self.shape, "a parallel layer adds different shapes")
        self.bound = prove(self.first.bound + self.second.bound)

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs."""
        return self.first.run(x[:, : self.a]) + self.second.run(x[:, self.a :])


KINDS: dict[str, Any] = {
    "dense": Affine, "conv": Conv, "transposed_conv": TransposedConv, "residual": Residual,
    "parallel": Parallel, "leaky_relu": LeakyReLU, "relu": ReLU, "table": LookUp,
    "reshape": Reshape,
}  # fmt: skip
NETWORK = {
    "input_limit": integer(1, 2**31 - 1),
    "input_shape": is_shape,
    "layers": chain_but(),
}
