"""Finished models that a training goes on from: what it has from them, and what that excludes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrows.errors import SettingError
from narrows.training.aims import parse_aim
from narrows.training.architectures import BUILDERS
from narrows.training.choices import IN_CLOSED_FORM
from narrows.training.freeze import Thawed
from narrows.training.plan import Start
from narrows.training.settings import SETTINGS, TrainingSettings, completed, public_name

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

AIMS = ("aim", "lambda_", "bits_per_latent")
"""One of them says what is aimed at: the model's does where none is asked for."""
BY_PUBLIC_NAME = {public_name(name): name for name in SETTINGS}


@dataclass(frozen=True, eq=False)
class Beginning:
    """A finished model as the beginning of a training: its networks, and what else it decides."""

    thawed: Thawed
    check_kind: Callable[..., None]
    """Raises DataError for signals of a shape and dtype that the model does not take."""
    start: Start

    @property
    def is_custom(self) -> bool:
        """Whether its networks were the user's own."""
        return self.thawed.architecture not in BUILDERS


def beginning_of(codec: Codec, asked: TrainingSettings) -> Beginning:
    """Take a finished model as the beginning of a training.

    Raises
    ------
    SettingError
        If its networks cannot be trained on, or if what is asked for is not what it has.
    """
    model, name = codec.model, f"model {codec.model_id[:8]}"
    own = {BY_PUBLIC_NAME[key]: value for key, value in model.training.get("settings", {}).items()
           if key in BY_PUBLIC_NAME}  # fmt: skip
    if model.encoder is None:
        raise SettingError(
            f"{name} has no encoder to go on with: it was exported to decompress; give the model "
            "it was exported from"
        )
    if model.architecture in IN_CLOSED_FORM:
        raise SettingError(
            f"{name} is {model.architecture}, which is solved at once and not trained further; "
            f"train a new one on all signals, or go on from a dense or conv model"
        )
    if own.get("preset"):
        raise SettingError(
            f"{name} is of preset {own['preset']}, which has no rate term to go on with; train "
            "without --from, or go on from a model without a preset"
        )
    try:
        thawed = Thawed(model)
    except SettingError as error:
        raise SettingError(
            f"{name} has {error}; training goes on from dense layers and convolutions with ReLU "
            "or LeakyReLU: train without --from (start)"
        ) from None
    has = _decided_by(thawed, own)
    _refuse_others(name, has, completed(asked))
    inherited = has | _aim_of(name, own, asked) | {"loss": asked.get("loss") or own.get("loss")}
    told = [each for each, value in inherited.items() if value != SETTINGS[each].default]
    history = model.training.get("history", ())
    settings: Any = {**asked, **inherited}
    first = history[-1].get("lambda") if history and settings["loss"] == own.get("loss") else None
    start = Start(codec.model_id, settings, dict.fromkeys(told, f"of {name}"), first)
    return Beginning(thawed, codec.transform.check_kind, start)


def _decided_by(thawed: Thawed, own: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that the model's networks and its ends decide."""
    has_builder = thawed.architecture in BUILDERS
    return {
        "latent_size": thawed.latent_size,
        "qualities": thawed.model.n_qualities,
        "architecture": thawed.architecture if has_builder else "auto",
        "decoder": own.get("decoder"),
        "channels": own.get("channels", "auto"),
        "weights": own.get("weights"),
    }


def _refuse_others(name: str, has: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise SettingError for what is asked for of networks that are there already."""
    for each, value in {**has, "preset": None}.items():
        if asked[each] not in (SETTINGS[each].default, value):
            its = "has none" if value is None else f"has {value}"
            if each == "architecture" and value == "auto":
                its = "has networks that were made by hand"
            raise SettingError(
                f"{each} {asked[each]}, but {name} {its}, and training goes on from it; leave "
                f"{each} out, or train without --from (start)"
            )
    if asked["loss"] == "bce":
        raise SettingError(
            f"loss bce, but {name} has no sigmoid at its end; give mse or l1, or train without "
            "--from (start)"
        )


def _aim_of(name: str, own: dict[str, Any], asked: TrainingSettings) -> dict[str, Any]:
    """Return what the model was trained for, where nothing else is asked for."""
    given: dict[str, Any] = {each: asked.get(each) for each in AIMS}
    is_asked = any(value is not None for value in given.values())
    found = given if is_asked else {each: own.get(each) for each in AIMS}
    aim = found["aim"]
    if aim is not None and parse_aim(str(aim)).is_by_channel:
        raise SettingError(
            f"aim {aim} of each channel, whose weights {name} has decided; give an aim of one "
            "number, such as snr:20"
        )
    kept = next((each for each in AIMS if found[each] is not None), None)
    return {} if is_asked or kept is None else {kept: found[kept]}
