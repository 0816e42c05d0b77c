"""What a plan chooses: networks, latents, and how long they are trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

from narrows.errors import SettingError
from narrows.training.aims import DEFAULT_AIM, Aim, parse_aim
from narrows.training.presets import PRESETS, Preset
from narrows.training.settings import (
    EXCLUDED_BY_AIM,
    SETTINGS,
    TrainingSettings,
    completed,
    public_name,
)
from narrows.training.water_filling import Spectrum
from narrows.words import counted

GIVEN, DEFAULT = "given", "the default"
CLOSED_FORM, RATE_DISTORTION, CLASSIC = "closed form", "rate-distortion", "classic"

MAX_CHANNELS = 4  # of a frame whose last axis counts as channels: colours, leads, components
MIN_PICTURE_SIDE = 16  # elements of either side, from which on convolutions are worth their time
MIN_PICTURES = 2000  # from which on they are; with fewer, beginning as PCA is worth more
MIN_QUALITIES_OF_WIDER = 4  # from which on networks are wider; with fewer, usual ones learn faster
IN_CLOSED_FORM = ("linear", PREDICTIVE := "predictive")
"""Architectures that are solved at once: nothing to watch, to keep or to go on with."""
SMALL, USUAL, LARGE = "small", "default", "large"
"""Sizes of decoders; networks that have but one count as having the large one."""
WIDTHS = {"linear": 1.0, "predictive": 1.0, "dense": 1.0, "conv": 1.5}
"""Channels and hidden units of networks for many qualities, in those of usual ones."""
FIRST_LATENT_SCALE = 4.0  # latents then start some steps wide, and noise does not drown them

LATENT_SIZE, BITS_PER_LATENT, LOSS = 32, 3.2, "mse"
"""By default, with one quality. 32 latents of 3.2 bits of MNIST come to 12.7 bytes."""
LATENTS_OF_SEVERAL = 64, 2.4  # latents and bits of each with several qualities,
LATENTS_OF_WIDER = 96, 1.6  # and where networks are wider: the highest quality can use them
MAX_LATENTS_OF_MIXTURES = 128  # by default, for the same bits in all

LATENTS_OF_COMPONENT = {"linear": 1.0, "predictive": 1.0, "dense": 0.6, "conv": 0.2}
"""Latents for each principal component that is worth coding at the aim: networks bend."""
BITS_OF_LATENT = {"conv": 2.75}
"""At most, of latents for a rate that was aimed at (docs/experiments.md)."""
MAX_BITS_PER_LATENT = 8.0  # where few latents are asked for, which cannot meet an aim of quality
MAX_LATENTS = {"linear": 4096, "predictive": 4096, "dense": 256, "conv": 256}

UPDATES = {"linear": 0, "predictive": 0, "dense": 12_000, "conv": 6_400}
"""Updates of the weights in a default run: dense is where MNIST's curve of quality against time
bends, conv what takes less than ten minutes for it on two cores."""
UPDATES_OF_SMALLER = 7_700
"""Of conv networks with smaller decoders, whose updates take two thirds to three quarters of the
time."""
LEARNING_RATES = {"linear": 0.0, "predictive": 0.0, "dense": 4e-3, "conv": 6e-3}
MAX_EPOCHS = 200  # of a default run: small sets gain nothing from more
MIN_EPOCHS = 3
MIN_BATCH, MAX_BATCH = 32, 256  # signals of an update, if there are as many
UPDATES_OF_AN_EPOCH = 48  # or close to it, between those two
BATCH_DIVISOR = 2  # of wider networks, which gain from more updates: they make as many more
MIN_PATIENCE, PATIENCE_DIVISOR = 20, 4  # epochs, and of all epochs

FEW_SIGNALS = 10_000  # with fewer, dense networks learn from mixtures of them too
MIXTURES_RATE, MIXTURES_BATCH, MIXTURES_EPOCHS = 1e-3, 128, 400
"""Learning rate, smallest batch and most epochs with mixtures: there is no end of them."""
MAX_VALIDATED = 2048  # validation frames after an epoch
MAX_VALIDATED_OF_SEVERAL = 1024  # where each is decoded at several qualities


MIN_TRAINED_SHARE = 0.05
"""Of a full training's updates: after fewer, the network has hardly begun."""


def enough_minutes(full_seconds: float) -> int:
    """Return the minutes after which a model can be judged, twice the least share of a full run."""
    return max(1, math.ceil(2 * MIN_TRAINED_SHARE * full_seconds / 60))


class Choices:
    """Settings that are being decided, each with its reason; what was asked for stands."""

    def __init__(self, asked: TrainingSettings, reasons: Mapping[str, str] | None = None) -> None:
        self.settings = completed(asked)
        self.reasons = {
            name: GIVEN for name, value in self.settings.items() if value != SETTINGS[name].default
        }
        self.reasons |= reasons or {}

    def decide(self, name: str, value: object, why: str) -> Any:
        """Take a value for a setting that was left open, and return the one that holds."""
        if self.settings[name] is None:
            self.settings[name] = value
            self.reasons[name] = why
        return self.settings[name]

    def keeps_aim(self, finest_snr: float) -> bool:
        """Drop the usual aim for signals whose last digit is above the errors that it allows."""
        if self.reasons["aim"] == GIVEN or parse_aim(self.settings["aim"]).value <= finest_snr:
            return True
        self.settings["aim"] = None
        del self.reasons["aim"]
        return False


