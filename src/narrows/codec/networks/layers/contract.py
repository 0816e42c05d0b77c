"""The contract of a layer of an exact integer network.

Every value is an integer held in floating point. A layer says what it does to shapes, proves how
large its values can become, and compiles itself for a backend. No layer writes into its input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, ClassVar

import numpy.typing as npt

from narrows.codec.networks.backend import Array, Backend, Float

Shape = tuple[int, ...]
Step = Callable[[Array], Array]
Tensors = Mapping[str, npt.NDArray[Any]]
Settings = Mapping[str, Any]


class Layer(ABC):
    """One operation on integers; a frozen dataclass in every concrete kind."""

    kind: ClassVar[str]

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Give the shape of one output, without the batch axis; FormatError if it cannot be."""

    @abstractmethod
    def magnitudes(self, limit: int) -> tuple[int, int]:
        """Bound the layer for inputs of at most `limit` in absolute value.

        Returns
        -------
        peak, output : int
            The largest absolute value of any intermediate result, partial sums in any order
            included, and that of the output.
        """

    @abstractmethod
    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        """Make the function that computes the layer on `backend`.

        Parameters
        ----------
        backend : Backend
        dtype : numpy float type
            One in which every intermediate result is exact.
        limit : int
            The largest absolute value of an input.
        """

    def elements(self, shape: Shape) -> int:
        """Count the numbers of the largest array that one input of `shape` needs."""
        return prod(self.output_shape(shape))

    def settings(self) -> dict[str, Any]:
        """Give what describes the layer besides its tensors, as canonical JSON values."""
        return {}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Give the integer arrays of the layer by name."""
        return {}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        """Make the layer from its settings and tensors: the inverse of those two methods."""
        return cls(**settings, **tensors)

    @property
    def n_parameters(self) -> int:
        """The number of integers in the layer's tensors."""
        return sum(t.size for t in self.tensors().values())
