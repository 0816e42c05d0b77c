"""A frozen codec in memory: networks, quantiser, tables; and its identity."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import DTYPE_CODES, MAX_FRAME_BYTES, MODEL_ID_BYTES
from narrows.codec.checks import check_shape
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import Row
from narrows.codec.model.codings import check_trellis, codings_of
from narrows.codec.model.content import write_decoding, write_encoder
from narrows.codec.model.groups import CORRECTED, ENCODED, check_groups, columns_of
from narrows.codec.model.predictions import check_predictions
from narrows.codec.model.quality import Quality
from narrows.codec.model.tradeoff import Fit, Tradeoffs
from narrows.codec.networks.layers import Shape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError, SettingError

if TYPE_CHECKING:
    from narrows.codec.levels.kinds import Levels
    from narrows.codec.prediction.prediction import Prediction
    from narrows.codec.prediction.wavelets import Wavelets


@dataclass(frozen=True, eq=False)
class KnownAnswers:
    """What the model must compute, bit for bit, on every machine.

    Attributes
    ----------
    symbols : (n, latent_size) int32
        Inputs of the decoder, at the default quality.
    sha256 : str
        Hash of the frames they decode to, little-endian, row-major; and of the frequencies that a
        context model codes them with, as 32-bit integers, position by position.
    answers : (n, latent_size) int32
        The symbols that the encoder makes of those frames.
    """

    symbols: npt.NDArray[np.int32]
    sha256: str
    answers: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Model:
    """A frozen codec: networks, quantiser, tables, and how it came to be.

        frames ─normaliser─► encoder ─► quantiser ─► symbols ─► tables
        frames ◄─normaliser─ decoder ◄─ quantiser ◄─ symbols ◄─ tables

    Attributes
    ----------
    frame_shape : tuple of int
    normaliser, quantiser, tables, decoder
        What decoding needs.
    encoder : IntegerNetwork or None
        None in a model that only decompresses.
    architecture : str
    contexts : sequence of ContextModel or None
        One a quality: None where its tables' own frequencies are used.
    peak : float
        The signal range that PSNR refers to, in the signal's units.
    tradeoffs : Tradeoffs or None
        What a search for better symbols needs; it goes with the encoder.
    fit : Fit or None
        What signals the encoder was made for; it needs the trade-offs.
    known_answers : KnownAnswers or None
    groups : mapping of str to int
        How many latents each group has, in order. Without others, all are encoded.
    prediction : Prediction or None
        How windows of a recording are predicted from those before them.
    wavelets : Wavelets or None
        How arrays that are cut to tiles are coded as a whole; a model has one of the two.
    levels : ByteLevels, NumberLevels or None
        What codes frames without loss.
    trellis : sequence of rows of FrequencyTable, or none
        The tables of the second quantiser at each quality, where two take turns.
    training : mapping
        How the model came to be; coding does not depend on it.
    given_encoder_digest : bytes or None
        The digest of the encoder that was left out.

    Raises
    ------
    UnprovenModelError
        If the networks' arithmetic could leave the exact integers.
    FormatError
        If the parts do not fit together.
    """

    frame_shape: Shape
    normaliser: Normaliser
    encoder: IntegerNetwork | None
    quantiser: Quantiser
    decoder: IntegerNetwork
    tables: Sequence[Row]
    contexts: Sequence[ContextModel | None]
    architecture: str
    peak: float
    tradeoffs: Tradeoffs | None = None
    fit: Fit | None = None
    known_answers: KnownAnswers | None = None
    groups: Mapping[str, int] = field(default_factory=dict)
    prediction: Prediction | None = None
    wavelets: Wavelets | None = None
    levels: Levels | None = None
    trellis: Sequence[Row] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    given_encoder_digest: bytes | None = None

    def __post_init__(self) -> None:
        check_shape(self.frame_shape, "frame shape of a model")
        if self.groups.keys() <= {ENCODED}:
            object.__setattr__(self, "groups", {ENCODED: self.latent_size})
        check_groups(self.groups, self.latent_size)
        size, k = prod(self.frame_shape), self.quantiser.latent_size
        if self.dtype not in DTYPE_CODES or size * self.dtype.itemsize > MAX_FRAME_BYTES:
            raise FormatError(f"model for frames {self.frame_shape} of {self.dtype}")
        if k > size:
            raise FormatError(f"model with {k} latents for frames of {size} elements")
        if len(self.tables) != self.quantiser.n_qualities or any(len(r) != k for r in self.tables):
            raise FormatError(f"tables that do not fit gains of shape {self.quantiser.gain.shape}")
        self._check_contexts()
        check_trellis(self)
        if not self.peak > 0 or not np.isfinite(self.peak):
            raise FormatError(f"model with peak {self.peak}; it must be finite and above 0")
        self._check_networks(k)
        self._check_correction()
        if self.tradeoffs is not None and self.encoder is None:
            raise FormatError("model with a trade-off for its search, but without an encoder")
        if self.tradeoffs and self.tradeoffs.curvature.shape != self.quantiser.gain.shape:
            raise FormatError(f"curvatures unlike gains of shape {self.quantiser.gain.shape}")
        if self.fit and (self.tradeoffs is None or len(self.fit.distortion) != self.n_qualities):
            raise FormatError("fit without a search, or with distortions of other qualities")
        weights = self.tradeoffs.weights if self.tradeoffs else ()
        if weights and self.frame_shape[-1:] != (len(weights),):
            raise FormatError(f"search with weights of {len(weights)} channels for other frames")
        self._check_known_answers(k)
        check_predictions(self)

    def _check_networks(self, k: int) -> None:
        decoder, encoder = self.decoder, self.encoder
        if (decoder.input_shape, decoder.output_shape) != ((k,), self.frame_shape):
            raise FormatError(f"decoder from {decoder.input_shape} to {decoder.output_shape}")
        if decoder.input_limit != self.quantiser.limit:
            raise FormatError("decoder whose input limit is not the quantiser's limit")
        if self.normaliser.n_channels not in (None, *self.frame_shape[-1:]):
            raise FormatError(f"normaliser of {self.normaliser.n_channels} channels for frames")
        self.normaliser.check_output(decoder.output_limit)
        if encoder is None:
            if self.given_encoder_digest is None or len(self.given_encoder_digest) != 32:
                raise FormatError("model without an encoder and without the digest of one")
            return
        shapes = (self.frame_shape, (self.groups[ENCODED],))
        if (encoder.input_shape, encoder.output_shape) != shapes:
            raise FormatError(f"encoder from {encoder.input_shape} to {encoder.output_shape}")
        if encoder.input_limit != self.normaliser.limit:
            raise FormatError("encoder whose input limit is not the normaliser's limit")
        self.quantiser.check_input(encoder.output_limit)

    def _check_correction(self) -> None:
        """Raise an error unless corrected latents go through a dense layer that only they have."""
        if CORRECTED not in self.groups:
            return
        branches = self.decoder.branches
        sizes = [branch.input_shape[0] for branch in branches]
        kinds = [layer.kind for layer in branches[-1].layers]
        if sizes != list(self.groups.values()) or kinds not in (["dense"], ["dense", "reshape"]):
            raise FormatError(
                f"corrected latents in a decoder of {kinds} for {sizes[-1]} inputs; it must be a "
                f"parallel layer that splits {list(self.groups.values())}, its second chain a "
                "dense layer and at most a reshape"
            )
        if self.encoder is not None and self.tradeoffs is None:
            raise FormatError("corrected latents and an encoder, but nothing to search them by")

    def _check_contexts(self) -> None:
        if len(self.contexts) != self.n_qualities:
            raise FormatError(f"{len(self.contexts)} contexts for {self.n_qualities} qualities")
        for context, row in zip(self.contexts, self.tables, strict=True):
            if context is None:
                continue
            if context.k != self.groups[ENCODED] or any(
                size != row[j].weights.size
                for size, j in zip(context.sizes, context.order, strict=True)
            ):
                raise FormatError("context model for tables of other sizes")

    def _check_known_answers(self, k: int) -> None:
        known = self.known_answers
        if known is None:
            return
        for array in (known.symbols, known.answers):
            if array.dtype != np.int32 or array.ndim != 2 or array.shape[1] != k:
                raise FormatError(f"known answers of {array.dtype} {array.shape}")
        if len(known.symbols) != len(known.answers):
            raise FormatError("known answers of different numbers of symbols and answers")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the signals."""
        return self.normaliser.dtype

    @property
    def latent_size(self) -> int:
        """The number of latents of a frame."""
        return self.quantiser.latent_size

    def columns(self, group: str) -> slice:
        """Return the columns of a group of latents; none if the model does not have it."""
        return columns_of(group, self.groups)

    @property
    def n_qualities(self) -> int:
        """The number of qualities."""
        return self.quantiser.n_qualities

    @property
    def default_quality(self) -> int:
        """The quality used where none is asked for: the middle one, counted from 1."""
        return (self.n_qualities + 1) // 2

    @cached_property
    def qualities(self) -> Sequence[Quality]:
        """All qualities, from the fewest bytes to the most."""
        return [self._row(q) for q in range(self.n_qualities)]

    def quality_of_block(self, number: int) -> Quality:
        """Return the quality that a block names; FormatError where there is none such."""
        if not 1 <= number <= self.n_qualities:
            raise FormatError(f"block of quality {number}, which the model does not have")
        return self.quality(number)

    def quality(self, number: int | None = None) -> Quality:
        """Return a quality by its number, counted from 1; by default the middle one.

        Raises
        ------
        SettingError
            If the model does not have it.
        """
        if number is None:
            number = self.default_quality
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise SettingError(f"quality {number!r}; it must be a whole number")
        if not 1 <= number <= self.n_qualities:
            most = self.n_qualities
            accepted = "quality 1 alone" if most == 1 else f"qualities 1 to {most}"
            raise SettingError(f"quality {number}; this model has {accepted}")
        return self.qualities[number - 1]

    def _row(self, q: int) -> Quality:
        """Gather a row of all that qualities differ in."""
        tradeoff = None if self.tradeoffs is None else self.tradeoffs.at(q + 1)
        quantiser, tables = self.quantiser, codings_of(self, q)
        own = (quantiser.gain[q], quantiser.step[q], tables, self.contexts[q], tradeoff)
        return Quality(q + 1, *own)

    @cached_property
    def encoder_digest(self) -> bytes:
        """SHA-256 of the encoder, or of the one that was left out."""
        if self.encoder is None and self.given_encoder_digest is not None:
            return self.given_encoder_digest
        return write_encoder(self).digest()

    @cached_property
    def model_id(self) -> bytes:
        """16 bytes that name exactly what coding depends on."""
        both = self.encoder_digest + write_decoding(self).digest()
        return hashlib.sha256(both).digest()[:MODEL_ID_BYTES]

    def without_encoder(self) -> Model:
        """Return the model that only decompresses: same id, half to two thirds of the size."""
        left_out: dict[str, Any] = {"encoder": None, "tradeoffs": None, "fit": None}
        return replace(self, **left_out, given_encoder_digest=self.encoder_digest)
