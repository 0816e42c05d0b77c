"""Frames to symbols: rounding, correction and search at one quality of a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.found import Found
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.requests import EFFORTS, Progress, unseen
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.encoding.trellis_search import TrellisSearch
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.codec.networks.quantiser import SYMBOL_MAX, SYMBOL_MIN
from narrows.codec.transform import Frames, Transform
from narrows.gaps import filled

PART = 512  # signals searched for between two steps of progress; fewer at a time are slower
TOWARDS_ZERO = 0.2  # of a step, by which corrected latents are nearer to 0 than is best
REFILLS = 3  # of missing values: four and eight more took 0.1 % fewer bytes


class SymbolEncoder:
    """All that a model's encoder can do with frames; a decoder needs nothing of it.

    Parameters
    ----------
    transform : Transform
        Of a model with an encoder.
    """

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        self.model = transform.model
        self._searches: dict[int, SymbolSearch] = {}

    def encode(
        self,
        x: Frames,
        quality: int,
        effort: int,
        progress: Progress = unseen,
        known: Known = None,
    ) -> Found:
        """Encode `(n, *frame_shape)` frames to `(n, latent_size)` symbols.

        Where `known`, `(n, *frame_shape)`, is False, errors do not count.
        """
        symbols = self.transform.rounded(x, [self.model.quality(quality)])[quality]
        self._correct(x, symbols, quality, known)
        return self.improve(x, symbols, quality, effort, progress=progress, known=known)

    def encode_at_all_qualities(self, x: Frames, known: Known = None) -> dict[int, Symbols]:
        """Encode frames with effort 0 to `(n, latent_size)` symbols of each quality."""
        out = self.transform.rounded(x, self.model.qualities)
        for quality, symbols in out.items():
            self._correct(x, symbols, quality, known)
            if self._searches_always:
                out[quality] = self.improve(x, symbols, quality, 0, known=known).symbols
        return out

    def filled(self, x: Frames, known: npt.NDArray[np.bool_], quality: int) -> Frames:
        """Return frames with other values where they are not `known`: between neighbours, first."""
        own = self.model.normaliser
        channels = own.n_channels is not None
        frames = filled(x, ~known, np.array(own.offset), has_channels=channels)
        self.refill(frames, known, quality)
        return np.asarray(frames)

    def refill(
        self, x: Frames, known: npt.NDArray[np.bool_], quality: int, rounds: int = REFILLS
    ) -> None:
        """Put what the decoder makes of frames where they are not `known`, some times in turn.

        So what is known decides more and more of their latents: projections in turn onto what the
        model can make and what agrees with what is known (Papoulis 1975, section II).
        """
        rows = np.flatnonzero(~known.reshape(len(known), -1).all(axis=1))
        for _ in range(rounds):
            symbols = self.encode(x[rows], quality, effort=0).symbols
            x[rows] = np.where(known[rows], x[rows], self.transform.decode(symbols, quality))

    def improve(
        self,
        x: Frames,
        y: Symbols,
        quality: int,
        effort: int,
        weight: npt.NDArray[np.float64] | None = None,
        progress: Progress = unseen,
        known: Known = None,
    ) -> Found:
        """Search symbols that cost less than those given; see `SymbolSearch.improve`.

        Parameters
        ----------
        x : (n, *frame_shape)
        y : (n, latent_size) int32
            Where the search begins.
        quality, effort : int
        weight : (n,), optional
            Of each signal's errors; 1 where none is given.
        progress : Progress, optional
        known : (n, *frame_shape) bool, optional
            Whose errors count; by default all.
        """
        if not effort and not self._searches_always:
            progress(len(y))
            return Found.rounded(y)
        weight = np.ones(len(y)) if weight is None else weight
        search, out = self._search(quality), Found.rounded(np.empty_like(y))
        for start in range(0, len(y), PART):  # a part of the signals finds what all of them do
            rows = slice(start, start + PART)
            own = None if known is None else known[rows]
            found = search.improve(x[rows], y[rows], EFFORTS[effort], weight[rows], own)
            out.symbols[rows] = found.symbols
            out.distortion_at_most[rows] = found.distortion_at_most
            progress(len(y[rows]))
        return out

    def latents(self, x: Frames, quality: int) -> npt.NDArray[np.float64]:
        """Encode frames to latents before rounding, `(n, latent_size)`; see `Codec.latents`."""
        model, backend = self.model, self.transform.backend
        gain = model.quality(quality).gain
        out = np.zeros((len(x), model.latent_size), dtype=np.float64)
        for rows, latents in self.transform.encoded(x):
            in_steps = model.quantiser.in_steps(latents, gain, backend)
            out[rows, model.columns(ENCODED)] = backend.to_numpy(in_steps)
        if self._corrects(quality):
            symbols = np.clip(np.floor(out + 0.5), SYMBOL_MIN, SYMBOL_MAX).astype(np.int32)
            out[:, model.columns(CORRECTED)] = self._in_steps_of_correction(x, symbols, quality)
        return out

    @property
    def _searches_always(self) -> bool:
        """Whether rounding one latent after the other is far from the best: in a trellis."""
        return bool(self.model.trellis) and self.model.tradeoffs is not None

    def _search(self, quality: int) -> SymbolSearch:
        if quality not in self._searches:
            kind = TrellisSearch if self.model.trellis else SymbolSearch
            self._searches[quality] = kind(self.transform, quality)
        return self._searches[quality]

    def _corrects(self, quality: int) -> bool:
        """Return whether a quality has steps for corrected latents."""
        return bool(self.model.quality(quality).step[self.model.columns(CORRECTED)].any())

    def _correct(self, x: Frames, y: Symbols, quality: int, known: Known) -> None:
        """Set the corrected symbols in `(n, latent_size)`, if the quality has steps for them."""
        if self._corrects(quality):
            steps = np.floor(self._in_steps_of_correction(x, y, quality, known) + 0.5)
            y[:, self.model.columns(CORRECTED)] = np.clip(steps, SYMBOL_MIN, SYMBOL_MAX)

    def _in_steps_of_correction(
        self, x: Frames, y: Symbols, quality: int, known: Known = None
    ) -> npt.NDArray[np.float64]:
        """Compute the corrected latents, `(n, n_corrected)`, of symbols that have 0 for them.

        They are nearer to 0 than they would be best, by a fifth of a step: symbols near 0 are
        cheap, and most are. What is no number becomes 0.
        """
        steps = self._search(quality).correct(x, y, known)
        steps -= np.clip(steps, -TOWARDS_ZERO, TOWARDS_ZERO)
        return np.where(np.isfinite(steps), steps, 0.0)
