"""One quality of a model: what is needed to code at it, out of the rows of all qualities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import CodingTables
from narrows.codec.entropy.trellis import TrellisTables
from narrows.codec.model.tradeoff import Tradeoff

Row = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Quality:
    """A point of a model's rate-distortion curve.

    Attributes
    ----------
    number : int
        From 1, the fewest bytes, to the model's number of qualities.
    gain, step : (latent_size,) int32
        See Quantiser.
    tables : CodingTables
    context : ContextModel or None
        What tilts the tables' frequencies.
    tradeoff : Tradeoff or None
        What a search for better symbols needs; None where there is no search.
    """

    number: int
    gain: Row
    step: Row
    tables: CodingTables
    context: ContextModel | None
    tradeoff: Tradeoff | None

    @property
    def trellis(self) -> TrellisTables | None:
        """The tables, where symbols depend on those before in what they stand for."""
        return self.tables if isinstance(self.tables, TrellisTables) else None

    def levels(self, symbols: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return how many steps `(n, latent_size)` symbols stand for."""
        return symbols if self.trellis is None else self.trellis.levels(symbols)
