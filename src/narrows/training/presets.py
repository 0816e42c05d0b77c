"""The classic autoencoders by name: plain, wide - narrow - wide, without a rate term."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from narrows.errors import SettingError
from narrows.training.settings import SEVERAL_BITS, SEVERAL_LATENTS, TrainingSettings


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
    preset: str | None = None, *, frame_size: int | None = None, **given: Any
) -> TrainingSettings:
    """Make the settings of a run from what was given; None means: not given.

    Several qualities have more latents by default, but where frames have few elements.

    Raises
    ------
    SettingError
        For an unknown preset, or a setting that has no meaning beside one.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if preset is None:
        if given.get("qualities", 1) != 1:
            latents = min(SEVERAL_LATENTS, frame_size // 2) if frame_size else SEVERAL_LATENTS
            latents = max(latents, TrainingSettings.latent_size)
            given = {"latent_size": latents, "bits_per_latent": SEVERAL_BITS, **given}
        return TrainingSettings(**given)
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


def _check_loss(preset: Preset, settings: TrainingSettings) -> None:
    if settings.loss == "l1" or (settings.loss == "bce" and preset.output_activation != "sigmoid"):
        accepted = "mse or bce" if preset.output_activation == "sigmoid" else "mse"
        raise SettingError(
            f"loss {settings.loss} with preset {settings.preset}, whose output is "
            f"{preset.output_activation}; give {accepted}"
        )
