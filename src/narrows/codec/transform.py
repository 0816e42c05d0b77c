"""Frames <-> symbols: the networks and the quantiser of a model, run in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding import DEFAULT_EFFORT, EFFORTS, MAX_EFFORT, SymbolSearch
from narrows.codec.encoding.budget import Budget, Request
from narrows.codec.entropy.tables import frequencies_of
from narrows.codec.model.model import KnownAnswers, Model
from narrows.codec.networks.backend import NUMPY, Array, Backend
from narrows.codec.networks.quantiser import SYMBOL_MAX, SYMBOL_MIN
from narrows.errors import DataError, ModelError, SettingError

Frames = npt.NDArray[Any]
Symbols = npt.NDArray[np.int32]

MAX_BATCH_ELEMENTS = 1 << 22  # of any one array of a batch: 32 MB of float64
TOWARDS_ZERO = 0.2  # of a step, in which latents of a correction are nearer to 0 than is best
DEFAULT_BATCH_SIZE = 256  # keeps a batch's activations in a core's cache


class Transform:
    """The encoder and the decoder of a model, with exact integers between them.

        (n, *frame_shape) frames ──encode──► (n, latent_size) symbols
        (n, *frame_shape) frames ◄──decode── (n, latent_size) symbols

    Parameters
    ----------
    model : Model
    backend : Backend, optional
        Where the networks run; numpy by default.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.
    """

    def __init__(
        self, model: Model, backend: Backend = NUMPY, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        if batch_size < 1:
            raise SettingError(f"batch_size {batch_size}; it must be at least 1")
        self.model = model
        self.backend = backend
        self.batch_size = batch_size
        self._encoder = None if model.encoder is None else model.encoder.compile(self.backend)
        self._decoder = model.decoder.compile(self.backend)
        self._searches: dict[int, SymbolSearch] = {}

    @property
    def model_id(self) -> str:
        """The model's identity, 32 hexadecimal digits."""
        return self.model.model_id.hex()

    def check_known_answers(self) -> None:
        """Compute what the model file says this model must give, and compare.

        Raises
        ------
        ModelError
            If this machine computes anything else.
        """
        known = self.model.known_answers
        if known is None:
            return
        now = self.answer(known.symbols)
        encodes = self._encoder is None or np.array_equal(now.answers, known.answers)
        if now.sha256 != known.sha256 or not encodes:
            raise ModelError(
                f"this machine does not compute the known answers of model {self.model_id}: its "
                "arithmetic is not exact (a BLAS with reduced precision?), so nothing is decoded"
            )

    def answer(self, symbols: Symbols) -> KnownAnswers:
        """Compute what `(n, latent_size)` symbols of the default quality give on this machine."""
        frames = self.decode(symbols)
        hashed = sha256(frames.astype(frames.dtype.newbyteorder("<")).tobytes())
        quality = self.model.default_quality - 1
        if self.model.contexts[quality] is not None:
            for frequencies in frequencies_of(symbols, self.model.coding_tables[quality]):
                hashed.update(frequencies.astype("<i4").tobytes())
        answers = symbols[:0] if self._encoder is None else self._rounded(frames, quality)
        return KnownAnswers(symbols, hashed.hexdigest(), answers)

    def encode(self, x: Frames, quality: int | None = None, effort: int | None = None) -> Symbols:
        """Map signals to their integer latents.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.
        effort : int, optional
            0 to 9. 0 rounds what the encoder gives. From 1 on, symbols beside those are searched
            for that cost less, in bits and errors together; more effort is never worse, and takes
            longer. By default 2.

        Returns
        -------
        (n, latent_size) int32
        """
        x, (quality, effort) = self.check_frames(x), self._check_point(quality, effort)
        out = self._rounded(x, quality - 1)
        self._correct(x, out, quality)
        return self.improve(x, out, quality, effort)

    def _rounded(self, x: Frames, q: int) -> Symbols:
        """Give the symbols of the encoder, `(n, latent_size)`; those of a correction are 0."""
        out = np.zeros((len(x), self.model.latent_size), dtype=np.int32)
        for rows, latents in self._encoded(x):
            symbols = self.model.quantiser.to_symbols(latents, q, self.backend)
            out[rows, : self.model.n_encoded] = symbols
        return out

    def improve(
        self,
        x: Frames,
        y: Symbols,
        quality: int,
        effort: int,
        weight: npt.NDArray[np.float64] | None = None,
    ) -> Symbols:
        """Search symbols that cost less than those of the encoder; see `SymbolSearch.improve`.

        Parameters
        ----------
        x : (n, *frame_shape)
        y : (n, latent_size) int32
            What the encoder gives for them at a quality.
        quality, effort : int
        weight : (n,), optional
            Of each signal's errors; 1 where none is given.
        """
        if not effort:
            return y
        return self._search(quality).improve(x, y, EFFORTS[effort], weight)

    def _search(self, quality: int) -> SymbolSearch:
        if quality not in self._searches:
            self._searches[quality] = SymbolSearch(self.model, quality, self.decode)
        return self._searches[quality]

    def _correct(self, x: Frames, y: Symbols, quality: int) -> None:
        """Set the symbols of a quality's correction, if it has one, in `(n, latent_size)`."""
        if self.model.corrected_latents(quality).size:
            steps = np.floor(self._in_steps_of_correction(x, y, quality) + 0.5)
            y[:, self.model.n_encoded :] = np.clip(steps, SYMBOL_MIN, SYMBOL_MAX)

    def _in_steps_of_correction(
        self, x: Frames, y: Symbols, quality: int
    ) -> npt.NDArray[np.float64]:
        """Give the latents of the correction, `(n, n_corrected)`, that `(n, latent_size)` lack.

        They are nearer to 0 than they would be best, by a fifth of a step: symbols near 0 are
        cheap, and most are. What is no number becomes 0.
        """
        steps = self._search(quality).correct(x, y)
        steps -= np.clip(steps, -TOWARDS_ZERO, TOWARDS_ZERO)
        return np.where(np.isfinite(steps), steps, 0.0)

    def encode_at_all_qualities(self, x: Frames) -> Symbols:
        """Map `(n, *frame_shape)` signals to `(n_qualities, n, latent_size)` integer latents."""
        x, n_qualities = self.check_frames(x), self.model.n_qualities
        out = np.zeros((n_qualities, len(x), self.model.latent_size), dtype=np.int32)
        for rows, latents in self._encoded(x):
            for q in range(n_qualities):
                symbols = self.model.quantiser.to_symbols(latents, q, self.backend)
                out[q, rows, : self.model.n_encoded] = symbols
        for q in range(n_qualities):
            self._correct(x, out[q], q + 1)
        return out

    def latents(self, x: Frames, quality: int | None = None) -> npt.NDArray[np.float64]:
        """Map signals to their latents before rounding: for analysis, not for storing.

        Computed as exactly as `encode`, which rounds them: `floor(latents(x) + 0.5)`, clipped to
        int32, is `encode(x, effort=0)` bit for bit, whatever the batch size, backend and machine.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.

        Returns
        -------
        (n, latent_size) float64
            In units of the quality's rounding step.
        """
        x, q = self.check_frames(x), self._check_quality(quality) - 1
        n = self.model.n_encoded
        out = np.zeros((len(x), self.model.latent_size), dtype=np.float64)
        for rows, latents in self._encoded(x):
            out[rows, :n] = self.backend.to_numpy(
                self.model.quantiser.in_steps(latents, q, self.backend)
            )
        if self.model.corrected_latents(q + 1).size:
            symbols = np.clip(np.floor(out + 0.5), SYMBOL_MIN, SYMBOL_MAX).astype(np.int32)
            out[:, n:] = self._in_steps_of_correction(x, symbols, q + 1)
        return out

    def _encoded(self, x: Frames) -> Iterator[tuple[slice, Array]]:
        """Run the encoder on `(n, *frame_shape)` frames, a batch at a time."""
        if self._encoder is None:
            raise ModelError(
                f"model {self.model_id} has no encoder: it was exported to decompress; "
                "compress with the model it was exported from"
            )
        for rows in self._batches(len(x), self._encoder.network.elements):
            integers = self.model.normaliser.to_integers(x[rows], self.backend)
            yield rows, self._encoder(integers)

    def decode(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> Frames:
        """Map integer latents back to signals: the inverse of `encode` as far as they allow.

        Parameters
        ----------
        y : (n, latent_size) integers
        quality : int or (n,) integers, optional
            The one given to `encode`, or that of each signal.

        Returns
        -------
        (n, *frame_shape) of the model's dtype
        """
        y = self._check_symbols(y)
        q = self._quality_of_each(quality, len(y)) - 1
        out = np.empty((len(y), *self.model.frame_shape), dtype=self.model.dtype)
        for rows in self._batches(len(y), self._decoder.network.elements):
            latents = self.model.quantiser.to_latents(y[rows], q[rows], self.backend)
            out[rows] = self.model.normaliser.from_integers(self._decoder(latents), self.backend)
        return out

    def _batches(self, n: int, elements: int) -> Iterable[slice]:
        """Cut `n` frames into batches, fewer at a time where one takes large arrays."""
        size = min(self.batch_size, max(1, MAX_BATCH_ELEMENTS // elements))
        return (slice(i, i + size) for i in range(0, n, size))

    def check_frames(self, x: Frames) -> Frames:
        """Give `(n, *frame_shape)` signals of the model's dtype as they are, or DataError."""
        x = np.asarray(x)
        if x.dtype.newbyteorder("=") == self.model.dtype:
            x = x.astype(self.model.dtype, copy=False)
        wanted = f"(n, {', '.join(map(str, self.model.frame_shape))}) of {self.model.dtype}"
        if x.dtype != self.model.dtype:
            raise DataError(
                f"signals of dtype {x.dtype}; this model takes {wanted}: convert them with "
                f"{self.model.conversion_of(x.dtype)} or train a model on such data"
            )
        if x.shape[1:] != self.model.frame_shape or x.ndim == 0:
            raise DataError(
                f"signals of shape {x.shape}; this model takes {wanted}: reshape them or train "
                "a model on such data"
            )
        return x

    def _check_symbols(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        y = np.asarray(y)
        if y.dtype.kind not in "iu" or y.shape[1:] != (self.model.latent_size,):
            raise DataError(
                f"latents of shape {y.shape} and dtype {y.dtype}; this model takes integers of "
                f"shape (n, {self.model.latent_size})"
            )
        if y.size and not -(2**31) <= int(y.min()) <= int(y.max()) < 2**31:
            raise DataError("latents outside the range of int32")
        return y

    def request(
        self,
        quality: int | None = None,
        effort: int | None = None,
        target_bytes: float | None = None,
        target_psnr: float | None = None,
    ) -> Request:
        """Check what is asked for, and decide what is left open; SettingError."""
        targets = {"target_bytes": target_bytes, "target_psnr": target_psnr}
        given = [f"{name} {value!r}" for name, value in targets.items() if value is not None]
        budget = Budget(target_bytes, target_psnr) if given else None
        if budget is not None and quality is not None:
            raise SettingError(
                f"quality {quality!r} and {given[0]}; a target chooses the quality of each "
                "signal: give one of the two"
            )
        return Request(*self._check_point(quality, effort), budget)

    def _check_point(self, quality: int | None, effort: int | None) -> tuple[int, int]:
        """Give quality and effort, by default those of this model, or SettingError."""
        quality, searches = self._check_quality(quality), self.model.exchange is not None
        if effort is None:
            return quality, DEFAULT_EFFORT if searches else 0
        if isinstance(effort, bool) or not isinstance(effort, int | np.integer):
            raise SettingError(f"effort {effort!r}; it must be a whole number")
        if not 0 <= effort <= MAX_EFFORT:
            raise SettingError(
                f"effort {effort}; accepted are 0 (the fastest) to {MAX_EFFORT} (the best)"
            )
        if effort and not searches:
            raise SettingError(f"effort {effort}; this model has nothing to search by: give 0")
        return quality, int(effort)

    def _quality_of_each(
        self, quality: int | npt.NDArray[np.integer[Any]] | None, n: int
    ) -> npt.NDArray[np.intp]:
        """Give the quality of each of n signals, or SettingError."""
        if not isinstance(quality, np.ndarray):
            return np.full(n, self._check_quality(quality))
        if quality.shape != (n,):
            raise SettingError(
                f"qualities of shape {quality.shape}; give one, or one a signal: ({n},)"
            )
        for each in np.unique(quality).tolist():
            self._check_quality(each)
        return quality.astype(np.intp)

    def _check_quality(self, quality: int | None) -> int:
        if quality is None:
            return self.model.default_quality
        if isinstance(quality, bool) or not isinstance(quality, int | np.integer):
            raise SettingError(f"quality {quality!r}; it must be a whole number")
        if not 1 <= quality <= self.model.n_qualities:
            most = self.model.n_qualities
            accepted = "quality 1 alone" if most == 1 else f"qualities 1 to {most}"
            raise SettingError(f"quality {quality}; this model has {accepted}")
        return int(quality)
