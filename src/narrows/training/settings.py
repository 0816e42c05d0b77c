"""What a training is asked for: the one list of its settings.

The keywords of `narrows.train` and of the scikit-learn estimator, the options of the commands, and
the documentation of all of them are made from `TrainingSettings`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

from narrows.errors import SettingError
from narrows.training.aims import DEFAULT_AIM, parse_aim
from narrows.training.presets import PRESETS

MAX_QUALITIES = 8  # that a model file has room for
MAX_SEED = 2**63 - 1  # of generators
EXCLUDED_BY_AIM = {"bits_per_latent", "lambda_", "preset"}


@dataclass(frozen=True)
class Setting:
    """What there is to know of a setting besides its name."""

    help: str  # what it is, with its unit: one or two sentences
    default: Any = None  # where it is None, `plan_of` decides,
    unset: str = ""  # and this is what, in words
    least: float | None = None  # inclusive; a float without it must be above 0
    most: float = math.inf
    choices: tuple[str, ...] = ()  # all values that are accepted
    form: str = ""  # of a value in the help, where its type does not say enough
    in_commands: bool = True  # whether commands have it as an option
    kind: type = str  # int, float, str or bool; taken from the annotation

    def plain(self, value: Any) -> Any:
        """Return numbers of any kind, such as numpy's, as those of Python that JSON takes."""
        if isinstance(value, bool) or self.kind not in (int, float):
            return value
        if isinstance(value, Integral):
            return int(value)
        return float(value) if isinstance(value, Real) else value

    def check(self, name: str, value: Any) -> None:
        """Raise SettingError for a value that is not accepted."""
        if self.choices and value not in self.choices:
            accepted = ", ".join(self.choices)
            raise SettingError(f"unknown {name} {value!r}; accepted are {accepted}")
        if self.kind is int and (
            isinstance(value, bool) or not isinstance(value, int) or value < (self.least or 0)
        ):
            raise SettingError(
                f"{name} {value!r}; it must be a whole number of at least {self.least}"
            )
        if self.kind is bool and not isinstance(value, bool):
            raise SettingError(f"{name} {value!r}; accepted are True and False")
        if self.kind is int and value > self.most:
            raise SettingError(f"{name} {value}; at most {self.most} are possible")
        if self.kind is float and not isinstance(value, int | float):
            raise SettingError(f"{name} {value!r}; it must be a number")
        if self.kind is float:
            enough = value > 0 if self.least is None else value >= self.least
            if not (math.isfinite(value) and enough):
                bound = "above 0" if self.least is None else f"of at least {self.least:g}"
                raise SettingError(f"{name} {value}; it must be a finite number {bound}")

    @property
    def annotation(self) -> Any:
        """The type of its values."""
        return self.kind | None if self.default is None else self.kind


