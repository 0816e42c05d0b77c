"""`narrows.train`: signals in, finished codec out."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from narrows.clock import Clock
from narrows.errors import SettingError
from narrows.training.architectures import BUILDERS, Autoencoder, Scaling, classic, like
from narrows.training.choices import (
    CLASSIC,
    CLOSED_FORM,
    IN_CLOSED_FORM,
    PREDICTIVE,
    RATE_DISTORTION,
)
from narrows.training.classic.latent_steps import choose_latent_steps
from narrows.training.closed_form.linear_start import start_linear
from narrows.training.closed_form.pca import fit_linear
from narrows.training.closed_form.refit import refit_last_layer
from narrows.training.closed_form.spectrum import spectrum_of
from narrows.training.data.cleaning import Cleaned, Cleaner, split_missing
from narrows.training.data.frames import (
    check_training_data,
    fingerprint,
    refuse_extremes,
    scaled,
    split,
    spread_over,
)
from narrows.training.data.scaling import Channels, scaling_of, unit_scaling_of
from narrows.training.freeze import (
    TrainingSignals,
    check_windows,
    fitting_seconds,
    freeze,
    latent_size_of,
)
from narrows.training.loop.trainer import TrainingResult
from narrows.training.plan import RATE_RATIO, Plan, plan_of
from narrows.training.presets import PRESETS
from narrows.training.reached import Reached
from narrows.training.run import Outcome, Supervision, Task, run_training
from narrows.training.settings import TrainingSettings, completed, parse_missing
from narrows.training.summary import summary_of
from narrows.training.torch_modes import usual_modes

if TYPE_CHECKING:
    from narrows.codec.codec import Codec


FIRST_GAIN_RATIO = 1.25  # between neighbouring qualities
LOG = logging.getLogger(__name__)  # of level DEBUG is what begins now, for a progress bar
MAX_SOLVED = 5  # models in closed form, each nearer to the aim
STEP_SAMPLE = 4096  # training signals on which the steps of a plain autoencoder are chosen


@usual_modes()
def train_codec(
    x: npt.NDArray[Any],
    settings: TrainingSettings,
    validation: npt.NDArray[Any] | None = None,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    supervision: Supervision | None = None,
    about: Mapping[str, Any] | None = None,
    recordings: Sequence[int] = (),
) -> Codec:
    """Train on `(n, *frame_shape)` signals and freeze; see `narrows.train`.

    `recordings` is how many windows each has, where order counts.
    """
    supervision = supervision or Supervision()
    done = completed(settings)
    in_closed_form = done["architecture"] in IN_CLOSED_FORM
    kept = None if in_closed_form else supervision.find_checkpoint()
    if (encoder is None) != (decoder is None):
        raise SettingError("an encoder of your own needs a decoder of your own; give both")
    own = None if encoder is None or decoder is None else (encoder, decoder)
    x, validation = check_training_data(x, validation)
    if done["architecture"] == PREDICTIVE:
        check_windows(x.shape[1:])
    settings = settings if own is None else _with_latents_of(own, settings, x.shape[1:])
    given = {"own_networks": own is not None, "has_validation": validation is not None}
    channels = Channels(done["channels"], done["weights"], x.shape[1:])
    asked = [] if done["missing"] is None else parse_missing(done["missing"])
    cleaner = Cleaner.of(x, asked, channels)
    whole = cleaner.clean(x, "training signals")
    held_out = None if validation is None else cleaner.clean(validation, "validation signals")
    x = whole.x
    refuse_extremes(x)
    spectrum = partial(spectrum_of, x, channels)
    plan = plan_of(settings, x.shape, x.dtype, spectrum=spectrum, **given)
    LOG.debug("scaling %d signals", len(x))
    signals, scaling = _prepare(whole, held_out, plan, channels, cleaner.given)
    signals = replace(signals, recordings=recordings)
    fingerprints = {
        "training signals": fingerprint(signals.train),
        "validation signals": fingerprint(signals.validation),
    }
    clock = supervision.clock
    if in_closed_form:
        clock.lap("preparing")
        codec, reached = _solved(signals, scaling, plan, fingerprints, clock)
    else:
        missing = signals.missing_train, signals.missing_validation
        task = Task(
            *_on_device(signals, scaling, plan, own), plan, fingerprints, fitting_seconds, *missing
        )
        outcome = run_training(task, supervision, kept)
        plan = outcome.plan
        name = plan.architecture if own is None else "custom"
        codec = _frozen(outcome, signals, fingerprints, name, clock)
        LOG.debug("measuring what was reached")
        reached = Reached.by(codec, signals.validation, scaling.scale)
    for line in reached.lines(plan):
        LOG.info("%s", line)
    clock.lap("measuring")
    told = {**(about or {}), "reached": asdict(reached), **clock.as_json()}
    training = {**codec.model.training, **told}
    return type(codec)(replace(codec.model, training=training))


def _solved(
    signals: TrainingSignals,
    scaling: Scaling,
    plan: Plan,
    fingerprints: dict[str, str],
    clock: Clock,
) -> tuple[Codec, Reached]:
    """Train an architecture in closed form, again where what comes after leads from the aim."""
    found: list[tuple[Plan, Codec, Reached]] = []
    tried: Plan | None = plan
    while tried is not None and len(found) < MAX_SOLVED:
        LOG.debug("finding principal components and steps")
        outcome = _solve(signals, scaling, tried)
        clock.lap("training")
        codec = _frozen(outcome, signals, fingerprints, plan.architecture, clock)
        reached = Reached.by(codec, signals.validation, scaling.scale)
        beyond = [each for each in found if each[2].is_short(plan) != reached.is_short(plan)]
        others = [(one, got) for one, _, got in beyond or found]
        found.append((tried, codec, reached))
        before = others[-1] if others else None
        tried = reached.nearer(tried, plan, signals.train[0].size, before)
    _, codec, reached = min(found, key=lambda each: each[2].misses(plan))
    return codec, reached


def _frozen(
    outcome: Outcome,
    signals: TrainingSignals,
    fingerprints: dict[str, str],
    name: str,
    clock: Clock,
) -> Codec:
    result, plan = outcome.result, outcome.plan
    summary = summary_of(signals, fingerprints["training signals"], outcome)
    LOG.debug("fitting the last layer")
    summary |= _finish(result.model, signals, plan)
    clock.lap("refitting")
    lambdas = [math.exp(each) for each in result.log_lambdas] if plan.loss == "mse" else []
    # In closed form, latents are components.
    has_aims = plan.lambda_ is None and plan.method != CLOSED_FORM
    ratio, error = RATE_RATIO if has_aims else None, None
    if has_aims and plan.aimed_snr is not None:
        error = _variance(signals, result.model.scaling) * 10.0 ** (-plan.aimed_snr / 10.0)
    return freeze(result.model, signals, name, summary, lambdas, ratio, error, clock)


def _variance(signals: TrainingSignals, scaling: Scaling) -> float:
    """Return the variance of a frame about its mean, summed, on the scale where the range is 1."""
    x = spread_over(signals.scaled_train, STEP_SAMPLE)
    x = x * like(x, scaling.weight / scaling.scale / scaling.peak)
    return float(x.square().flatten(1).sum(1).mean())


def _with_latents_of(
    own: tuple[nn.Module, nn.Module], settings: TrainingSettings, frame_shape: tuple[int, ...]
) -> TrainingSettings:
    """Check networks of the user's own, and return the settings with the latents that they have."""
    found, asked = latent_size_of(*own, frame_shape), settings.get("latent_size")
    if asked is not None and asked != found:
        raise SettingError(
            f"latent_size {asked}, but the encoder gives {found} latents; leave latent_size out, "
            "or give networks of as many"
        )
    return {**settings, "latent_size": found}


