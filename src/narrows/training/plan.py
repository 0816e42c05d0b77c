"""What a training does: every number of a run, decided once, before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import SettingError
from narrows.training.aims import parse_aim
from narrows.training.choices import (
    CLASSIC,
    CLOSED_FORM,
    DEFAULT,
    FEW_SIGNALS,
    GIVEN,
    LARGE,
    Choices,
    choose_aim,
    choose_latents,
    choose_latents_for,
    choose_length,
    choose_networks,
    follow_preset,
    usual_patience,
)
from narrows.training.counts import signal_counts
from narrows.training.decoder_size import choose_decoder
from narrows.training.presets import PRESETS
from narrows.training.settings import TrainingSettings, public_name
from narrows.training.water_filling import Spectrum
from narrows.words import counted


@dataclass(frozen=True)
class Start:
    """What a run that begins with a finished model has from it, besides the networks."""

    model_id: str
    settings: TrainingSettings
    """Those asked for, and the model's."""
    reasons: dict[str, str]
    """Why, of the model's."""
    first_lambda: float | None


RATE_RATIO = 10.0 ** (1 / 7)  # between neighbouring qualities: eight span a factor of ten
TAKEN_OVER = ("latent_size", "qualities", "bits_per_latent", "loss", "lambda_", "minutes", "sparse",
              "corrupt", "seed")  # fmt: skip
MIN_EPOCHS_SHIFTED = 20  # with fewer, signals are seen too seldom to be learned by heart


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every number of a run; trainers read nothing else."""

    settings: dict[str, Any]
    """What was asked for, by all names; None where neither that nor the kind of signals decides."""
    reasons: dict[str, str]
    """Why, by the name of what was decided."""
    method: str
    """CLOSED_FORM, RATE_DISTORTION or CLASSIC."""
    architecture: str
    """Whose numbers hold: "linear", "dense" or "conv", for networks of the user's own too."""
    width: float
    """Channels and hidden units, in those of usual networks."""
    decoder: str = LARGE
    """How large the decoder is: "small", "default" or "large"."""
    latent_size: int
    qualities: int
    bits_per_latent: float
    aimed_snr: float | None = None
    """In dB, of the middle quality; the rate is then no aim, but what begins near it."""
    components: int = 0
    """Principal components that are worth coding at that."""
    loss: str
    lambda_: float | None
    minutes: float | None
    sparse: float
    corrupt: str | None
    seed: int
    latent_scale: float = 1.0
    """Rounding steps per unit of the encoder's output at first."""
    starts_linear: bool = False
    """Whether networks begin as PCA."""
    mixes: bool
    """Whether the signals of a batch are mixed."""
    can_shift: bool = False
    """Whether frames are pictures that may be shifted."""
    n_train: int
    n_held_out: int
    max_validated: int | None = None
    """Validation frames that are looked at after an epoch; None: all."""
    epochs: int
    batch_size: int
    updates_per_epoch: int
    patience: int
    learning_rate: float
    usual_epochs: int = 0
    """Epochs of a full training, where nothing is asked for."""
    too_short: str = ""
    """How far a budget is from enough, where it is far too short."""
    started_from: str | None = None
    """The id of the model that the networks begin as,"""
    first_lambda: float | None = None
    """and its last lambda, at the middle quality."""
    schedule: str = ""
    """Of a classic training's learning rate: "constant" or "cosine"."""

    @property
    def aimed_bits(self) -> float:
        """The rate that training aims at, in bits a signal; that of the middle quality."""
        return self.bits_per_latent * self.latent_size

    @property
    def aim_in_words(self) -> str | None:
        """What training aims at, as it is asked for; None where that is no rate and no quality."""
        if self.method == CLASSIC or self.lambda_ is not None:
            return None
        return self.settings["aim"] or f"bytes:{self.aimed_bits / 8:.3g}"

    @property
    def middle_quality(self) -> int:
        """The default quality, counted from 0."""
        return middle_of(self.qualities)

    @property
    def shifts(self) -> bool:
        """Whether pictures are shifted by a pixel."""
        return self.can_shift and self.epochs >= MIN_EPOCHS_SHIFTED

    def of_qualities(self, middle: float, factor: float) -> list[float]:
        """Return, for each quality, `middle` times `factor` to the power of its distance."""
        return [middle * factor ** (q - self.middle_quality) for q in range(self.qualities)]

    def lasting(
        self, epochs: int, why: str, updates_per_epoch: int | None = None, too_short: str = ""
    ) -> Plan:
        """Return the same plan with another number of epochs, or shorter ones."""
        return replace(
            self,
            epochs=epochs,
            updates_per_epoch=updates_per_epoch or self.updates_per_epoch,
            patience=self.settings["patience"] or usual_patience(epochs),
            reasons={**self.reasons, "epochs": why},
            too_short=too_short,
        )

    @property
    def more_epochs(self) -> int | None:
        """Epochs to train for where these were too few: as many as usual, or twice as many."""
        if self.method == CLOSED_FORM:
            return None
        return max(self.usual_epochs, 2 * self.epochs)

    def why(self, name: str) -> str:
        """Return the reason for a number, by its name."""
        return self.reasons.get(name, DEFAULT)

    def lines(self) -> list[str]:
        """Describe in one or two lines what is done, and why where this was not asked for."""
        told = {
            "epochs": f"plan: {counted(self.epochs, 'epoch')} of "
            f"{counted(self.updates_per_epoch, 'batch', 'batches')} of {self.batch_size}",
            "latent_size": counted(self.latent_size, "latent") + self._bits_in_words(),
            "learning_rate": f"learning rate {self.learning_rate:g}",
        }
        if self.settings["decoder"] is not None:
            told["decoder"] = f"{self.decoder} decoder"
        known, too_short = (GIVEN, DEFAULT), [self.too_short] if self.too_short else []
        plan = "; ".join(
            text if self.why(name) in known else f"{text} ({self.why(name)})"
            for name, text in told.items()
        )
        if self.settings["architecture"] == "auto" or self.why("architecture") == GIVEN:
            return [plan, *too_short]
        wide = f", {self.width:g} times as wide" if self.width != 1.0 else ""
        mixes = "; learns from mixtures of them" if self.mixes else ""
        networks = f"architecture: {self.architecture}{wide}, {self.why('architecture')}{mixes}"
        return [networks, plan, *too_short]

    def _bits_in_words(self) -> str:
        if self.method == CLASSIC:
            return ""
        if self.aimed_snr is None:
            return f" of {self.bits_per_latent:.3g} bits"
        return f" and at most about {self.aimed_bits / 8:.3g} bytes a signal"

    def as_json(self) -> dict[str, Any]:
        """Return the numbers that training itself is made of, for the model file."""
        names = ("architecture", "decoder", "epochs", "batch_size", "updates_per_epoch", "patience",
                 "learning_rate", "mixes")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def settings_as_json(self) -> dict[str, Any]:
        """Return the settings by their public names."""
        return {public_name(name): value for name, value in self.settings.items()}