# fmt: off
class TrainingSettings(TypedDict, total=False):
    """What a training is asked for; what is left out, or None, is decided by `plan_of`."""

    latent_size: Annotated[int | None, Setting(
        "Latents of a frame.", least=1,
        unset="as many as the aim asks for; without one 32, or the preset's; with several "
        "qualities 64, or 96 in conv networks of four or "
        "more; 128 where dense networks learn from mixtures")]
    preset: Annotated[str | None, Setting(
        f"A classic autoencoder without a rate term: {', '.join(PRESETS)}. Latent size, loss, "
        "epochs, batch size and learning rate can be changed.",
        unset="none", choices=tuple(PRESETS), form="NAME")]
    aim: Annotated[str | None, Setting(
        "What to train for, at the middle quality: a signal-to-noise ratio of held-out signals in "
        "dB, or one for each channel, a PSNR, a compression ratio, bytes a signal, or bits an "
        "element.", form="snr:DB[,DB...]|psnr:DB|cosine:X|ratio:X|bytes:X|bits-per-element:X",
        unset=f"{DEFAULT_AIM}, unless latents, bits per latent or lambda are given")]
    bits_per_latent: Annotated[float | None, Setting(
        "The rate aimed at, unless by lambda: at the middle quality a signal then takes about "
        "latent size * bits per latent / 8 bytes.",
        unset="what the aim takes; without one 3.2; with several qualities 2.4, or 1.6 of 96 "
        "latents; 0.8 or 1.2 of 128")]
    qualities: Annotated[int, Setting(
        "Points of its rate-distortion curve, 1 to 8, at rates a factor of 1.39 apart.",
        default=1, least=1, most=MAX_QUALITIES)]
    architecture: Annotated[str, Setting(
        "Kind of networks: linear is PCA, in closed form; predictive adds what predicts windows of "
        "a recording, or tiles of an array, from those before them; auto takes conv for 2,000 "
        "pictures or more of at least 16 x 16, and dense for everything else; with an aim it "
        "measures linear and predictive beside them and keeps the one of fewest bytes.",
        default="auto", choices=("auto", "linear", "predictive", "dense", "conv"))]
    decoder: Annotated[str | Any | None, Setting(
        "How large the decoder of conv networks of pictures is, which every receiver keeps and "
        "computes: in weights and in arithmetic.",
        unset="default; small where up to 100,000 signals are expected; large for pictures of "
        "more than 31 x 31, and with four qualities or more",
        choices=("small", "default", "large"))]
    loss: Annotated[str | None, Setting(
        "The distortion that is minimised.",
        unset="mse, or the preset's", choices=("mse", "bce", "l1"))]
    lambda_: Annotated[float | None, Setting(
        "Weight of the distortion in rate + lambda * distortion: bits per unit of squared error, "
        "or of its kind, summed over a frame whose range is 1.",
        unset="found while training, to meet the aim or bits per latent")]
    epochs: Annotated[int | None, Setting(
        "Passes over the signals.", least=1,
        unset="as many as make 12,000 updates (conv 7,700, or 6,400 with a large decoder), but at "
        "most 200; of a preset 10")]
    minutes: Annotated[float | None, Setting(
        "Plan as many epochs as fit, freezing included, counted once, before training starts; "
        "where fewer than three fit, they see a part of the signals.", unset="no budget")]
    updates_per_epoch: Annotated[int | None, Setting(
        "Updates of an epoch, where it is not to see all signals.", least=1,
        unset="as many as see all; fewer where minutes are too few for three epochs")]
    batch_size: Annotated[int | None, Setting("Frames of an update.", unset="32 to 256", least=1)]
    learning_rate: Annotated[float | None, Setting(
        "The learning rate at its highest.",
        unset="0.004, conv 0.006, with mixtures 0.001, or the preset's")]
    patience: Annotated[int | None, Setting(
        "Epochs without a better validation loss after which training stops.",
        unset="a quarter of the epochs, but at least 20", least=1, in_commands=False)]
    corrupt: Annotated[str | None, Setting(
        "Train to undo Gaussian noise of deviation A (where the range is 1), or a missing share S "
        "of the elements: a denoising autoencoder.", unset="nothing", form="noise:A|mask:S")]
    sparse: Annotated[float, Setting(
        "Weight of the sum of a signal's absolute latents in the loss.", default=0.0, least=0.0)]
    augment: Annotated[bool, Setting(
        "Learn from more than the signals: conv networks from pictures shifted by a pixel, in 20 "
        "epochs or more; dense ones from mixtures, where signals are fewer than 10,000 and of "
        "more than a byte an element. Turn it off where a position, a sign or a size means "
        "something.", default=True)]
    expected_signals: Annotated[int | None, Setting(
        "How many signals the model is to code, so that their archive and the decoder together "
        "take the fewest bytes: the fewer, the coarser are the decoder's weights.", least=1,
        unset="so many that the decoder counts for nothing")]
    trellis: Annotated[bool, Setting(
        "Let latents of linear models have two quantisers in turn, where that takes fewer bytes "
        "in all; there is no ONNX of these.", default=True)]
    levels: Annotated[bool, Setting(
        "Train networks that code whole numbers without loss as well, for --lossless; with a bound "
        "what keeps it, of floats too.", default=False)]
    max_error: Annotated[float | None, Setting(
        "The most that any element of what levels code may be off: of whole numbers at least 1. "
        "They then serve --max-error of as much or more.", unset="nothing is lost")]
    channels: Annotated[str, Setting(
        "What has an offset and a scale of its own, so that distortion counts in its own "
        "deviations: each place on the last axis, nothing, or by the shape (leads, colours, "
        "columns of a table).", default="auto", choices=("auto", "last", "none"))]
    weights: Annotated[str | None, Setting(
        "What squared errors of each channel count, in its own deviations.",
        unset="all the same", form="W,W,...")]
    missing: Annotated[str | None, Setting(
        "Values that stand for missing ones, such as -9999; NaN and infinities always do. They "
        "are not learned from, and come back exactly.", unset="those that look so", form="V,V,...")]
    seed: Annotated[int, Setting(
        "Everything random derives from it.", default=0, least=0, most=MAX_SEED)]
    device: Annotated[str, Setting("Of torch: cpu, cuda, ... or auto.", default="auto")]