def _finish(model: Autoencoder, signals: TrainingSignals, plan: Plan) -> dict[str, Any]:
    """Choose rounding steps or refit the last layer, and return what the summary says of it."""
    train, validation = signals.scaled_train, signals.scaled_validation
    if plan.method == CLASSIC:
        model.cpu().eval()
        return {
            "quantising_loss_db": round(
                choose_latent_steps(model, train[:STEP_SAMPLE], validation), 4
            )
        }
    if plan.method == RATE_DISTORTION and plan.loss == "mse":
        return {"refitted": refit_last_layer(model.cpu().eval(), train, validation)}
    return {}


def _prepare(
    whole: Cleaned, held_out: Cleaned | None, plan: Plan, own: Channels, stand_ins: list[float]
) -> tuple[TrainingSignals, Scaling]:
    validation = None if held_out is None else held_out.x
    x_train, x_validation = split(whole.x, validation, plan.seed)
    in_units = plan.method == CLASSIC
    scaling = unit_scaling_of(x_train, own) if in_units else scaling_of(x_train, plan.loss, own)
    in_floats = scaled(x_train, scaling), scaled(x_validation, scaling)
    missing = split_missing(whole, held_out, plan.seed)
    signals = TrainingSignals(x_train, x_validation, *in_floats, *missing, stand_ins=stand_ins)
    return signals, scaling