def plan_of(
    asked: TrainingSettings,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    *,
    spectrum: Callable[[], Spectrum] | None = None,
    own_networks: bool = False,
    start: Start | None = None,
    has_validation: bool = False,
    crops: int = 0,
) -> Plan:
    """Decide every number of a run.

    Parameters
    ----------
    asked : TrainingSettings
        What is left out, or None, is decided here.
    shape : tuple of int
        `(n, *frame_shape)` of the signals, those that are held out included.
    dtype : numpy.dtype
        Of the signals.
    spectrum : callable, optional
        Computes the signals' spectrum. Without it there is no aim, but latents of usual bits.
    own_networks : bool
        Whether the networks are the user's.
    start : Start, optional
        What the run begins with, where that is a finished model.
    has_validation : bool
        Whether others are given to validate on.
    crops : int
        How many of the signals are crops that share their elements with others.

    Raises
    ------
    SettingError
        For a setting that is not accepted, alone or beside another, or with such signals.
    """
    choices = Choices(asked, start.reasons if start else {})
    settings, size = choices.settings, prod(shape[1:])
    quality: dict[str, Any] = {}
    itemsize = np.dtype(dtype).itemsize
    n_train, n_held_out = signal_counts(shape, itemsize, has_validation=has_validation)
    if settings["preset"] is None:
        numbers = choose_networks(choices, shape, own_networks)
        mixable = settings["augment"] and np.dtype(dtype).itemsize > 1  # others are often pictures
        numbers["mixes"] = numbers["starts_linear"] and mixable and shape[0] < FEW_SIGNALS
        if start:
            own = {"started_from": start.model_id, "first_lambda": start.first_lambda}
            numbers |= {"starts_linear": False, **own}
        if spectrum is not None and not own_networks:
            choose_aim(choices)
        quality = _choose_latents(choices, shape, np.dtype(dtype), numbers, spectrum)
    else:
        numbers = follow_preset(choices, PRESETS[settings["preset"]], own_networks)
    architecture = numbers["architecture"]
    numbers["decoder"] = choose_decoder(choices, shape[1:], architecture, own=own_networks)
    if settings["latent_size"] > size:
        raise SettingError(
            f"latent_size {settings['latent_size']} for frames of {size} elements; it must be at "
            "most that, and much smaller to compress"
        )
    of_length = {name: numbers[name] for name in ("architecture", "decoder", "width", "mixes")}
    return Plan(
        **{**{name: settings[name] for name in TAKEN_OVER}, **numbers},
        **choose_length(choices, n_train, **of_length, crops=crops),
        n_train=n_train,
        n_held_out=n_held_out,
        **quality,
        settings=settings,
        reasons=choices.reasons,
    )


def _choose_latents(
    choices: Choices,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    numbers: dict[str, Any],
    spectrum: Callable[[], Spectrum] | None,
) -> dict[str, Any]:
    """Choose latents and bits; return the fields of an aim of quality, if there is one."""
    settings, size = choices.settings, prod(shape[1:])
    found = None if settings["aim"] is None or spectrum is None else spectrum()
    if found is not None and not choices.keeps_aim(found.finest_snr):
        found = None
    if found is None:
        choose_latents(choices, size, numbers["width"], mixes=numbers["mixes"])
        return {}
    aim, qualities = parse_aim(settings["aim"]), settings["qualities"]
    bits = None if aim.of_quality else aim.bits(size, dtype.itemsize)
    highest = RATE_RATIO ** (qualities - 1 - middle_of(qualities))
    return choose_latents_for(choices, aim, found, bits, numbers, highest)


def middle_of(qualities: int) -> int:
    """Return the default one of so many qualities, counted from 0."""
    return (qualities - 1) // 2
