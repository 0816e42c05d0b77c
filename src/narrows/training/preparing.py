"""From signals to what a training starts from: a plan, and scaled signals, some held out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import nn

from narrows.errors import DataError, SettingError
from narrows.gaps import parse_missing
from narrows.signals.inputs import TrainingSamples
from narrows.training.aims import Aim, parse_aim
from narrows.training.architectures import Scaling
from narrows.training.choices import CLASSIC, PREDICTIVE, RATE_DISTORTION
from narrows.training.closed_form.spectrum import MIN_VARIANCE, spectrum_of, weights_for
from narrows.training.data.cleaning import Cleaned, Cleaner, split_missing
from narrows.training.data.frames import (
    check_training_data,
    fingerprint,
    refuse_extremes,
    scaled,
    split,
    split_rows,
)
from narrows.training.data.scaling import (
    Channels,
    scaling_like,
    scaling_of,
    unit_scaling_of,
)
from narrows.training.freeze import (
    TrainingSignals,
    check_tiles,
    check_windows,
    latent_size_of,
)
from narrows.training.plan import Plan, plan_of
from narrows.training.ranks import Ranks
from narrows.training.settings import TrainingSettings, completed
from narrows.training.start import Beginning
from narrows.training.water_filling import Spectrum

LOG = logging.getLogger(__name__)
Networks = tuple[nn.Module, nn.Module]


@dataclass(frozen=True)
class Prepared:
    """What every architecture of a training has in common, and the plan of one."""

    plan: Plan
    plan_for: Callable[[str], Plan]
    """Makes the plan of another architecture, for the same signals."""
    signals: TrainingSignals
    scaling: Scaling
    fingerprints: dict[str, str]
    spectrum: Callable[[], Spectrum]


def prepare(
    samples: TrainingSamples,
    settings: TrainingSettings,
    own: Networks | None = None,
    beginning: Beginning | None = None,
) -> Prepared:
    """Check, clean, split and scale signals, and decide every number of their training.

    Raises
    ------
    DataError, SettingError
        For what cannot be trained on, or asked for.
    """
    done = completed(settings)
    x, validation = check_training_data(samples.x, samples.validation)
    if beginning is not None:
        beginning.check_kind(x.shape, x.dtype, x)
    if done["architecture"] == PREDICTIVE:
        (check_tiles if samples.bricks[0] else check_windows)(x.shape[1:])
    settings = settings if own is None else _with_latents_of(own, settings, x.shape[1:])
    aim = None if done["aim"] is None else parse_aim(done["aim"])
    alike = samples.bricks[0] and done["channels"] == "auto"  # tiles have one covariance
    own_channels = "none" if alike else done["channels"]
    channels = Channels(own_channels, done["weights"], x.shape[1:])
    asked = [] if done["missing"] is None else parse_missing(done["missing"])
    cleaner = Cleaner.of(x, asked, channels)
    order = bool(samples.bricks[0] or samples.recordings)
    whole = cleaner.clean(x, "training signals", in_order=order).of_arrays(samples.bricks[0])
    held_out = None
    if validation is not None:
        held_out = cleaner.clean(validation, "validation signals", in_order=order)
        held_out = held_out.of_arrays(samples.bricks[1])
    refuse_extremes(whole.x)
    if aim is not None and aim.is_by_channel:
        channels = _weighed_by(aim, whole, channels)
    is_custom, start = own is not None, None
    if beginning is not None:
        is_custom, start = beginning.is_custom, beginning.start
    spectrum = cache(lambda: spectrum_of(whole.x, channels, aim, whole.missing))

    def plan_for(architecture: str) -> Plan:
        return plan_of(
            {**settings, "architecture": architecture}, whole.x.shape, whole.x.dtype,
            spectrum=spectrum, own_networks=is_custom, start=start,
            has_validation=validation is not None, crops=samples.about.get("crops", 0),
        )  # fmt: skip

    plan = plan_for(done["architecture"])
    aims_at_error = plan.method == RATE_DISTORTION and plan.aimed_snr is not None
    if aims_at_error and spectrum().variances.max() <= MIN_VARIANCE:
        raise DataError(
            "training signals that are all the same: networks have nothing to learn from them; "
            "give signals that differ, or --architecture linear"
        )
    LOG.debug("scaling %d signals", len(whole.x))
    signals, scaling = _scaled(
        whole, held_out, plan, channels, cleaner.given, samples,
        None if beginning is None else beginning.thawed.ends,
    )  # fmt: skip
    fingerprints = {
        "training signals": fingerprint(signals.train),
        "validation signals": fingerprint(signals.validation),
    }
    return Prepared(plan, plan_for, signals, scaling, fingerprints, spectrum)


def check_shares(ranks: Ranks, plan: Plan, fingerprints: dict[str, str]) -> None:
    """Raise an error where processes cannot share a training, or have not read the same signals."""
    if ranks.size == 1:
        return
    if plan.method == CLASSIC:
        raise SettingError("presets are trained by one process: start it without torchrun")
    least = min(plan.batch_size, plan.n_train)
    if least < ranks.size:
        raise SettingError(
            f"{ranks.size} processes for batches of {least} signals; give each at least one"
        )
    own = " ".join(fingerprints.values()).encode()
    differ = ranks.total(own != ranks.shared(own))
    if differ:
        raise DataError(
            f"{differ:.0f} of {ranks.size} processes have read other signals than the first; all "
            "read the same DATA and --validation"
        )


def _weighed_by(aim: Aim, whole: Cleaned, channels: Channels) -> Channels:
    """Return the channels with the weights at which each comes to its own aim."""
    x = whole.x
    if channels.count != len(aim.values):
        raise SettingError(
            f"aim {aim} of {len(aim.values)} channels; frames of shape {x.shape[1:]} have "
            f"{channels.count}: give one number for each, or channels last, which makes each of "
            f"the {x.shape[-1]} places on the last axis a channel"
        )
    weights = ",".join(map(repr, weights_for(x, aim.values, whole.missing)))
    return Channels("last", weights, x.shape[1:])


def _scaled(
    whole: Cleaned,
    held_out: Cleaned | None,
    plan: Plan,
    own: Channels,
    stand_ins: list[float],
    samples: TrainingSamples,
    ends: Scaling | None,
) -> tuple[TrainingSignals, Scaling]:
    validation = None if held_out is None else held_out.x
    rows = split_rows(whole.x, plan.seed, has_validation=held_out is not None)
    x_train, x_validation = split(whole.x, validation, rows)
    missing = split_missing(whole, held_out, rows)
    gone = None if missing[0] is None else missing[0].numpy()
    if plan.method == CLASSIC:
        scaling = unit_scaling_of(x_train, own)
    elif ends is not None:
        scaling = scaling_like(x_train, ends, own, gone)
    else:
        scaling = scaling_of(x_train, plan.loss, own, gone)
    in_floats = scaled(x_train, scaling), scaled(x_validation, scaling)
    signals = TrainingSignals(
        x_train,
        x_validation,
        *in_floats,
        *missing,
        stand_ins,
        samples.recordings,
        samples.recordings or samples.sources,
        *samples.bricks,
    )
    return signals, scaling


def _with_latents_of(
    own: Networks, settings: TrainingSettings, frame_shape: tuple[int, ...]
) -> TrainingSettings:
    """Check networks of the user's own, and return the settings with the latents that they have."""
    found, asked = latent_size_of(*own, frame_shape), settings.get("latent_size")
    if asked is not None and asked != found:
        raise SettingError(
            f"latent_size {asked}, but the encoder gives {found} latents; leave latent_size out, "
            "or give networks of as many"
        )
    return {**settings, "latent_size": found}
