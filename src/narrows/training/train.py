"""`narrows.train`: signals in, finished codec out."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import asdict
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from narrows._version import __version__
from narrows.errors import DataError, SettingError
from narrows.training.architectures import BUILDERS, Autoencoder, Scaling, classic
from narrows.training.freeze import TrainingSignals, freeze
from narrows.training.latent_steps import choose_latent_steps
from narrows.training.linear import fit_linear
from narrows.training.presets import PRESETS
from narrows.training.run import Outcome, Supervision, Task, run_training
from narrows.training.settings import TrainingSettings
from narrows.training.trainer import TrainingResult

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

VALIDATION_SHARE, VALIDATION_MOST = 0.1, 5000
MAX_TRAINING_BYTES = 4 << 30  # of float32 frames held in memory; more signals are sampled
FIRST_LATENT_SCALE = 4.0  # latents then start some steps wide, and noise does not drown them
PICTURE_RANGE = 255.0  # of uint8 signals that use more than half of it; otherwise the data's own
LARGEST = 1e120  # of float64 signals, and the inverse of the smallest range
STEP_SAMPLE = 4096  # training signals on which the steps of a plain autoencoder are chosen
INFINITE = (-float("inf"), float("inf"))


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
        outcome = run_training(task, supervision, kept, began)
    summary = _summary(settings, signals, fingerprints["training signals"], outcome)
    if settings.preset is not None:
        summary["quantising_loss_db"] = _round_latents(outcome.result.model, signals)
    name = "custom" if encoder is not None else outcome.plan.architecture
    return freeze(outcome.result.model, signals, name, summary)


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
        "history": [asdict(record) for record in result.history],
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


def check_training_data(
    x: npt.NDArray[Any], validation: npt.NDArray[Any] | None, settings: TrainingSettings
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Refuse what cannot be trained on: DataError or SettingError, in one line."""
    from narrows.signals import check_signals

    x = check_signals(x, name="training data")
    if len(x) < 2:
        raise DataError(
            "training data with a single signal; at least 2 are needed, and some hundreds to "
            "learn anything: give more signals"
        )
    size = prod(x.shape[1:])
    if settings.latent_size > size:
        raise SettingError(
            f"latent_size {settings.latent_size} for frames of {size} elements; it must be at "
            "most that, and much smaller to compress"
        )
    _refuse_non_finite(x, "training data")
    _refuse_extremes(x)
    if validation is not None:
        validation = check_signals(validation, name="validation data")
        if (validation.shape[1:], validation.dtype) != (x.shape[1:], x.dtype):
            raise DataError(
                f"validation data of shape {validation.shape} and dtype {validation.dtype}; "
                f"expected (n, {', '.join(map(str, x.shape[1:]))}) of {x.dtype}"
            )
        _refuse_non_finite(validation, "validation data")
    return x, validation


def _refuse_non_finite(x: npt.NDArray[Any], what: str) -> None:
    if x.dtype.kind != "f":
        return
    count, first = 0, None
    for start in range(0, len(x), 4096):
        bad = ~np.isfinite(x[start : start + 4096])
        if bad.any():
            count += int(bad.sum())
            where = np.argwhere(bad)[0]
            first = first or (int(where[0]) + start, *map(int, where[1:]))
    if count:
        raise DataError(
            f"{what} with {count} values that are NaN or infinite, the first at index {first}; "
            "remove those signals or fill the values in"
        )


def _refuse_extremes(x: npt.NDArray[Any]) -> None:
    """Refuse floats whose squares leave float64."""
    if x.dtype != np.float64:
        return
    low, high = float(x.min()), float(x.max())
    if max(-low, high) > LARGEST or 0.0 < high - low < 1.0 / LARGEST:
        raise DataError(
            f"training data with values from {low:g} to {high:g}; their squares are beyond "
            f"float64: scale them to a range between {1 / LARGEST:g} and {LARGEST:g}"
        )


