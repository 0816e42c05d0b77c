"""The contract of a layer of an exact integer network.

Every value is an integer held in floating point. A layer states the shape of its output, proves
how large its values can become, and compiles itself for a backend. No layer writes into its input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, ClassVar

import numpy.typing as npt

from narrows.codec.networks.backend import Array, Backend, Float, Shape

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
