"""One quality of a model: what is needed to code at it, out of the rows of all qualities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import CodingTables
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
