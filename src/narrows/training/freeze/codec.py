"""A trained float autoencoder and its training signals to a finished codec."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.codec.codec import Codec
from narrows.codec.model import KnownAnswers, Model
from narrows.codec.normaliser import Normaliser
from narrows.codec.symbols import Quantiser
from narrows.codec.tables import FrequencyTable, count_table
from narrows.errors import TrainingError
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.freeze.networks import (
    FrozenNetwork,
    Units,
    freeze_network,
    frozen_modules,
    without_idle_activation,
)
from narrows.training.freeze.weights import choose_weight_steps
from narrows.training.trainer import psnr_of

CALIBRATION_SIGNALS = 2048
BATCH = 1024
INPUT_LIMIT = 2**15 - 1  # for signals that are not whole numbers of few bits already
INPUT_HEADROOM = 2.0
LATENT_FRACTION = 2.0**-8  # of a step, in which the encoder gives latents: rounded once more
OUTPUT_FRACTION = 2.0**-10  # of a whole number, in which the decoder gives its output
FLOAT_FRACTION = 2.0**-12  # of the spread of float signals, times OUTPUT_FRACTION
LATENT_HEADROOM = 8.0  # latents of unseen signals may be this much larger before they are clipped
ALLOWED_LOSS_DB = 0.05
WEIGHT_LOSSES_DB = (0.03, 0.02, 0.012, 0.006, 0.003, 0.0)
"""What rounding the weights may cost, tried in this order; activations have a share as well."""
FEW_ELEMENTS = 4096  # of held-out signals
NEGLIGIBLE_MSE = 1e-8  # added by integers, where the peak is 1
KNOWN_ANSWERS = 3


@dataclass(frozen=True)
class TrainingSignals:
    """What freezing needs: `(n, *frame_shape)` arrays in the signals' own dtype, and scaled."""

    train: npt.NDArray[Any]
    validation: npt.NDArray[Any]
    scaled_train: Tensor
    scaled_validation: Tensor


def freeze(
    autoencoder: Autoencoder,
    signals: TrainingSignals,
    architecture: str,
    training: dict[str, Any],
) -> Codec:
    """Turn a trained float autoencoder into a finished codec.

    Parameters
    ----------
    autoencoder : Autoencoder
    signals : TrainingSignals
        Tables are counted on `train`; the loss of freezing is measured on `validation`.
    architecture : str
    training : dict
        The training summary that the model file keeps.

    Raises
    ------
    TrainingError
        If the integer codec is more than 0.05 dB worse than the float one on held-out signals.
    SettingError
        If a module has no integer counterpart.
    """
    autoencoder = autoencoder.cpu().eval()
    for weight_loss_db in WEIGHT_LOSSES_DB:
        draft, *frozen = _integer_model(autoencoder, signals, architecture, weight_loss_db)
        loss = _loss_db(autoencoder, Codec(draft), signals)
        if loss <= ALLOWED_LOSS_DB:
            break
    else:
        raise TrainingError(
            f"freezing to integers lost {loss:.3f} dB on the validation signals, and at most "
            f"{ALLOWED_LOSS_DB} dB is accepted; the largest error is in "
            f"{_worst_layer(autoencoder, Codec(draft), signals, frozen)}: train again with another "
            "seed or architecture"
        )
    symbols = Codec(draft).encode(signals.train)
    tables: list[FrequencyTable] = [count_table(column) for column in symbols.T]
    training = {**training, "freezing_loss_db": round(loss, 4)}
    finished = replace(draft, tables=[tables], training=training)
    return Codec(replace(finished, known_answers=_known_answers(finished, symbols)))


def _integer_model(
    autoencoder: Autoencoder, signals: TrainingSignals, architecture: str, weight_loss_db: float
) -> tuple[Model, FrozenNetwork, FrozenNetwork]:
    """Freeze both networks and both ends; the tables are still empty."""
    scaling, dtype = autoencoder.scaling, signals.train.dtype
    scaled = signals.scaled_train[:CALIBRATION_SIGNALS].cpu()
    steps = choose_weight_steps(autoencoder, scaled, weight_loss_db)
    # How large activations become is seen on held-out signals as well.
    scaled = torch.cat([scaled, signals.scaled_validation[:CALIBRATION_SIGNALS].cpu()])
    with torch.no_grad():
        latents = torch.round(autoencoder.latents(scaled))
    grid = _input_grid(dtype, scaling, (signals.train, signals.validation))
    latent_unit = 1.0 / autoencoder.latent_scale
    encoder = freeze_network(
        autoencoder.encoder,
        Units(scaling.scale / grid.scale, grid.limit),
        scaled,
        steps,
        latent_unit * LATENT_FRACTION,
    )
    decoder_module = without_idle_activation(autoencoder.decoder, scaling)
    latent_limit = 1 << max(8, int(float(latents.abs().max()) * LATENT_HEADROOM).bit_length())
    decoder = freeze_network(
        decoder_module,
        Units(latent_unit, latent_limit),
        latents * latent_unit,
        steps,
        OUTPUT_FRACTION * (1.0 / scaling.output_scale if scaling.integer else FLOAT_FRACTION),
    )
    ones = np.ones((1, encoder.network.output_shape[0]), dtype=np.int32)
    multiplier, gain_shift = _fixed_point(encoder.units[-1] / latent_unit)
    gain = multiplier * ones
    if autoencoder.latent_gain is not None:
        gain = np.round(multiplier * autoencoder.latent_gain.numpy()[None]).astype(np.int32)
    model = Model(
        frame_shape=tuple(signals.train.shape[1:]),
        normaliser=_normaliser(dtype, grid, scaling, decoder.units[-1]),
        encoder=encoder.network,
        quantiser=Quantiser(gain, gain_shift, ones, latent_limit),
        decoder=decoder.network,
        tables=[[count_table(np.zeros(1, dtype=np.int32))] * ones.size],
        architecture=architecture,
        peak=scaling.peak,
    )
    return model, encoder, decoder


