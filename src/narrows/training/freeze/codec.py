"""A trained float autoencoder and its training signals to a finished codec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.codec.codec import Codec
from narrows.codec.model_file import KnownAnswers, Model
from narrows.codec.normaliser import Normaliser
from narrows.codec.symbols import Quantiser
from narrows.codec.tables import FrequencyTable, count_table
from narrows.errors import TrainingError
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.freeze.networks import (
    FrozenNetwork,
    Target,
    Units,
    freeze_network,
    frozen_modules,
)
from narrows.training.trainer import psnr_of

CALIBRATION_SIGNALS = 2048
BATCH = 1024
INPUT_LIMIT = 2**15 - 1  # for signals that are not whole numbers of few bits already
INPUT_HEADROOM = 2.0
LATENT_FRACTION = 8  # the encoder gives latents in 1/256 of a step: rounding twice costs nothing
LATENT_HEADROOM = 8.0  # latents of unseen signals may be this much larger before they are clipped
ALLOWED_LOSS_DB = 0.05
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
    draft, encoder, decoder = _integer_model(autoencoder, signals, architecture)
    loss = _check_loss(autoencoder, Codec(draft), signals, (encoder, decoder))
    symbols = Codec(draft).encode(signals.train)
    tables: list[FrequencyTable] = [count_table(column) for column in symbols.T]
    training = {**training, "freezing_loss_db": round(loss, 4)}
    finished = replace(draft, tables=[tables], training=training)
    return Codec(replace(finished, known_answers=_known_answers(finished, symbols)))


def _integer_model(
    autoencoder: Autoencoder, signals: TrainingSignals, architecture: str
) -> tuple[Model, FrozenNetwork, FrozenNetwork]:
    """Freeze both networks and both ends; the tables are still empty."""
    scaling, dtype = autoencoder.scaling, signals.train.dtype
    scaled = signals.scaled_train[:CALIBRATION_SIGNALS].cpu()
    offset, scale, limit = _input_grid(dtype, scaling, signals.train)
    latent_scale = autoencoder.latent_scale
    encoder = freeze_network(
        autoencoder.encoder,
        Units(scaling.scale / scale, limit),
        scaled,
        Target(latent_scale, 0.0, LATENT_FRACTION),
    )
    if encoder.fraction < 0:
        raise TrainingError(
            f"latents of up to {encoder.network.output_limit:.2g} steps are too fine to be frozen; "
            "give fewer bits_per_latent or a smaller lambda"
        )
    with torch.no_grad():
        latents = torch.round(autoencoder.latents(scaled))
    latent_limit = 1 << max(8, int(float(latents.abs().max()) * LATENT_HEADROOM).bit_length())
    decoder, normaliser = _decoder_end(
        autoencoder, latents, latent_limit, dtype, offset, scale, limit
    )
    ones = np.ones((1, encoder.network.output_shape[0]), dtype=np.int32)
    empty = count_table(np.zeros(1, dtype=np.int32))
    model = Model(
        frame_shape=tuple(signals.train.shape[1:]),
        normaliser=normaliser,
        encoder=encoder.network,
        quantiser=Quantiser(ones, encoder.fraction, ones, latent_limit),
        decoder=decoder.network,
        tables=[[empty] * ones.size],
        architecture=architecture,
        peak=scaling.peak,
    )
    return model, encoder, decoder


def _decoder_end(
    autoencoder: Autoencoder,
    latents: Tensor,
    latent_limit: int,
    dtype: np.dtype[Any],
    offset: float,
    scale: float,
    limit: int,
) -> tuple[FrozenNetwork, Normaliser]:
    """Freeze the decoder, and choose the normaliser's output end to fit it."""
    scaling = autoencoder.scaling
    source = Units(1.0 / autoencoder.latent_scale, latent_limit)
    inputs = latents / autoencoder.latent_scale
    if dtype.kind == "f":
        decoder = freeze_network(autoencoder.decoder, source, inputs, Target())
        output_scale = scaling.output_scale * 2.0**-decoder.fraction
        output_shift, output_offset = 0, scaling.output_offset
    else:
        output_offset = float(np.floor(scaling.output_offset + 0.5))
        target = Target(scaling.output_scale, scaling.output_offset - output_offset)
        decoder = freeze_network(autoencoder.decoder, source, inputs, target)
        output_shift, output_scale = decoder.fraction, 1.0
    normaliser = Normaliser(
        dtype, offset, scale, limit, output_shift, output_scale, output_offset + 0.0
    )
    return decoder, normaliser


