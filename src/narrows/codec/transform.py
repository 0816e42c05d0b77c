"""Frames <-> symbols: the networks and the quantiser of a model, run in batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array, first_step
from narrows.codec.coders import Coders
from narrows.codec.conversions import way_to_dtype, way_to_shape
from narrows.codec.entropy.tables import Symbols
from narrows.codec.memory import keep_freed_memory
from narrows.codec.model.groups import ENCODED
from narrows.codec.model.model import KnownAnswers, Model
from narrows.codec.model.predictions import prediction_answers
from narrows.codec.model.quality import Quality
from narrows.codec.networks.backend import Array, Backend
from narrows.codec.networks.engines import REFERENCE, Engine, NativeEngine, engine_for
from narrows.codec.steps import check_latents, levels_of, steps_of
from narrows.errors import DataError, ModelError, SettingError

Frames = npt.NDArray[Any]

MAX_BATCH_ELEMENTS = 1 << 22  # of any one array of a batch: 32 MB of float64
SMALLEST_NORMAL = 2.0**-1022  # half of it is denormal
DEFAULT_BATCH_SIZE = 256  # keeps a batch's activations in a core's cache


class Transform:
    """The encoder and the decoder of a model, with exact integers between them.

        (n, *frame_shape) frames ──encode──► (n, latent_size) symbols
        (n, *frame_shape) frames ◄──decode── (n, latent_size) symbols

    Parameters
    ----------
    model : Model
    backend : Backend, optional
        Where the networks run; by default the fastest engine of this machine.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.
    """

    def __init__(
        self, model: Model, backend: Backend | None = None, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        if batch_size < 1:
            raise SettingError(f"batch_size {batch_size}; it must be at least 1")
        self.model = model
        self.given_backend = backend
        self.batch_size = batch_size
        self._use(engine_for(backend))
        self._serves_without_denormals = False
        keep_freed_memory()

    def _use(self, engine: Engine) -> None:
        """Compile the networks."""
        model = self.model
        self.engine, self.backend = engine, engine.backend
        self._encoder = None if model.encoder is None else engine.compile(model.encoder)
        self._decoder = engine.compile(model.decoder)
        self.compiled_frames = engine.compile_frames(model.normaliser, model.frame_shape)
        self.coders = Coders(engine)

    def serving(self, model: Model) -> Transform:
        """Return a transform of a model made from this one, where this one's known answers hold.

        What serves in the place of compiled code that does not compute them serves there, too.
        """
        self._check_denormals()
        other = Transform(model, self.given_backend, self.batch_size)
        if type(other.engine) is not type(self.engine):
            other._use(self.engine)
        return other

    @property
    def model_id(self) -> str:
        """The model's identity, 32 hexadecimal digits."""
        return self.model.model_id.hex()

    def check_known_answers(self) -> None:
        """Compute what the model file says this model must give, and compare.

        Where compiled code gives anything else, numpy computes from then on, with a warning.

        Raises
        ------
        ModelError
            If this machine computes anything else, with numpy too.
        """
        known, engine = self.model.known_answers, self.engine
        if known is None or self._gives(known):
            return
        if isinstance(engine, NativeEngine):
            self._use(REFERENCE)
            if self._gives(known):
                warnings.warn(
                    f"the engine {engine.name} does not compute the known answers of model "
                    f"{self.model_id}, so numpy does; please report this processor and compiler",
                    RuntimeWarning,
                    stacklevel=2,
                )
                return
            self._use(engine)
        raise ModelError(
            f"this machine does not compute the known answers of model {self.model_id}: its "
            "arithmetic is not exact (a BLAS with reduced precision, or a library that flushes "
            "denormal numbers to zero?), so nothing is decoded"
        )

    def _gives(self, known: KnownAnswers) -> bool:
        """Return whether this machine gives the known answers."""
        now = self.answer(known.symbols)
        encodes = self._encoder is None or np.array_equal(now.answers, known.answers)
        codes = self.coders.give_back(known.symbols, self.model.quality())
        return now.sha256 == known.sha256 and encodes and codes

    def _check_denormals(self) -> None:
        """Check the known answers once where another library flushes denormal numbers to zero.

        A library may set that for a process at any time, and few models have such numbers.
        """
        if self._serves_without_denormals or SMALLEST_NORMAL * 0.5 != 0.0:
            return
        self._serves_without_denormals = True  # as long as the answers are computed
        try:
            self.check_known_answers()
        except ModelError:
            self._serves_without_denormals = False
            raise

    def answer(self, symbols: Symbols) -> KnownAnswers:
        """Compute what `(n, latent_size)` symbols of the default quality give on this machine."""
        frames = self.decode(symbols)
        hashed = sha256(frames.astype(frames.dtype.newbyteorder("<")).tobytes())
        quality = self.model.quality()
        if quality.context is not None:
            for frequencies in self.coders.frequencies(symbols, quality):
                hashed.update(frequencies.astype("<i4").tobytes())
        for given in prediction_answers(self.model):
            hashed.update(given.astype("<i8").tobytes())
        if self._encoder is None:
            return KnownAnswers(symbols, hashed.hexdigest(), symbols[:0])
        answers = self.rounded(frames, [quality])[quality.number]
        return KnownAnswers(symbols, hashed.hexdigest(), answers)

    def rounded(self, x: Frames, qualities: Sequence[Quality]) -> dict[int, Symbols]:
        """Encode frames and round their latents at each of some qualities.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        qualities : sequence of Quality

        Returns
        -------
        dict of int to (n, latent_size) int32
            By the quality's number. Corrected symbols are 0.
        """
        shape, columns = (len(x), self.model.latent_size), self.model.columns(ENCODED)
        out = {quality.number: np.zeros(shape, dtype=np.int32) for quality in qualities}
        for rows, latents in self.encoded(x):
            for quality in qualities:
                out[quality.number][rows, columns] = self._symbols(latents, quality)
        return out

    def _symbols(self, latents: Array, quality: Quality) -> Symbols:
        """Round `(n, m)` latents; in a trellis one after the other, where a search does better."""
        quantiser = self.model.quantiser
        if quality.trellis is None:
            return quantiser.to_symbols(latents, quality.gain, self.backend)
        in_steps = quantiser.in_steps(latents, quality.gain, self.backend)
        return quality.trellis.nearest(self.backend.to_numpy(in_steps))

    def encoded(self, x: Frames) -> Iterator[tuple[slice, Array]]:
        """Run the encoder on `(n, *frame_shape)` frames, a batch at a time."""
        if self._encoder is None:
            raise ModelError(
                f"model {self.model_id} has no encoder: it was exported to decompress; "
                "compress with the model it was exported from"
            )
        self._check_denormals()
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
        return self.frames_of(check_latents(y, self.model.latent_size), quality)

    def frames_of(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> Frames:
        """Do as `decode` for latents that are known to be right: int32 of the model's number."""
        if len(y) == 1:
            ((_, integers),) = self.decoded(y, quality)
            return self._finish(integers)
        out = np.empty((len(y), *self.model.frame_shape), dtype=self.model.dtype)
        for rows, integers in self.decoded(y, quality):
            out[rows] = self._finish(integers)
        return out

    def _finish(self, integers: Array) -> Frames:
        if self.compiled_frames is not None:
            return self.compiled_frames.from_integers(integers)
        return self.model.normaliser.from_integers(integers, self.backend)

    def decoded(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None
    ) -> Iterator[tuple[slice, Array]]:
        """Run the decoder on latents that are known to be right, a batch at a time.

        Yields
        ------
        slice, (m, *frame_shape) float of the backend
            Whole numbers, in the decoder's own units.
        """
        self._check_denormals()
        steps = steps_of(self.model, quality, len(y))
        y = levels_of(self.model, self.coders, y, quality)
        for rows in self._batches(len(y), self._decoder.network.elements):
            own = steps[rows] if steps.ndim == 2 else steps
            latents = self.model.quantiser.to_latents(y[rows], own, self.backend)
            yield rows, self._decoder(latents)

    def windows(self, y: Symbols, quality: int) -> npt.NDArray[np.int64]:
        """Return what the decoder gives for `(n, latent_size)` latents, in its own units.

        Returns
        -------
        (n, length, channels) int64
            The first axis of a frame is time, and channels are all the others.
        """
        shape = self.model.frame_shape
        out = np.empty((len(y), *shape), dtype=np.int64)
        for rows, integers in self.decoded(y, quality):
            out[rows] = self.backend.to_numpy(integers)
        return out.reshape(len(y), shape[0], prod(shape[1:]))

    def _batches(self, n: int, elements: int) -> Iterable[slice]:
        """Cut `n` frames into batches, fewer at a time where one takes large arrays."""
        size = min(self.batch_size, max(1, MAX_BATCH_ELEMENTS // elements))
        return (slice(i, i + size) for i in range(0, n, size))

    def check_frames(self, x: Frames) -> Frames:
        """Return `(n, *frame_shape)` signals of the model's dtype as they are, or DataError."""
        given, x = x, as_array(x)
        if x.dtype.newbyteorder("=") == self.model.dtype:
            x = x.astype(self.model.dtype, copy=False)
        if x.dtype.kind == "b":
            x = np.not_equal(x, False)
        self.check_kind(x.shape, x.dtype, x, first_step(given))
        return x

    def check_kind(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        values: Frames | None = None,
        first: str = "",
    ) -> None:
        """Raise DataError for signals of another dtype or shape; `values` decide the advice."""
        model = self.model
        if dtype == model.dtype and shape and shape[1:] == model.frame_shape:
            return
        wanted = f"(n, {', '.join(map(str, model.frame_shape))}) of {model.dtype}"
        if dtype != model.dtype:
            raise DataError(
                f"signals of dtype {dtype}; this model takes {wanted}: "
                f"{way_to_dtype(dtype, model.dtype, model.peak, values)}{first}"
            )
        raise DataError(
            f"signals of shape {shape}; this model takes {wanted}: "
            f"{way_to_shape(shape, model.frame_shape)}{first}"
        )