def _fixed_point(factor: float) -> tuple[int, int]:
    """Write a factor as `multiplier * 2**-shift` with a multiplier of 15 bits."""
    shift = 14 - math.floor(math.log2(factor))
    return round(math.ldexp(factor, shift)), shift


@dataclass(frozen=True)
class InputGrid:
    """The encoder's input integers: `floor((x - offset) * scale + 0.5)`, at most `limit`."""

    offset: float
    scale: float
    limit: int


def _normaliser(
    dtype: np.dtype[Any], grid: InputGrid, scaling: Scaling, output_unit: float
) -> Normaliser:
    multiplier, shift, output_scale = 1, 0, 1.0
    if scaling.integer:
        multiplier, shift = _fixed_point(output_unit * scaling.output_scale)
    else:
        output_scale = output_unit * scaling.output_scale
    return Normaliser(
        dtype=dtype,
        offset=grid.offset,
        scale=grid.scale,
        limit=grid.limit,
        output_multiplier=multiplier,
        output_shift=shift,
        output_scale=output_scale,
        output_offset=scaling.output_offset,
    )


def _input_grid(
    dtype: np.dtype[Any], scaling: Scaling, signals: tuple[npt.NDArray[Any], ...]
) -> InputGrid:
    offset = scaling.offset
    if scaling.integer and dtype.itemsize <= 2:
        bounds = np.iinfo(dtype)
        return InputGrid(offset, 1.0, int(max(bounds.max - offset, offset - bounds.min)))
    largest = max(max(float(x.max()) - offset, offset - float(x.min())) for x in signals)
    if scaling.integer and largest <= INPUT_LIMIT:
        return InputGrid(offset, 1.0, INPUT_LIMIT)
    return InputGrid(offset, INPUT_LIMIT / (INPUT_HEADROOM * (largest or 1.0)), INPUT_LIMIT)


def _loss_db(autoencoder: Autoencoder, codec: Codec, signals: TrainingSignals) -> float:
    """Give the PSNR lost to integers on held-out signals, in dB.

    Where these are so few that a single latent near a half decides, on all signals.
    """
    x, scaled, peak = signals.validation, signals.scaled_validation, autoencoder.scaling.peak
    if x.size < FEW_ELEMENTS:
        x = np.concatenate([x, signals.train])
        scaled = torch.cat([scaled, signals.scaled_train])
    in_floats = sum(autoencoder.squared_error(part) for part in torch.split(scaled.cpu(), BATCH))
    decoded = codec.decode(codec.encode(x)).astype(np.float64)
    in_integers = float(np.square(decoded - x).sum())
    if (in_integers - in_floats) / x.size <= NEGLIGIBLE_MSE * peak**2:
        in_integers = min(in_integers, in_floats)
    if in_integers == 0.0:
        return 0.0
    return psnr_of(in_floats / x.size, peak) - psnr_of(in_integers / x.size, peak)


@torch.no_grad()
def _worst_layer(
    autoencoder: Autoencoder,
    codec: Codec,
    signals: TrainingSignals,
    frozen: list[FrozenNetwork],
) -> str:
    """Name the layer whose integers differ most from its floats, relative to their spread."""
    x, scaled = signals.validation[:BATCH], signals.scaled_validation[:BATCH].cpu()
    symbols = codec.encode(x)
    ends = (
        ("encoder", autoencoder.encoder, scaled, codec.model.normaliser.to_integers(x)),
        ("decoder", without_idle_activation(autoencoder.decoder, autoencoder.scaling),
         torch.from_numpy(symbols / autoencoder.latent_scale).float(),
         codec.model.quantiser.to_latents(symbols, 0)),
    )  # fmt: skip
    worst, name = -1.0, "no layer"
    for (side, module, real, integers), network in zip(ends, frozen, strict=True):
        values = (real, integers)
        steps = zip(
            frozen_modules(module), network.network.compile().steps, network.units, strict=True
        )
        for number, (child, step, unit) in enumerate(steps):
            values = child(values[0]), step(values[1])  # both (n, *layer's output shape)
            frozen_value = torch.from_numpy(np.array(values[1] * unit))
            if frozen_value.shape != values[0].shape:  # the runtime has channels last
                frozen_value = frozen_value.movedim(-1, 1)
            error = values[0] - frozen_value
            share = float(error.abs().mean()) / (float(values[0].std()) or 1.0)
            if share > worst:
                worst, name = share, f"layer {number} of the {side}"
    return f"{name} (off by {100 * worst:.2g} % of its spread)"


def _known_answers(model: Model, symbols: npt.NDArray[np.int32]) -> KnownAnswers:
    codec, asked = Codec(model), symbols[:KNOWN_ANSWERS]
    frames = codec.decode(asked)
    little = frames.astype(frames.dtype.newbyteorder("<"))
    return KnownAnswers(asked, sha256(little.tobytes()).hexdigest(), codec.encode(frames))