def _input_grid(
    dtype: np.dtype[Any], scaling: Scaling, train: npt.NDArray[Any]
) -> tuple[float, float, int]:
    """Choose offset, scale and limit of the encoder's input integers."""
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        bounds = np.iinfo(dtype)
        return (
            scaling.offset,
            1.0,
            int(max(bounds.max - scaling.offset, scaling.offset - bounds.min)),
        )
    largest = max(float(train.max()) - scaling.offset, scaling.offset - float(train.min()))
    if dtype.kind in "iu" and largest <= INPUT_LIMIT:
        return scaling.offset, 1.0, INPUT_LIMIT
    return scaling.offset, INPUT_LIMIT / (INPUT_HEADROOM * (largest or 1.0)), INPUT_LIMIT


def _check_loss(
    autoencoder: Autoencoder,
    codec: Codec,
    signals: TrainingSignals,
    frozen: tuple[FrozenNetwork, FrozenNetwork],
) -> float:
    """Give the PSNR lost to integers on held-out signals in dB; TrainingError where it is much."""
    peak, x = autoencoder.scaling.peak, signals.validation
    parts = torch.split(signals.scaled_validation.cpu(), BATCH)
    in_floats = sum(autoencoder.squared_error(part) for part in parts)
    decoded = codec.decode(codec.encode(x)).astype(np.float64)
    in_integers = float(np.square(decoded - x).sum())
    lost = psnr_of(in_floats / x.size, peak) - psnr_of(in_integers / x.size, peak)
    if not lost <= ALLOWED_LOSS_DB and in_integers > 0.0:
        raise TrainingError(
            f"freezing to integers lost {lost:.3f} dB on the validation signals, and at most "
            f"{ALLOWED_LOSS_DB} dB is accepted; the largest error is in "
            f"{_worst_layer(autoencoder, codec, signals, frozen)}: train again with another seed "
            "or architecture"
        )
    return lost


@torch.no_grad()
def _worst_layer(
    autoencoder: Autoencoder,
    codec: Codec,
    signals: TrainingSignals,
    frozen: tuple[FrozenNetwork, FrozenNetwork],
) -> str:
    """Name the layer whose integers differ most from its floats, relative to their spread."""
    x, scaled = signals.validation[:BATCH], signals.scaled_validation[:BATCH].cpu()
    symbols = codec.encode(x)
    ends = (
        ("encoder", autoencoder.encoder, scaled, codec.model.normaliser.to_integers(x)),
        ("decoder", autoencoder.decoder,
         torch.from_numpy(symbols / autoencoder.latent_scale).float(),
         codec.model.quantiser.to_latents(symbols, 0)),
    )  # fmt: skip
    worst, name = -1.0, "no layer"
    for (side, module, real, integers), network in zip(ends, frozen, strict=True):
        values = (real, integers)
        # The last scaled layer is left out: its units are the signals', not the float network's.
        steps = zip(
            frozen_modules(module), network.network.compile().steps, network.units, strict=True
        )
        for number, (child, step, unit) in enumerate(list(steps)[:-2]):
            values = child(values[0]), step(values[1])  # both (n, *layer's output shape)
            error = values[0] - torch.from_numpy(np.array(values[1] * unit))
            share = float(error.abs().mean()) / (float(values[0].std()) or 1.0)
            if share > worst:
                worst, name = share, f"layer {number} of the {side}"
    return f"{name} (off by {100 * worst:.2g} % of its spread)"


def _known_answers(model: Model, symbols: npt.NDArray[np.int32]) -> KnownAnswers:
    codec, asked = Codec(model), symbols[:KNOWN_ANSWERS]
    frames = codec.decode(asked)
    little = frames.astype(frames.dtype.newbyteorder("<"))
    return KnownAnswers(asked, sha256(little.tobytes()).hexdigest(), codec.encode(frames))