def split(
    x: npt.NDArray[Any], validation: npt.NDArray[Any] | None, seed: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Hold a validation part out, by a permutation of the seed, unless one is given."""
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))
    most = max(2, MAX_TRAINING_BYTES // (4 * prod(x.shape[1:])))
    if validation is not None:
        return x[np.sort(order[:most])], validation[:most]
    held = max(1, min(VALIDATION_MOST, int(VALIDATION_SHARE * len(x))))
    return x[np.sort(order[held : held + most])], x[np.sort(order[:held])]


def scaling_of(x: npt.NDArray[Any], loss: str) -> Scaling:
    """Choose the maps between signals and networks from the training signals: standardised."""
    low, extent = range_of(x)
    mean = float(x.mean(dtype=np.float64))
    deviation = deviation_of(x, mean)
    integer = x.dtype.kind in "iu"
    offset = float(np.floor(mean + 0.5)) if integer else mean
    scale = 1.0 / (deviation or 1.0)
    output = (low, extent) if loss == "bce" else (offset, 1.0 / scale)
    return Scaling(offset, scale, *output, *_bounds(x.dtype), extent, integer)


def deviation_of(x: npt.NDArray[Any], mean: float) -> float:
    """Give the standard deviation in float64, part by part: numpy's own takes ten times as long."""
    total = 0.0
    for start in range(0, len(x), 4096):
        centred = np.subtract(x[start : start + 4096], mean, dtype=np.float64).ravel()
        total += float(centred @ centred)
    return math.sqrt(total / x.size)


def unit_scaling_of(x: npt.NDArray[Any]) -> Scaling:
    """Choose the maps of a plain autoencoder: the range becomes 0 .. 1 on both ends."""
    low, extent = range_of(x)
    integer = x.dtype.kind in "iu"
    return Scaling(low, 1.0 / extent, low, extent, *_bounds(x.dtype), extent, integer)


def range_of(x: npt.NDArray[Any]) -> tuple[float, float]:
    """Give the low end and the extent of the signals' range."""
    low, high = float(x.min()), float(x.max())
    if x.dtype == np.uint8 and high > PICTURE_RANGE / 2:
        low, high = 0.0, PICTURE_RANGE
    return low, (high - low) or 1.0


def _bounds(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Give the ends of a dtype's range, where decoding clips."""
    if dtype.kind not in "iu":
        return INFINITE
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def scaled(x: npt.NDArray[Any], scaling: Scaling) -> Tensor:
    """Give `(n, *frame_shape)` signals as the encoder sees them, in float32."""
    out = np.empty(x.shape, dtype=np.float32)
    for start in range(0, len(x), 4096):
        part = x[start : start + 4096].astype(np.float64)
        out[start : start + 4096] = (part - scaling.offset) * scaling.scale
    return torch.from_numpy(out)


def fingerprint(x: npt.NDArray[Any]) -> str:
    """Hash the training signals, so that a model names what it was trained on."""
    digest = sha256(f"{x.dtype.name} {list(x.shape)}\n".encode())
    for start in range(0, len(x), 4096):
        digest.update(np.ascontiguousarray(x[start : start + 4096]).tobytes())
    return digest.hexdigest()


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
    model = fit_linear(signals.scaled_train, settings.latent_size, settings.aimed_bits, scaling)
    return Outcome(TrainingResult(model, [], 0, False), settings.plan(len(signals.train)), began)


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
    return Task(
        Autoencoder(*both, scaling, latent_scale).to(device),
        signals.scaled_train.to(device),
        signals.scaled_validation.to(device),
        settings,
        fingerprints,
    )


def build_networks(
    frame_shape: tuple[int, ...], settings: TrainingSettings
) -> tuple[nn.Sequential, nn.Sequential]:
    """Make encoder and decoder, with random weights, for frames of a shape."""
    if settings.preset is not None:
        preset = PRESETS[settings.preset]
        activations = preset.latent_activation, preset.output_activation
        return classic(frame_shape, settings.latent_size, *activations)
    architecture = "dense" if settings.architecture == "auto" else settings.architecture
    return BUILDERS[architecture](
        frame_shape, settings.latent_size, sigmoid_output=settings.loss == "bce"
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
