"""Bricks of tiles to the symbols that stand for them, in closed loop."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.window_costs import LARGEST, bits_of
from narrows.codec.encoding.window_encoder import in_output_units
from narrows.codec.entropy.tables import Symbols
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.lattice import Brick, Canvas, Integers, Lattice
from narrows.codec.prediction.tile_prediction import TilePrediction
from narrows.codec.prediction.tiles import Magnitudes, parts_of
from narrows.codec.transform import Transform
from narrows.errors import ModelError

Floats = npt.NDArray[np.float64]
LAMBDA = 0.12  # squared steps that a bit is worth


@dataclass(frozen=True, eq=False)
class Coded:
    """What was decided for a brick.

    Attributes
    ----------
    symbols : (n, latent_size) int32
    tables : (n, latent_size)
        What each was coded with.
    latents : (n, latent_size)
        Before rounding, in steps.
    values : (n, *frame_shape)
        What a decoder has, in units of its output.
    """

    symbols: Symbols
    tables: npt.NDArray[np.intp]
    latents: Floats
    values: Integers


class TileEncoder:
    """Encodes bricks with a model that predicts tiles.

    Parameters
    ----------
    transform : Transform
    price : float, optional
        Squared steps that a bit is worth.
    """

    def __init__(self, transform: Transform, price: float = LAMBDA) -> None:
        own = transform.model.tiles
        if own is None:
            raise ModelError(f"model {transform.model_id} predicts no tiles")
        self._transform, self._own, self._price = transform, own, price
        self._costs = np.array([bits_of(table, -LARGEST, LARGEST) for table in own.tables])
        self._analysis, self._units = analysis_of(transform.model.decoder)

    def encode(self, brick: Brick, quality: int) -> Coded:
        """Decide for all tiles of a brick, of finite numbers."""
        run = _Run(self._own, brick, self._transform, quality)
        for tiles in run.lattice.diagonals():
            border, latents = run.latents(tiles, self._analysis, self._units)
            run.magnitudes.start(tiles)
            for part in parts_of(latents.shape[1]):
                numbers = run.magnitudes.tables(part)
                symbols = self._decided(latents[:, part], numbers)
                run.magnitudes.add(part, symbols)
                run.symbols[tiles, part], run.tables[tiles, part] = symbols, numbers
            run.all_latents[tiles] = latents
            decoded = self._transform.windows(run.symbols[tiles], quality)
            run.canvas.put(tiles, border + decoded.reshape(len(tiles), -1))
        return Coded(run.symbols, run.tables, run.all_latents, run.canvas.tiles())

    def _decided(self, latents: Floats, tables: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        """Return the symbols `(m, latents)` of least cost: the nearest, the next to 0, or 0."""
        nearest = np.clip(np.rint(latents), -LARGEST, LARGEST).astype(np.int64)
        inner = nearest - np.sign(nearest)
        tried = np.stack([nearest, inner, np.zeros_like(nearest)])
        costs = np.square(latents - tried) + self._price * self._costs[tables, tried + LARGEST]
        best = costs.argmin(axis=0)
        chosen = np.take_along_axis(tried, best[None], axis=0)[0]
        return np.asarray(chosen, dtype=np.int32)


class _Run:
    """One pass over a brick."""

    def __init__(
        self, own: TilePrediction, brick: Brick, transform: Transform, quality: int
    ) -> None:
        self.own, n, k = own, len(brick), transform.model.latent_size
        self.lattice = Lattice(own, brick.counts)
        self.magnitudes, self.canvas = Magnitudes(self.lattice, quality), Canvas(self.lattice)
        self.symbols = np.zeros((n, k), dtype=np.int32)
        self.tables = np.zeros((n, k), dtype=np.intp)
        self.all_latents = np.zeros((n, k))
        size = prod(own.frame_shape)
        self._x = in_output_units(brick.frames, transform.model.normaliser).reshape(n, size)
        self._nearest = brick.nearest
        self._step = transform.model.quality(quality).step.astype(np.float64)
        nothing = np.zeros((1, k), np.int32)
        self._mean = transform.windows(nothing, quality).reshape(1, size)

    def latents(
        self, tiles: npt.NDArray[np.intp], analysis: Floats, units: Floats
    ) -> tuple[Integers, Floats]:
        """Return what the rims of tiles say of them, and what they lack, in steps."""
        border = self.canvas.said(tiles)
        lacks = self._x[tiles] - border - self._mean
        # What is beyond the array's end may be anything: it lacks what the last elements lack.
        lacks = np.take_along_axis(lacks, self._nearest[tiles], axis=1)
        products = lacks.astype(np.float64) @ analysis  # exact: whole numbers below 2**53
        return border, products * (units / self._step)


def analysis_of(decoder: IntegerNetwork) -> tuple[Floats, Floats]:
    """Return what turns a decoder's output, less its mean, to latents.

    Its one dense layer has rows at right angles, but for their rounding to whole numbers.

    Returns
    -------
    weights : (size, k)
        Whole numbers.
    units : (k,)
        What the products with them are multiplied by.
    """
    dense = decoder.layers[0]
    weight = np.asarray(dense.tensors()["weight"], dtype=np.float64)
    squares = np.maximum(np.square(weight).sum(axis=1), 1.0)
    return np.ascontiguousarray(weight.T), 2.0 ** dense.settings()["shift"] / squares