# fmt: on


def _listed() -> dict[str, Setting]:
    hints = get_type_hints(TrainingSettings, include_extras=True)
    found = {}
    for name, hint in hints.items():
        kind, setting = get_args(hint)
        found[name] = replace(setting, kind=(get_args(kind) or (kind,))[0])
    return found


SETTINGS: dict[str, Setting] = _listed()


def public_name(name: str) -> str:
    """Return the name of a setting as people read it: `lambda_` is a keyword's spelling."""
    return name.rstrip("_")


def completed(asked: TrainingSettings) -> dict[str, Any]:
    """Check settings, and return all of them, with the defaults where there are any.

    Raises
    ------
    TypeError
        For a name that is no setting's.
    SettingError
        For a value that is not accepted, or two settings that exclude each other.
    """
    for name in asked:
        if name not in SETTINGS:
            raise TypeError(f"unexpected keyword argument {name!r}; see help(narrows.train)")
    given = {n: SETTINGS[n].plain(value) for n, value in asked.items() if value is not None}
    for name, value in given.items():
        SETTINGS[name].check(public_name(name), value)
    if "minutes" in given and "epochs" in given:
        raise SettingError(
            f"minutes {given['minutes']} and epochs {given['epochs']}; a run has one length: "
            "give one"
        )
    _check_bound(given)
    if "corrupt" in given:
        parse_corruption(given["corrupt"])
    if "missing" in given:
        given["missing"] = _as_text(given["missing"])
        from narrows.gaps import parse_missing  # of numpy, which the help needs not

        parse_missing(given["missing"])
    if "weights" in given:
        given["weights"] = _checked_weights(given)
    if "aim" in given:
        given["aim"] = str(parse_aim(str(given["aim"])))
        excluded = EXCLUDED_BY_AIM
        if parse_aim(given["aim"]).is_by_channel:
            excluded = excluded | {"weights"}
            _refuse_beside_ranges(f"aim {given['aim']}", given)
        for other in sorted(excluded & given.keys()):
            raise SettingError(
                f"aim {given['aim']} and {public_name(other)} {given[other]}; a training aims at "
                "one thing: give one"
            )
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    return {**defaults, **given}


def _check_bound(given: dict[str, Any]) -> None:
    if "max_error" in given and not given.get("levels"):
        raise SettingError(
            f"max_error {given['max_error']:g} without levels, whose bound it is; give levels "
            "(--levels) too, or the bound to compress, which needs no model for it"
        )


def _checked_weights(given: dict[str, Any]) -> str:
    """Return weights as text; a sequence of numbers is accepted too."""
    text = _as_text(given["weights"])
    parse_weights(text)
    _refuse_beside_ranges(f"weights {text}", given)
    return text


def _refuse_beside_ranges(what: str, given: dict[str, Any]) -> None:
    for name in ("preset", "loss"):
        if given.get(name, "mse") not in ("mse", "l1"):
            raise SettingError(
                f"{what} with {name} {given[name]}, where each channel counts in its own "
                "range; leave one of the two out"
            )


def _as_text(numbers: Any) -> str:
    """Return numbers as the text that commands take; one number or a sequence is accepted too."""
    if isinstance(numbers, str):
        return numbers
    each = numbers if isinstance(numbers, list | tuple) else [numbers]
    return ",".join(repr(float(value)) for value in each)


def parse_weights(text: str) -> list[float]:
    """Read `1,1,4,1`; SettingError for anything but numbers above 0."""
    try:
        weights = [float(each) for each in text.split(",")]
    except ValueError:
        weights = []
    if not weights or not all(0.0 < each < math.inf for each in weights):
        raise SettingError(
            f"weights {text!r}; accepted are finite numbers above 0, one for each channel, such as "
            "1,1,4,1"
        )
    return weights


def parse_corruption(text: str) -> tuple[str, float]:
    """Read `noise:0.3` or `mask:0.5`; SettingError for anything else."""
    kind, _, number = text.partition(":")
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    highest = {"noise": math.inf, "mask": 1.0}.get(kind, 0.0)
    if not 0.0 < amount < highest:
        raise SettingError(
            f"corrupt {text!r}; accepted are noise:A, of deviation A where the range is 1, "
            "and mask:S, for a share S of the elements between 0 and 1"
        )
    return kind, amount
