"""The contract of a layer of an exact integer network, and chains of layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import numpy.typing as npt

from narrows.codec.networks.backend import Array, Backend, Float, Shape, float_for
from narrows.errors import FormatError

Step = Callable[[Array], Array]
Tensors = Mapping[str, npt.NDArray[Any]]
Settings = Mapping[str, Any]


class Layer(ABC):
    """One operation on integers; a frozen dataclass in every concrete kind."""

    kind: ClassVar[str]

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one output, without the batch axis; FormatError if there is none."""

    @abstractmethod
    def magnitudes(self, limit: int) -> tuple[int, int]:
        """Bound all values of the layer, for inputs of at most `limit` in absolute value.

        Returns
        -------
        peak, output : int
            The largest absolute value of any intermediate result, including partial sums in any
            order, and that of the output.
        """

    @abstractmethod
    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        """Return the function that computes the layer on a backend.

        Parameters
        ----------
        backend : Backend
        dtype : numpy float type
            One in which every intermediate result is exact.
        limit : int
            The largest absolute value of an input.
        """

    def elements(self, shape: Shape) -> int:
        """Return the number of elements of the largest array that one input of `shape` needs."""
        return prod(self.output_shape(shape))

    def settings(self) -> dict[str, Any]:
        """Return all settings besides the tensors, as canonical JSON values."""
        return {}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the integer arrays of the layer by name."""
        return {}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        """Build a layer from its settings and tensors: the inverse of those two methods."""
        return cls(**settings, **tensors)

    @property
    def n_parameters(self) -> int:
        """The number of integers in the layer's tensors."""
        return sum(t.size for t in self.tensors().values())


def shapes_along(layers: Sequence[Layer], shape: Shape) -> list[Shape]:
    """Return the shapes before, between and after the layers; FormatError if they do not fit."""
    shapes = [shape]
    for layer in layers:
        shapes.append(layer.output_shape(shapes[-1]))
    return shapes


def largest_array(layers: Sequence[Layer], shape: Shape) -> int:
    """Return the number of elements of the largest array that one input of `shape` needs."""
    shapes = shapes_along(layers, shape)
    of_layers = (layer.elements(s) for layer, s in zip(layers, shapes, strict=False))
    return max([prod(shape), *of_layers])


def bounds_along(layers: Sequence[Layer], limit: int) -> tuple[list[int], list[int]]:
    """Return the peak of each layer, and the limits before, between and after the layers."""
    peaks, limits = [], [limit]
    for layer in layers:
        peak, limit = layer.magnitudes(limit)
        peaks.append(peak)
        limits.append(limit)
    return peaks, limits


def planned(
    layers: Sequence[Layer], limit: int, backend: Backend
) -> Iterator[tuple[Layer, Float, int]]:
    """Yield each layer with the type in which it is exact, and with the limit of its inputs."""
    peaks, limits = bounds_along(layers, limit)
    dtypes = (float_for(peak, backend) for peak in peaks)
    return zip(layers, dtypes, limits[:-1], strict=True)


def compile_chain(layers: Sequence[Layer], limit: int, backend: Backend) -> Step:
    """Return the function that computes the layers, one after the other."""
    plan = planned(layers, limit, backend)
    steps = [layer.compile(backend, dtype, of_input) for layer, dtype, of_input in plan]

    def chain(x: Array) -> Array:
        for step in steps:
            x = step(x)
        return x

    return chain


def describe(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return the kind and the settings of each layer, as canonical JSON values."""
    return [{"kind": layer.kind, **layer.settings()} for layer in layers]


def name_tensors(layers: Sequence[Layer]) -> dict[str, npt.NDArray[Any]]:
    """Return all tensors, named `<layer number>.<name>`."""
    return {
        f"{number}.{name}": tensor
        for number, layer in enumerate(layers)
        for name, tensor in layer.tensors().items()
    }


def above(prefix: str, tensors: Tensors) -> dict[str, npt.NDArray[Any]]:
    """Return tensors with a prefix before their names."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Tensors) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def check_kinds(layers: Sequence[Layer], kinds: Mapping[str, type[Layer]], holder: str) -> None:
    """Raise FormatError for a layer that its holder may not hold."""
    for layer in layers:
        if layer.kind not in kinds:
            raise FormatError(
                f"{holder} that holds a {layer.kind} layer; it may hold {', '.join(kinds)}"
            )


def build_layers(
    described: Sequence[Settings], tensors: Tensors, kinds: Mapping[str, type[Layer]], place: str
) -> list[Layer]:
    """Build layers of the given kinds: the inverse of `describe` and `name_tensors`.

    `place` ends the error's sentence: where a kind is unknown.
    """
    layers = []
    for number, settings in enumerate(described):
        options = {key: value for key, value in dict(settings).items() if key != "kind"}
        own = below(f"{number}.", tensors)
        if settings["kind"] not in kinds:
            raise FormatError(
                f"layer kind {repr(settings['kind'])[:40]} is unknown {place}; "
                f"known are {', '.join(kinds)}"
            )
        layers.append(kinds[settings["kind"]].build(options, own))
    return layers
