"""FORMAT.md, "Networks" and "Corrections": chains of layers, and the decoder."""

from typing import Any, ClassVar

import numpy as np

from .activations import LeakyReLU, LookUp, ReLU, Reshape
from .affine import Affine, clip, prove
from .conventions import Shape, need
from .convolutions import Conv, TransposedConv
from .forms import LIMIT, Either, ListOf, Settings, anything, integer, is_shape
from .tensors import Tensors


def form_of_layer(value: Any) -> Any:
    """Return the form that a layer must have."""
    kind = value.get("kind") if isinstance(value, dict) else None
    need(isinstance(kind, str) and kind in KINDS, "a layer of an unknown kind")
    return KINDS[kind].form


def form_of_inner_layer(value: Any) -> Any:
    """Return the form that a layer within a residual one must have."""
    form = form_of_layer(value)
    need(value["kind"] != "residual", "a residual layer in a residual layer")
    return form


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
        "layers": ListOf(Either(form_of_inner_layer)),
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


KINDS: dict[str, Any] = {
    "dense": Affine, "conv": Conv, "transposed_conv": TransposedConv, "residual": Residual,
    "leaky_relu": LeakyReLU, "relu": ReLU, "table": LookUp, "reshape": Reshape,
}  # fmt: skip
NETWORK = {
    "input_limit": integer(1, 2**31 - 1),
    "input_shape": is_shape,
    "layers": ListOf(Either(form_of_layer)),
}
CORRECTION = {name: Affine.form[name] for name in ("shift", "limit")}


def form_of_decoder(value: Any) -> Any:
    """Return the form that a decoder must have."""
    corrected = isinstance(value, dict) and "correction" in value
    return NETWORK | ({"correction": CORRECTION} if corrected else {})


class Decoder:
    """The decoder: a chain from the first latents and, from the last `r`, a correction."""

    def __init__(self, settings: Settings, n_elements: int, tensors: Tensors) -> None:
        """Read the decoder of a model whose frames have that many elements."""
        (k,), bound = settings["input_shape"], settings["input_limit"]
        self.correction, self.r, most = None, 0, 0
        if "correction" in settings:
            self.r = tensors.size_of("correction.weight")
            need(1 <= self.r < k, "a correction of too few or too many latents")
            inner = tensors.under("correction.")
            self.correction = Affine(settings["correction"], (self.r,), bound, inner)
            need(self.correction.shape == (n_elements,), "a correction of another shape")
            at_0 = self.correction.bias >> settings["correction"]["shift"]
            need(not at_0.any(), "a correction that does not give 0 for 0")
            most = self.correction.bound
        self.chain = Chain(settings["layers"], (k - self.r,), bound, tensors)
        self.bound = self.chain.bound + most  # of the output

    def run(self, x: np.ndarray) -> np.ndarray:
        """Compute frames from latents, (n, k) int64 -> (n, elements)."""
        first = x.shape[1] - self.r
        y = self.chain.run(x[:, :first])
        return y + self.correction.run(x[:, first:]) if self.correction else y
