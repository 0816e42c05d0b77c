"""The public functions; the work is done below, and torch is imported only to train."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import ArchiveReader, IndexedArchive
from narrows.codec.codec import Codec
from narrows.codec.sequence import Archive
from narrows.errors import MissingExtraError
from narrows.files import open_file
from narrows.models import decoder_for, load_codec

if TYPE_CHECKING:
    from torch import nn

    from narrows.training.loop.state import EpochRecord


def train(
    x: npt.ArrayLike,
    *,
    latent_size: int | None = None,
    preset: str | None = None,
    bits_per_latent: float | None = None,
    qualities: int = 1,
    architecture: str = "auto",
    loss: str | None = None,
    lambda_: float | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    validation: npt.ArrayLike | None = None,
    seed: int = 0,
    device: str = "auto",
    learning_rate: float | None = None,
    patience: int | None = None,
    corrupt: str | None = None,
    sparse: float = 0.0,
    augment: bool = True,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    progress: Callable[[EpochRecord], None] | None = None,
    stop: Callable[[], bool] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
) -> Codec:
    """Train an autoencoder on signals and freeze it into a finished codec.

    Parameters
    ----------
    x : (n, *frame_shape) of uint8, int8, uint16, int16, int32, float32 or float64
        A sample of the signals; some thousands are good.
    latent_size : int, optional
        Latents of a frame; by default 32, or the preset's. With several qualities 64, with four
        or more in conv networks 96, and in dense ones for fewer than 10,000 signals of more than
        a byte an element 128; or half of the elements where these are fewer, but at least 32.
    preset : {"dense-32", "dense-25", "dense-25-best"}, optional
        One of the classic autoencoders, size - latents - size, trained without a rate term on
        signals mapped to 0 .. 1; see docs/concepts.md. Its `loss`, `epochs`, `batch_size`,
        `learning_rate` and `latent_size` can be changed.
    bits_per_latent : float, optional
        The rate that training aims at, unless `lambda_` is given: a signal then takes about
        `latent_size * bits_per_latent / 8` bytes at the middle quality. By default 3.2, with
        several qualities 2.4, or 1.6 where latents are 96; where they are 128, 0.8 and 1.2.
    qualities : int, default 1
        Points of its rate-distortion curve that the model offers, 1 to 8. Training aims at sizes
        a factor of 1.39 apart, so that eight span a factor of ten; the highest come closer
        where the network or the latents do not suffice. One model of several qualities is not
        as good at the lowest as models of their own.
    architecture : {"auto", "linear", "dense", "conv"}
        "linear" is PCA, in closed form; "auto" takes "conv" for some thousands of pictures of
        at least 16 x 16, and "dense" for everything else.
    loss : {"mse", "bce", "l1"}, optional
        The distortion that is minimised; by default "mse", or the preset's.
    lambda_ : float, optional
        Weight of the distortion in `rate + lambda * distortion`: bits per unit of squared error,
        summed over a frame on the scale where the data's range is 1.
    epochs, batch_size : int, optional
        By default 6,400 (conv) or 12,000 updates of 32 to 256 frames.
    minutes : float, optional
        In place of `epochs`: as many as fit, counted once, before training starts; the plan
        is in `codec.model.training["plan"]`.
    validation : (m, *frame_shape), optional
        Held-out signals; by default a tenth of `x`, at most 5000. After an epoch at most 2048 of
        them are looked at, with a preset all.
    seed : int, default 0
        Same seed, machine, torch and number of threads: the same model.
    device : str, default "auto"
        Of torch: "cpu", "cuda", ...
    learning_rate : float, optional
        At its highest; by default 0.004, conv 0.006, or the preset's.
    patience : int, optional
        Epochs without a better validation loss after which training stops.
    corrupt : str, optional
        "noise:A" or "mask:S": train a denoising autoencoder, whose encoder sees signals with
        Gaussian noise of deviation A (where the range is 1), or without a share S of the elements.
    sparse : float, default 0
        Weight, in the loss, of the sum of a signal's absolute latents.
    augment : bool, default True
        Whether conv networks see pictures shifted by at most a pixel, in runs of 20 epochs or
        more, and dense ones mixtures of signals, where these are fewer than 10,000 and of more
        than a byte an element; False where a position, a sign or a size means something.
    encoder, decoder : torch.nn.Module, optional
        Networks of your own, `(n, *frame_shape)` to `(n, latent_size)` and back, made of layers
        that have an exact integer form.
    progress : callable, optional
        Called with an EpochRecord after each epoch.
    stop : callable, optional
        Asked before each update; when it gives True, training ends there, and the best model so
        far is frozen. `codec.model.training["interrupted"]` then says so.
    checkpoint : path, optional
        Where the run is kept after each epoch, finished or not; it is yours to remove once the
        codec is saved. The linear architecture keeps none.
    resume : bool, default False
        Go on from the checkpoint, if there is one, to the model of an uninterrupted run.
    force : bool, default False
        Start anew though there is a checkpoint; the first epoch replaces it.

    Returns
    -------
    Codec

    Raises
    ------
    DataError, SettingError
        For data or settings that cannot be trained on, or that are not the checkpoint's.
    TrainingError
        If training diverges, is stopped before its first epoch is complete, or freezing loses
        more than 0.05 dB.
    OutputExistsError
        If there is a checkpoint, and neither `resume` nor `force` is given.
    FormatError
        If the checkpoint is damaged.
    MissingExtraError
        If torch is not installed.

    Examples
    --------
    >>> codec = narrows.train(x_train, latent_size=32)   # doctest: +SKIP
    """
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "training", "train") from None
    from narrows.training.classic.presets import training_settings
    from narrows.training.run import Supervision
    from narrows.training.train import train_codec

    x = np.asarray(x)
    settings = training_settings(
        preset,
        shape=x.shape,
        mixable=encoder is None and x.dtype.itemsize > 1,
        latent_size=latent_size,
        bits_per_latent=bits_per_latent,
        qualities=qualities,
        architecture=architecture,
        loss=loss,
        lambda_=lambda_,
        epochs=epochs,
        minutes=minutes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        seed=seed,
        device=device,
        corrupt=corrupt,
        sparse=sparse,
        augment=augment,
    )
    supervision = Supervision(
        progress=progress or (lambda record: None),
        stop=stop or (lambda: False),
        checkpoint=None if checkpoint is None else Path(checkpoint),
        resume=resume,
        force=force,
    )
    validation = None if validation is None else np.asarray(validation)
    return train_codec(x, settings, validation, encoder, decoder, supervision)


def load(path: str | Path) -> Codec:
    """Load a codec from a `.narrows` file.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    FormatError, ModelError
        If it is damaged, or this machine cannot compute it exactly.
    """
    return load_codec(Path(path))


def open(path: str | Path, model: str | Path | None = None) -> Archive:
    """Open an archive in a file as a sequence of signals.

    Parameters
    ----------
    path : path
        An archive.
    model : path, optional
        By default the model embedded in the archive, else one in the folders of NARROWS_MODELS.

    Returns
    -------
    Archive
        With `len`, numbers, slices, iteration, `shape` and `dtype`; close it, or use `with`.
    """
    stream = open_file(path)
    try:
        header = IndexedArchive(stream).header
        return Archive(stream, decoder_for(header, None if model is None else Path(model)))
    except BaseException:
        stream.close()
        raise


def decompress(blob: bytes, model: str | Path | None = None) -> npt.NDArray[Any]:
    """Decompress an archive, finding its model by itself.

    Parameters
    ----------
    blob : bytes
        From `Codec.compress`.
    model : path, optional
        By default the model embedded in the archive, else one in the folders of the environment
        variable NARROWS_MODELS.

    Returns
    -------
    (n, *frame_shape)
        Same shape and dtype as what was compressed.
    """
    header = ArchiveReader(io.BytesIO(blob)).header
    return decoder_for(header, None if model is None else Path(model)).decompress(blob)
