"""What a search minimises: bits, and lambda times the squared errors of what symbols decode to."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.costs import errors, largest_error, squared, with_known
from narrows.codec.encoding.found import Floats, Rows
from narrows.codec.entropy.tables import Symbols
from narrows.codec.networks.backend import Array
from narrows.codec.transform import Frames, Transform

Known = npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class Objective:
    """Frames `(n, *frame_shape)`, and lambda of each, `(n,)`, in `bits + lambda * distortion`.

    Where `known` is False, errors do not count; None: all of them do.
    """

    x: Frames
    lambda_: Floats
    known: Known

    def __getitem__(self, rows: Rows | slice) -> Objective:
        known = None if self.known is None else self.known[rows]
        return Objective(self.x[rows], self.lambda_[rows], known)


class Distortions:
    """Computes errors in whole units, and the sums of their squares: compiled where they can be.

    Parameters
    ----------
    transform : Transform
    quality : int
    units : float or (n_channels,)
        Of error in 1 of a signal's own.
    """

    def __init__(self, transform: Transform, quality: int, units: float | Floats) -> None:
        self._transform, self._quality, self._units = transform, quality, units
        frames, limit = transform.compiled_frames, largest_error(prod(transform.model.frame_shape))
        self._compiled = None if frames is None else frames.errors_by(units, limit)

    def errors(self, objective: Objective, decoded: Frames) -> Floats:
        """Compute the errors of `(n, *frame_shape)` frames, `(n, size)`."""
        x, known = objective.x, objective.known
        return errors(with_known(decoded, x, known), x, self._units)

    def of_integers(self, objective: Objective, y: Array) -> tuple[Floats, Floats]:
        """Compute errors `(n, size)`, and distortions `(n,)`, of what a decoder gave to numpy."""
        if self._compiled is not None and objective.known is None:
            return self._compiled.errors(y, objective.x)
        e = self.errors(objective, self._transform.model.normaliser.from_integers(y))
        return e, squared(e)

    def of_symbols(self, objective: Objective, symbols: Symbols) -> Floats:
        """Compute the distortions of `(n, latent_size)` symbols, `(n,)`."""
        if self._compiled is None or objective.known is not None:
            decoded = self._transform.frames_of(symbols, self._quality)
            return squared(self.errors(objective, decoded))
        found = np.empty(len(symbols))
        for rows, y in self._transform.decoded(symbols, self._quality):
            found[rows] = self._compiled.squares(y, objective.x[rows])
        return found
