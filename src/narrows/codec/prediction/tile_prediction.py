"""What a model needs beside its networks to predict tiles of arrays from their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.entropy.tables import FrequencyTable, pack_tables, unpack_tables
from narrows.codec.networks.layers.contract import Settings, Tensors, above, below
from narrows.codec.networks.network import CompiledNetwork, IntegerNetwork
from narrows.errors import FormatError

Integers = npt.NDArray[np.int64]

MAX_AXES = 3
MAX_TILE_LIMIT = (1 << 30) - 1
MAX_WEIGHT, MAX_PRIOR = 64, 1 << 16
MAX_SCALE = 1 << 12
SCALES_PER_OCTAVE, SCALES_PER_TABLE = 32, 8
MAGNITUDE_BITS = 8  # fraction bits of expected magnitudes
LARGEST_MAGNITUDE = (1 << 15) - 1  # of a symbol, in sums
MAX_MAGNITUDE = LARGEST_MAGNITUDE << MAGNITUDE_BITS


@dataclass(frozen=True, eq=False)
class TilePrediction:
    """How tiles of an array are predicted from a rim of decoded elements before them.

    Attributes
    ----------
    borders : sequence of IntegerNetwork
        From the elements of a rim, `(n_rim,)`, to what they say of the tile, `(*frame_shape,)`. The
        first is for tiles with neighbours along the first axis alone, and so on: see `scale`.
    scale : (n_qualities, 2**n_axes, latent_size) int32
        Logarithm of the spread of each latent in steps, in 1/32 octaves, by the axes along which
        there are neighbours: the first axis counts 1, the next 2, the last 4.
    magnitude : (n_tables,) int32
        Of the symbols that are expected at the scale of each table, in parts of 256.
    tables : sequence of FrequencyTable
        Each for the scales of a quarter of an octave.
    rim : int
        Elements before a tile, along each of its axes.
    limit : int
        Bound of decoded values, in the units of the decoder's output.
    weight : int
        What a tile's own magnitudes count, in parts of 32.
    prior : int
        Magnitude that those of its neighbours count.
    first : int
        The scale for which the first table is.

    Raises
    ------
    FormatError
        If the parts do not fit together.
    """

    borders: Sequence[IntegerNetwork]
    scale: npt.NDArray[np.int32]
    magnitude: npt.NDArray[np.int32]
    tables: Sequence[FrequencyTable]
    rim: int
    limit: int
    weight: int
    prior: int
    first: int

    def __post_init__(self) -> None:
        shape = self.frame_shape if self.borders else ()
        if not 1 <= len(shape) <= MAX_AXES:
            raise FormatError(f"prediction of tiles of {len(shape)} axes; 1 to {MAX_AXES}")
        check_whole(self.rim, 1, min(shape), "rim of tiles")
        check_whole(self.limit, 1, MAX_TILE_LIMIT, "limit of tiles")
        check_whole(self.weight, 0, MAX_WEIGHT, "weight of magnitudes")
        check_whole(self.prior, 1, MAX_PRIOR, "prior of magnitudes")
        check_whole(self.first, -MAX_SCALE, MAX_SCALE, "first scale of tiles")
        if len(self.borders) != (1 << len(shape)) - 1:
            raise FormatError(f"prediction of tiles of {shape} with {len(self.borders)} borders")
        for pattern, border in enumerate(self.borders, 1):
            inputs = (len(rim_of(shape, self.rim, pattern)),)
            if (border.input_shape, border.output_shape) != (inputs, shape):
                raise FormatError(f"rim of {border.input_shape} of tiles of {shape}")
            if border.input_limit != self.limit:
                raise FormatError("prediction of tiles whose border has another limit than values")
        if self.scale.dtype != np.int32 or self.scale.ndim != 3:
            raise FormatError(f"scales of {self.scale.dtype} and {self.scale.ndim} axes")
        if self.scale.shape[1] != 1 << len(shape) or not self.scale.size:
            raise FormatError(f"scales of shape {self.scale.shape} for tiles of {shape}")
        if self.magnitude.dtype != np.int32 or self.magnitude.shape != (len(self.tables),):
            raise FormatError(f"magnitudes of shape {self.magnitude.shape} for tables of tiles")
        if not 0 <= int(self.magnitude.min()) <= int(self.magnitude.max()) <= MAX_MAGNITUDE:
            raise FormatError(f"magnitudes of tiles below 0, or above {MAX_MAGNITUDE}")
        if not -MAX_SCALE <= int(self.scale.min()) <= int(self.scale.max()) <= MAX_SCALE:
            raise FormatError(f"scales of tiles beyond {MAX_SCALE}")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of a tile."""
        return self.borders[0].output_shape

    @cached_property
    def expected(self) -> Integers:
        """The mean magnitudes of the symbols, `(n_qualities, 2**n_axes, latent_size)`."""
        return self.magnitude[self.number(self.scale.astype(np.int64))].astype(np.int64)

    def number(self, scale: Integers) -> npt.NDArray[np.intp]:
        """Return which table serves scales of any shape."""
        near = (scale - self.first + SCALES_PER_TABLE // 2) // SCALES_PER_TABLE
        return np.asarray(np.clip(near, 0, len(self.tables) - 1), dtype=np.intp)

    @cached_property
    def compiled_borders(self) -> list[CompiledNetwork]:
        """The borders' networks, in numpy: they run diagonal after diagonal."""
        return [border.compile() for border in self.borders]

    def answers(self) -> list[npt.NDArray[np.int64]]:
        """Return what the borders' networks give for inputs that are all over their range."""
        return [border.answer() for border in self.compiled_borders]

    def said(self, pattern: int, rims: Integers) -> Integers:
        """Return what rims `(n, n_rim)` of a pattern say of their tiles, `(n, elements)`."""
        tiles = np.asarray(self.compiled_borders[pattern - 1](rims.astype(np.float64)))
        return tiles.reshape(len(rims), prod(self.frame_shape)).astype(np.int64)

    def settings(self) -> dict[str, Any]:
        """Return all but the tensors, as canonical JSON values."""
        names = ("rim", "limit", "weight", "prior", "first")
        own = {name: getattr(self, name) for name in names}
        return {**own, "borders": [border.settings() for border in self.borders]}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return all tensors by name."""
        return {
            "scale": self.scale,
            "magnitude": self.magnitude,
            **above("tables.", pack_tables([self.tables])),
            **{
                f"borders.{number}.{name}": tensor
                for number, border in enumerate(self.borders)
                for name, tensor in border.tensors().items()
            },
        }

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> TilePrediction:
        """Build it from `settings()` and `tensors()`: their inverse."""
        tables = unpack_tables(below("tables.", tensors))
        if len(tables) != 1:
            raise FormatError(f"prediction of tiles with {len(tables)} rows of tables")
        borders = [
            IntegerNetwork.build(each, below(f"borders.{number}.", tensors))
            for number, each in enumerate(settings["borders"])
        ]
        names = ("rim", "limit", "weight", "prior", "first")
        own = {name: settings[name] for name in names}
        return cls(borders, tensors["scale"], tensors["magnitude"], tables[0], **own)


def rim_of(shape: tuple[int, ...], rim: int, pattern: int = -1) -> Integers:
    """Return the places of the rim's elements, row-major: before a tile along some axis.

    Along the other axes they reach from the rim to the end of the tile; or from its start, where
    the pattern has no neighbours along them.
    """
    grid = np.meshgrid(*(np.arange(-rim, length) for length in shape), indexing="ij")
    places = np.stack(grid, axis=-1).reshape(-1, len(shape)).astype(np.int64)
    missing = [axis for axis in range(len(shape)) if not pattern >> axis & 1]
    return np.asarray(places[(places < 0).any(axis=1) & (places[:, missing] >= 0).all(axis=1)])
