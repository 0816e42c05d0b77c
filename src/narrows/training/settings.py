"""What a training run is told, and what it decides from the data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from narrows.errors import SettingError
from narrows.training.data.corruption import Corruption

ARCHITECTURES = ("auto", "linear", "dense", "conv")
LOSSES = ("mse", "bce", "l1")

RATE_RATIO = 10.0 ** (1 / 7)  # between neighbouring qualities: eight span a factor of ten
MOST_CHANNELS = 4  # of a frame whose last axis counts as channels: colours, leads, components
LEAST_PICTURE = 16  # elements of either side, from which on convolutions are worth their time
MANY_SIGNALS = 2000  # with fewer, beginning as PCA is worth more
MOST_QUALITIES = 8  # that a model file has room for
MOST_EPOCHS = 200  # of a default run: small sets gain nothing from more
LEAST_BATCH = 32  # signals of an update, if there are as many
AIMED_UPDATES = {"linear": 0, "dense": 12_000, "conv": 6_400}
"""Updates of the weights in a default run: dense is where MNIST's curve of quality against time
bends, conv what takes less than ten minutes for it on two cores."""
LEARNING_RATES = {"linear": 0.0, "dense": 4e-3, "conv": 6e-3}
FEW_SIGNALS = 10_000  # with fewer, dense networks learn from mixtures too: see `augmentation`
OF_MIXTURES = 1e-3, 128, 400
"""Learning rate, smallest batch and most epochs with them: there is no end of mixtures."""
MOST_BATCH = 256  # signals of an update
WIDER = {"dense": 1.0, "conv": 1.5}
"""Channels and hidden units of networks for many qualities, in those for one."""
SMALLER_BATCH = 2  # times smaller, where networks are wider: they gain from more updates
MANY_QUALITIES = 4  # from which on; with fewer, and in short runs, networks as usual learn faster
LATENTS_OF_MIXTURES = 128  # by default, for the same bits in all
SEVERAL = {"latent_size": 64, "bits_per_latent": 2.4}
SEVERAL_WIDER = {"latent_size": 96, "bits_per_latent": 1.6}
"""By default, of several qualities and where networks are wider: the highest can use them."""


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of one training run; None means: decided from the data.

    Attributes
    ----------
    latent_size : int
        Latents of a frame.
    bits_per_latent : float
        The rate that training aims at unless `lambda_` is given, of the middle quality. With 3.2,
        32 latents of MNIST come to 12.7 bytes.
    qualities : int
        How many qualities the model has, 1 to 8: aimed at rates a factor of 1.39 apart, so
        that eight span a factor of ten.
    preset : str or None
        A plain autoencoder of `narrows.training.classic.presets`, trained without a rate term.
    architecture : str
        "auto", "linear", "dense" or "conv"; see `resolved`.
    loss : str
        Distortion: "mse", "bce" (cross-entropy on the data's range) or "l1".
    lambda_ : float or None
        Weight of the distortion, in bits per unit of squared error (or of its kind) summed over
        a frame whose range is 1. None: found while training, so that the rate meets its aim.
    epochs, batch_size : int or None
        None: 6,400 (conv) or 12,000 updates of 32 to 256 frames, in at most 200 epochs; with
        mixtures, of at least 128 frames, in at most 400; from four qualities on, twice as many
        updates (conv) of half as many.
    minutes : float or None
        In place of `epochs`: as many as fit, counted before training starts.
    learning_rate : float or None
        At its highest; None: 0.004, or 0.006 (conv), or 0.001 with mixtures.
    patience : int or None
        Epochs without a better validation loss after which training stops. None: a quarter
        of the epochs, but at least 20.
    seed : int
        Everything random derives from (seed, epoch).
    device : str
        Of torch: "cpu", "cuda", ..., or "auto".
    corrupt : str or None
        What the encoder sees in training, in place of the signals: see `Corruption`.
    sparse : float
        Weight of the sum of a frame's absolute latents in the loss.
    augment : bool
        Whether long runs on pictures shift them by a pixel, and runs on few other signals mix
        them: see `augmentation`.
    """

    latent_size: int = 32
    bits_per_latent: float = 3.2
    qualities: int = 1
    architecture: str = "auto"
    loss: str = "mse"
    lambda_: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    minutes: float | None = None
    learning_rate: float | None = None
    patience: int | None = None
    seed: int = 0
    device: str = "auto"
    preset: str | None = None
    corrupt: str | None = None
    sparse: float = 0.0
    augment: bool = True

    def __post_init__(self) -> None:
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("loss", self.loss, LOSSES)
        _at_least("latent_size", self.latent_size, 1)
        _at_least("seed", self.seed, 0)
        _at_least("qualities", self.qualities, 1)
        if self.qualities > MOST_QUALITIES:
            raise SettingError(f"qualities {self.qualities}; at most {MOST_QUALITIES} are possible")
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)
        if self.minutes is not None and self.epochs is not None:
            raise SettingError(
                f"minutes {self.minutes} and epochs {self.epochs}; a run has one length: give one"
            )
        for name in ("learning_rate", "lambda_", "bits_per_latent", "minutes"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                shown = name.rstrip("_")
                raise SettingError(f"{shown} {value}; it must be a finite number above 0")
        if not (math.isfinite(self.sparse) and self.sparse >= 0):
            raise SettingError(f"sparse {self.sparse}; it must be a finite number of at least 0")
        if self.corrupt is not None:
            Corruption.parse(self.corrupt)

    @property
    def aimed_bits(self) -> float:
        """The rate that training aims at, in bits a signal; that of the middle quality."""
        return self.bits_per_latent * self.latent_size

    @property
    def middle_quality(self) -> int:
        """The default quality, counted from 0."""
        return (self.qualities - 1) // 2

    @property
    def width(self) -> float:
        """How wide the networks are, in those for one quality."""
        return WIDER.get(self.architecture, 1.0) if self.qualities >= MANY_QUALITIES else 1.0

    def of_qualities(self, middle: float, factor: float) -> list[float]:
        """Give what is `middle` at the middle quality, and changes by a factor to the next."""
        return [middle * factor ** (q - self.middle_quality) for q in range(self.qualities)]

    def resolved(self, frame_shape: tuple[int, ...], n_signals: int) -> TrainingSettings:
        """Put an architecture for "auto": conv for many pictures, dense for all else.

        Pictures have two axes of at least 16, and perhaps a third, short one of channels.
        """
        if self.architecture != "auto" or self.preset is not None:
            return self
        channels = len(frame_shape) == 3 and frame_shape[-1] <= MOST_CHANNELS
        spatial = frame_shape[:-1] if channels else frame_shape
        pictures = len(spatial) == 2 and min(spatial) >= LEAST_PICTURE
        many = n_signals >= MANY_SIGNALS
        return replace(self, architecture="conv" if pictures and many else "dense")

    @property
    def starts_linear(self) -> bool:
        """Whether the networks begin as PCA."""
        return self.architecture == "dense" and self.preset is None and self.loss != "bce"

    def mixes(self, n_signals: int, *, mixable: bool) -> bool:
        """Tell whether training signals are mixed: few ones of networks that begin as PCA.

        Signals of single bytes are not `mixable`: mostly pictures, whose sums are none.
        """
        return mixable and self.augment and self.starts_linear and n_signals < FEW_SIGNALS

    def plan(self, n_signals: int, *, mixes: bool = False) -> Plan:
        """Fix what is None, from the number of training signals, and whether they are mixed.

        Presets and networks of one's own still have "auto": they count as dense.
        """
        architecture = "dense" if self.architecture == "auto" else self.architecture
        rate, least, most = LEARNING_RATES[architecture], LEAST_BATCH, MOST_EPOCHS
        if mixes:
            rate, least, most = OF_MIXTURES
        usual = 2 ** round(math.log2(max(n_signals, 1) / 48))
        smaller = SMALLER_BATCH if self.width > 1.0 else 1
        usual = min(MOST_BATCH, usual) // smaller
        batch = min(self.batch_size or max(least, usual), n_signals)
        updates = AIMED_UPDATES[architecture] * smaller
        epochs = self.epochs or max(3, min(most, round(updates / (n_signals // batch))))
        return Plan(
            architecture=architecture,
            epochs=epochs,
            batch_size=batch,
            updates_per_epoch=n_signals // batch,
            patience=self.patience or max(20, epochs // 4),
            learning_rate=self.learning_rate or rate,
            mixes=mixes,
        )

    def as_json(self) -> dict[str, Any]:
        """Give the settings by their public names."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Plan:
    """What a run does, fixed before it starts.

    Attributes
    ----------
    architecture : str
    epochs, batch_size, updates_per_epoch, patience : int
    learning_rate : float
    mixes : bool
        Whether the signals of a batch are mixed.
    """

    architecture: str
    epochs: int
    batch_size: int
    updates_per_epoch: int
    patience: int
    learning_rate: float
    mixes: bool


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise SettingError(f"unknown {name} {value!r}; accepted are {', '.join(accepted)}")


def _at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingError(f"{name} {value!r}; it must be a whole number of at least {least}")