def _solve(signals: TrainingSignals, scaling: Scaling, plan: Plan) -> Outcome:
    """Train the linear architecture, which takes too little time to watch or keep."""
    aims = plan.of_qualities(plan.aimed_bits, RATE_RATIO)
    snr = plan.aimed_snr
    model = fit_linear(signals.scaled_train, plan.latent_size, aims, scaling, aimed_snr=snr)
    return Outcome(TrainingResult(model, [], 0, False, []), plan)


def _on_device(
    signals: TrainingSignals,
    scaling: Scaling,
    plan: Plan,
    own: tuple[nn.Module, nn.Module] | None,
) -> tuple[Autoencoder, Tensor, Tensor]:
    """Build the networks, unless they are given, and bring everything to the device."""
    encoder, decoder = own or build_networks(signals.train.shape[1:], plan)
    both = nn.Sequential(encoder), nn.Sequential(decoder)
    device = _device(plan.settings["device"])
    model = Autoencoder(*both, scaling, plan.latent_scale, *_first_gains(plan))
    if plan.starts_linear:
        LOG.debug("finding principal components, to begin with")
        start_linear(model, signals.scaled_train, plan.aimed_bits)
    frames = signals.scaled_train, signals.scaled_validation
    model.to(device, torch.float32)  # networks of one's own may have been made in another dtype
    return model, frames[0].to(device), frames[1].to(device)


def _first_gains(plan: Plan) -> tuple[Tensor | None, Tensor | None]:
    """Make the logarithms of gains and steps, `(n_qualities, k)`, if there are several."""
    if plan.qualities == 1:
        return None, None
    gains = torch.tensor(plan.of_qualities(1.0, FIRST_GAIN_RATIO))
    log_gain = gains.log()[:, None].repeat(1, plan.latent_size)
    return log_gain, -log_gain


def build_networks(frame_shape: tuple[int, ...], plan: Plan) -> tuple[nn.Sequential, nn.Sequential]:
    """Make encoder and decoder, with weights drawn by the seed, for frames of a shape."""
    generator = torch.Generator().manual_seed(plan.seed)
    if plan.method == CLASSIC:
        preset = PRESETS[plan.settings["preset"]]
        activations = preset.latent_activation, preset.output_activation
        return classic(frame_shape, plan.latent_size, generator, *activations)
    kind = {"sigmoid_output": plan.loss == "bce", "width": plan.width}
    return BUILDERS[plan.architecture](frame_shape, plan.latent_size, generator, **kind)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingError(
            f"device {name!r} is not available here ({reason}); give cpu or auto"
        ) from None
    return device