def choose_networks(choices: Choices, shape: tuple[int, ...], own: bool) -> dict[str, Any]:
    """Choose the networks that are trained for rate and distortion, and how they begin."""
    settings, architecture = choices.settings, choices.settings["architecture"]
    if own and architecture in IN_CLOSED_FORM:
        raise SettingError(
            f"architecture {architecture}, which is PCA in closed form, and networks of your own; "
            "give one of the two"
        )
    if architecture == "auto" and own:
        architecture = "dense"
        choices.reasons["architecture"] = "networks of your own are trained as dense ones are"
    elif architecture == "auto":
        architecture = settings["architecture"] = _architecture_for(shape)
        frames = " x ".join(map(str, shape[1:]))
        choices.reasons["architecture"] = f"for {counted(shape[0], 'signal')} of {frames}"
    linear = architecture in IN_CLOSED_FORM
    loss = choices.decide("loss", LOSS, DEFAULT)
    several = settings["qualities"] > 1
    return {
        "method": CLOSED_FORM if linear else RATE_DISTORTION,
        "architecture": architecture,
        "loss": "mse" if linear else loss,
        "width": WIDTHS[architecture] if settings["qualities"] >= MIN_QUALITIES_OF_WIDER else 1.0,
        "latent_scale": FIRST_LATENT_SCALE,
        "starts_linear": architecture == "dense" and loss != "bce" and not own,
        "can_shift": settings["augment"] and architecture == "conv" and _is_large(shape[1:]),
        "max_validated": MAX_VALIDATED_OF_SEVERAL if several else MAX_VALIDATED,
    }


def _architecture_for(shape: tuple[int, ...]) -> str:
    """Return "conv" for many pictures, of two long axes and perhaps channels, else "dense"."""
    frame_shape = shape[1:]
    return "conv" if _is_large(frame_shape) and shape[0] >= MIN_PICTURES else "dense"


def _is_large(frame_shape: tuple[int, ...]) -> bool:
    """Return whether frames are pictures, of which a pixel is little."""
    return is_picture(frame_shape) and min(frame_shape[:2]) >= MIN_PICTURE_SIDE


def is_picture(frame_shape: tuple[int, ...]) -> bool:
    """Return whether frames have two axes, and perhaps channels."""
    return len(spatial_and_channels(frame_shape)) == 3


