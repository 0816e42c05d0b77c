"""The classic autoencoders by name: plain, wide - narrow - wide, without a rate term."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import prod
from typing import Any

from narrows.errors import SettingError
from narrows.training.settings import (
    LATENTS_OF_MIXTURES,
    SEVERAL,
    SEVERAL_WIDER,
    TrainingSettings,
)


@dataclass(frozen=True)
class Preset:
    """One plain autoencoder and how it is trained; every signal is mapped to 0 .. 1.

    Attributes
    ----------
    latent_size : int
    latent_activation, output_activation : str
        Of the encoder's one layer, and of the decoder's: "identity", "relu", "elu" or "sigmoid".
    loss : str
        Mean over the elements: "mse" or "bce".
    epochs, batch_size : int
    learning_rate : float
        Of Adam.
    schedule : str
        "constant", or "cosine": half a cosine down to nothing (Loshchilov & Hutter 2017).
    """

    latent_size: int
    latent_activation: str
    output_activation: str
    loss: str
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: str = "constant"


PRESETS = {
    "dense-32": Preset(32, "relu", "sigmoid", "bce"),
    "dense-25": Preset(25, "elu", "elu", "mse"),
    "dense-25-best": Preset(
        25, "identity", "sigmoid", "mse", learning_rate=5e-3, schedule="cosine"
    ),
}
"""784 -> 32 -> 784 and 784 -> 25 -> 784, where 784 stands for the size of a frame."""


def training_settings(
    preset: str | None = None,
    *,
    shape: tuple[int, ...] | None = None,
    mixable: bool = False,
    **given: Any,
) -> TrainingSettings:
    """Make the settings of a run from what was given; None means: not given.

    Several qualities have more latents by default, and so have dense networks that learn from
    mixtures; signals of `shape`, `(n, *frame_shape)`, with few elements have not. `mixable` are
    signals of more than a byte an element, unless networks are the user's own.

    Raises
    ------
    SettingError
        For an unknown preset, or a setting that has no meaning beside one.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if preset is None:
        return TrainingSettings(**{**_latents(shape, mixable, given), **given})
    if preset not in PRESETS:
        raise SettingError(f"unknown preset {preset!r}; accepted are {', '.join(PRESETS)}")
    for name in ("bits_per_latent", "lambda_"):
        if name in given:
            raise SettingError(
                f"{name.rstrip('_')} {given[name]} with preset {preset}, which has no rate term; "
                "give one of the two"
            )
    if given.get("qualities", 1) != 1:
        raise SettingError(
            f"qualities {given['qualities']} with preset {preset}, which has one; "
            "give one of the two"
        )
    if given.get("architecture", "auto") != "auto":
        raise SettingError(
            f"architecture {given['architecture']} with preset {preset}, which is one; "
            "give one of the two"
        )
    its_own = PRESETS[preset]
    names = {field.name for field in fields(TrainingSettings)}
    defaults = {f.name: getattr(its_own, f.name) for f in fields(its_own) if f.name in names}
    if "minutes" in given:
        defaults.pop("epochs")
    settings = TrainingSettings(preset=preset, **{**defaults, **given})
    _check_loss(its_own, settings)
    return settings


def _latents(shape: tuple[int, ...] | None, mixable: bool, given: dict[str, Any]) -> dict[str, Any]:
    """Give the latents, and bits of each, that a run has by default."""
    settings = TrainingSettings(**given)
    defaults: dict[str, Any] = {} if settings.qualities == 1 else SEVERAL
    if not shape:
        return defaults
    settings = settings.resolved(shape[1:], shape[0])
    most = max(prod(shape[1:]) // 2, TrainingSettings.latent_size)
    chosen = given.keys() & {"latent_size", "bits_per_latent"}
    if settings.mixes(shape[0], mixable=mixable) and not chosen:
        usual, size = TrainingSettings(**defaults), min(LATENTS_OF_MIXTURES, most)
        bits = min(usual.aimed_bits / size, usual.bits_per_latent)
        return {"latent_size": size, "bits_per_latent": bits}
    if settings.qualities == 1:
        return {}
    defaults = SEVERAL_WIDER if settings.width > 1.0 else SEVERAL
    return {**defaults, "latent_size": min(defaults["latent_size"], most)}


def _check_loss(preset: Preset, settings: TrainingSettings) -> None:
    if settings.loss == "l1" or (settings.loss == "bce" and preset.output_activation != "sigmoid"):
        accepted = "mse or bce" if preset.output_activation == "sigmoid" else "mse"
        raise SettingError(
            f"loss {settings.loss} with preset {settings.preset}, whose output is "
            f"{preset.output_activation}; give {accepted}"
        )
