"""`narrows.train`: signals in, finished codec out."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from narrows._version import __version__
from narrows.errors import SettingError
from narrows.training.architectures import BUILDERS, Autoencoder, Scaling, classic
from narrows.training.classic.latent_steps import choose_latent_steps
from narrows.training.classic.presets import PRESETS
from narrows.training.closed_form.linear_start import start_linear
from narrows.training.closed_form.pca import fit_linear
from narrows.training.closed_form.refit import refit_last_layer
from narrows.training.data.frames import (
    check_training_data,
    fingerprint,
    scaled,
    scaling_of,
    split,
    unit_scaling_of,
)
from narrows.training.freeze import TrainingSignals, freeze
from narrows.training.loop.trainer import TrainingResult
from narrows.training.run import Outcome, Supervision, Task, run_training
from narrows.training.settings import RATE_RATIO, TrainingSettings

if TYPE_CHECKING:
    from narrows.codec.codec import Codec


FIRST_LATENT_SCALE = 4.0  # latents then start some steps wide, and noise does not drown them
FIRST_GAIN_RATIO = 1.25  # between neighbouring qualities
STEP_SAMPLE = 4096  # training signals on which the steps of a plain autoencoder are chosen


def train_codec(
    x: npt.NDArray[Any],
    settings: TrainingSettings,
    validation: npt.NDArray[Any] | None = None,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    supervision: Supervision | None = None,
) -> Codec:
    """Train on signals and freeze; see `narrows.train`.

    Parameters
    ----------
    x : (n, *frame_shape)
    settings : TrainingSettings
    validation : (m, *frame_shape), optional
        By default a tenth of the signals, at most 5000, is held out.
    encoder, decoder : nn.Module, optional
        Networks of the user's own, `(n, *frame_shape)` to `(n, latent_size)` and back.
    supervision : Supervision, optional
        How the run is watched, stopped and kept.
    """
    began = time.perf_counter()
    supervision = supervision or Supervision()
    in_closed_form = settings.architecture == "linear" and encoder is None
    kept = None if in_closed_form else supervision.find_checkpoint()
    x, validation = check_training_data(x, validation, settings)
    given = settings
    if encoder is None:
        settings = settings.resolved(x.shape[1:], len(x))
    signals, scaling = _prepare(x, validation, settings)
    fingerprints = {
        "training signals": fingerprint(signals.train),
        "validation signals": fingerprint(signals.validation),
    }
    torch.manual_seed(settings.seed)
    if in_closed_form:
        outcome = _solve(signals, settings, scaling, began)
    else:
        task = _task(signals, settings, scaling, (encoder, decoder), fingerprints)
        if settings != given:
            task = replace(task, choice=_choice(settings, x.shape))
        outcome = run_training(task, supervision, kept, began)
    summary = _summary(settings, signals, fingerprints["training signals"], outcome)
    if settings.preset is not None:
        summary["quantising_loss_db"] = _round_latents(outcome.result.model, signals)
    elif settings.loss == "mse" and not in_closed_form:
        model = outcome.result.model.cpu().eval()
        summary["refitted"] = refit_last_layer(
            model, signals.scaled_train, signals.scaled_validation
        )
    name = "custom" if encoder is not None else outcome.plan.architecture
    of_squares = settings.loss == "mse"
    lambdas = [math.exp(each) for each in outcome.result.log_lambdas] if of_squares else []
    has_aims = settings.lambda_ is None and not in_closed_form  # there, latents are components
    rate_ratio = RATE_RATIO if has_aims else None
    return freeze(outcome.result.model, signals, name, summary, lambdas, rate_ratio)


def _choice(settings: TrainingSettings, shape: tuple[int, ...]) -> str:
    """Tell what "auto" has become, for signals `(n, *frame_shape)`."""
    frames = " x ".join(map(str, shape[1:]))
    wide = f", {settings.width:g} times as wide" if settings.width != 1.0 else ""
    return f"architecture: {settings.architecture}{wide}, for {shape[0]} signals of {frames}"


def _summary(
    settings: TrainingSettings, signals: TrainingSignals, data_sha256: str, outcome: Outcome
) -> dict[str, Any]:
    """Tell how the model came to be; the model file keeps it."""
    result = outcome.result
    return {
        "settings": settings.as_json(),
        "plan": asdict(outcome.plan),
        "signals": len(signals.train),
        "validation_signals": len(signals.validation),
        "data_sha256": data_sha256,
        "history": [record.as_json() for record in result.history],
        "best_epoch": result.best_epoch,
        "interrupted": result.interrupted,
        "threads": torch.get_num_threads(),
        "versions": _versions(),
        "seconds": round(time.perf_counter() - outcome.began, 2),
    }


def _round_latents(model: Autoencoder, signals: TrainingSignals) -> float:
    """Choose the steps of a plain autoencoder; give what rounding costs on held-out signals."""
    model.cpu().eval()
    sample = signals.scaled_train[:STEP_SAMPLE]
    return round(choose_latent_steps(model, sample, signals.scaled_validation), 4)


def _prepare(
    x: npt.NDArray[Any], validation: npt.NDArray[Any] | None, settings: TrainingSettings
) -> tuple[TrainingSignals, Scaling]:
    x_train, x_validation = split(x, validation, settings.seed)
    plain = settings.preset is not None
    loss = "mse" if settings.architecture == "linear" else settings.loss
    scaling = unit_scaling_of(x_train) if plain else scaling_of(x_train, loss)
    in_floats = scaled(x_train, scaling), scaled(x_validation, scaling)
    return TrainingSignals(x_train, x_validation, *in_floats), scaling


def _solve(
    signals: TrainingSignals, settings: TrainingSettings, scaling: Scaling, began: float
) -> Outcome:
    """Train the linear architecture: nothing is left to be watched or kept."""
    aims = settings.of_qualities(settings.aimed_bits, RATE_RATIO)
    model = fit_linear(signals.scaled_train, settings.latent_size, aims, scaling)
    result = TrainingResult(model, [], 0, False, [])
    return Outcome(result, settings.plan(len(signals.train)), began)


def _task(
    signals: TrainingSignals,
    settings: TrainingSettings,
    scaling: Scaling,
    networks: tuple[nn.Module | None, nn.Module | None],
    fingerprints: dict[str, str],
) -> Task:
    """Build the networks, unless they are given, and bring everything to the device."""
    encoder, decoder = networks
    if (encoder is None) != (decoder is None):
        raise SettingError("an encoder of your own needs a decoder of your own; give both")
    if encoder is None or decoder is None:
        encoder, decoder = build_networks(signals.train.shape[1:], settings)
    elif settings.preset is not None:
        raise SettingError(
            f"preset {settings.preset} and networks of your own; give one of the two"
        )
    both = nn.Sequential(encoder), nn.Sequential(decoder)
    device = _device(settings.device)
    latent_scale = FIRST_LATENT_SCALE if settings.preset is None else 1.0
    model = Autoencoder(*both, scaling, latent_scale, *_first_gains(settings))
    if networks[0] is None and settings.starts_linear:
        start_linear(model, signals.scaled_train, settings.aimed_bits)
    return Task(
        model.to(device),
        signals.scaled_train.to(device),
        signals.scaled_validation.to(device),
        settings,
        fingerprints,
    )


def _first_gains(settings: TrainingSettings) -> tuple[Tensor | None, Tensor | None]:
    """Make the logarithms of gains and steps, `(n_qualities, k)`, if there are several."""
    if settings.qualities == 1:
        return None, None
    gains = torch.tensor(settings.of_qualities(1.0, FIRST_GAIN_RATIO))
    log_gain = gains.log()[:, None].repeat(1, settings.latent_size)
    return log_gain, -log_gain


def build_networks(
    frame_shape: tuple[int, ...], settings: TrainingSettings
) -> tuple[nn.Sequential, nn.Sequential]:
    """Make encoder and decoder, with random weights, for frames of a shape."""
    if settings.preset is not None:
        preset = PRESETS[settings.preset]
        activations = preset.latent_activation, preset.output_activation
        return classic(frame_shape, settings.latent_size, *activations)
    return BUILDERS[settings.architecture](
        frame_shape,
        settings.latent_size,
        sigmoid_output=settings.loss == "bce",
        width=settings.width,
    )


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


def _versions() -> dict[str, str]:
    return {
        "narrows": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