def spatial_and_channels(frame_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a frame's shape as `(*spatial, channels)`: a short last axis counts as channels."""
    has_channels = len(frame_shape) > 1 and frame_shape[-1] <= MAX_CHANNELS
    return frame_shape if has_channels else (*frame_shape, 1)


def choose_aim(choices: Choices) -> None:
    """Aim at the usual quality where latents, bits and lambda are left open."""
    settings = choices.settings
    if all(settings[name] is None for name in (*EXCLUDED_BY_AIM, "latent_size")):
        choices.decide("aim", DEFAULT_AIM, DEFAULT)


def choose_latents(choices: Choices, size: int, width: float, *, mixes: bool) -> None:
    """Choose the latents of frames of `size` elements, and the bits of each, without an aim."""
    settings = choices.settings
    several = settings["qualities"] > 1
    most = max(size // 2, min(LATENT_SIZE, size))
    k, bits = LATENTS_OF_SEVERAL if several else (LATENT_SIZE, BITS_PER_LATENT)
    why = "with several qualities" if several else DEFAULT
    if mixes and settings["latent_size"] is None and settings["bits_per_latent"] is None:
        aimed, k = k * bits, min(MAX_LATENTS_OF_MIXTURES, most)
        bits, why = min(aimed / k, bits), "as many bits over more latents, where signals are mixed"
    elif several and width > 1.0:
        (k, bits), why = LATENTS_OF_WIDER, "with several qualities of wider networks"
    choices.decide("latent_size", min(k, most), why)
    choices.decide("bits_per_latent", bits, why)


def choose_latents_for(
    choices: Choices,
    aim: Aim,
    spectrum: Spectrum,
    aimed_bits: float | None,
    numbers: dict[str, Any],
    highest: float,
) -> dict[str, Any]:
    """Choose latents that meet an aim, and bits that begin near it; return an aim of quality."""
    quality: dict[str, Any] = {}
    if aimed_bits is None:
        snr = _reachable(aim, spectrum)
        filled = spectrum.at_snr(snr)
        aimed_bits = max(filled.bits, 1.0)
        quality = {"aimed_snr": snr, "components": max(1, filled.components)}
    n = spectrum.at_bits(aimed_bits * highest).components
    architecture = numbers["architecture"]
    share = 1.0 if numbers["mixes"] else LATENTS_OF_COMPONENT[architecture]
    k, why = round(n * share), f"{n} principal components count for {aim}"
    bits_of_latent = BITS_OF_LATENT.get(architecture, math.inf)
    if not quality and aimed_bits / bits_of_latent > k:
        k, why = round(aimed_bits / bits_of_latent), f"{bits_of_latent} bits of each, for {aim}"
    k = max(1, min(n, MAX_LATENTS[architecture], k))
    k = choices.decide("latent_size", k, why)
    choices.decide("bits_per_latent", min(aimed_bits / k, MAX_BITS_PER_LATENT), f"for {aim}")
    return quality


def _reachable(aim: Aim, spectrum: Spectrum) -> float:
    """Return the SNR of an aim of quality in dB; SettingError where it is out of reach."""
    snr = spectrum.weighed_snr or aim.snr(spectrum.psnr_of_mean, spectrum.snr_of_zero)
    if snr > spectrum.finest_snr:
        most = aim.most(spectrum.finest_snr - snr)
        raise SettingError(
            f"aim {aim} is out of reach: such signals can have {most} at most, where "
            "errors are as large as their last digit; give less"
        )
    return snr


def follow_preset(choices: Choices, preset: Preset, own: bool) -> dict[str, Any]:
    """Take the numbers of a preset, where none were asked for, and refuse what it cannot be."""
    settings = choices.settings
    name = settings["preset"]
    for other in ("bits_per_latent", "lambda_"):
        if settings[other] is not None:
            _refuse_beside(f"{public_name(other)} {settings[other]}", name, "has no rate term")
    if settings["qualities"] != 1:
        _refuse_beside(f"qualities {settings['qualities']}", name, "has one")
    if settings["architecture"] != "auto":
        _refuse_beside(f"architecture {settings['architecture']}", name, "is one")
    if own:
        raise SettingError(f"preset {name} and networks of your own; give one of the two")
    for each in ("latent_size", "loss", "batch_size", "learning_rate"):
        choices.decide(each, getattr(preset, each), f"of preset {name}")
    choices.decide("bits_per_latent", BITS_PER_LATENT, DEFAULT)
    if settings["minutes"] is None:
        choices.decide("epochs", preset.epochs, f"of preset {name}")
    if settings["loss"] not in preset.losses:
        raise SettingError(
            f"loss {settings['loss']} with preset {name}, whose output is "
            f"{preset.output_activation}; give {' or '.join(preset.losses)}"
        )
    usual = {"architecture": "dense", "width": 1.0, "mixes": False}
    return {"method": CLASSIC, "schedule": preset.schedule, **usual}


def _refuse_beside(what: str, preset: str, why: str) -> NoReturn:
    raise SettingError(f"{what} with preset {preset}, which {why}; give one of the two")


def choose_length(
    choices: Choices,
    n_train: int,
    architecture: str,
    decoder: str,
    width: float,
    *,
    mixes: bool,
    crops: int = 0,
) -> dict[str, Any]:
    """Choose epochs, batches and the learning rate, for a number of training signals.

    Batches of pictures, which take long, are as of so many pictures without the crops of them.
    """
    settings, smaller = choices.settings, BATCH_DIVISOR if width > 1.0 else 1
    rate, least, most = LEARNING_RATES[architecture], MIN_BATCH, MAX_EPOCHS
    if mixes:
        rate, least, most = MIXTURES_RATE, MIXTURES_BATCH, MIXTURES_EPOCHS
    distinct = max(1, n_train - crops) if architecture == "conv" else n_train
    usual = 2 ** round(math.log2(distinct / UPDATES_OF_AN_EPOCH))
    batch = max(least, min(MAX_BATCH, usual) // smaller)
    batch_size: int = min(settings["batch_size"] or batch, n_train)
    is_smaller = architecture == "conv" and decoder != LARGE
    updates = UPDATES_OF_SMALLER if is_smaller else UPDATES[architecture] * smaller
    most_updates = n_train // batch_size
    epochs = max(MIN_EPOCHS, min(most, round(updates / most_updates)))
    why = {
        "batch_size": f"of {least} to {MAX_BATCH}, for about {UPDATES_OF_AN_EPOCH} an epoch",
        "epochs": f"{updates:,} updates, in at most {most} epochs",
        "learning_rate": "of mixtures" if mixes else f"of {architecture} networks",
        "patience": f"a quarter of the epochs, at least {MIN_PATIENCE}",
    }
    for name, reason in why.items():
        choices.reasons.setdefault(name, reason)
    usual = epochs if settings["preset"] is None else PRESETS[settings["preset"]].epochs
    epochs = settings["epochs"] or usual
    return {
        "usual_epochs": usual,
        "epochs": epochs,
        "batch_size": batch_size,
        "updates_per_epoch": min(settings["updates_per_epoch"] or most_updates, most_updates),
        "patience": settings["patience"] or usual_patience(epochs),
        "learning_rate": settings["learning_rate"] or rate,
    }


def usual_patience(epochs: int) -> int:
    """Return the epochs without a better loss after which a run of so many stops."""
    return max(MIN_PATIENCE, epochs // PATIENCE_DIVISOR)
