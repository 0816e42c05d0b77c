"""The public functions; the work is done below, and torch is imported only to train."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy.typing as npt

from narrows.arrays import as_array
from narrows.codec.archive import ArchiveReader, IndexedArchive
from narrows.codec.codec import Codec
from narrows.codec.sequence import Archive
from narrows.errors import DataError, MissingExtraError
from narrows.files import open_file
from narrows.models import decoder_for, load_codec
from narrows.training.settings import TrainingSettings
from narrows.training.signatures import takes_settings

if TYPE_CHECKING:
    from torch import nn

    from narrows.training.loop.state import EpochRecord


@takes_settings()
def train(
    x: npt.ArrayLike,
    *,
    validation: npt.ArrayLike | None = None,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    progress: Callable[[EpochRecord], None] | None = None,
    stop: Callable[[], bool] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    **settings: Unpack[TrainingSettings],
) -> Codec:
    """Train an autoencoder on signals and freeze it into a finished codec.

    Parameters
    ----------
    x : (n, *frame_shape) of uint8, int8, uint16, int16, int32, float32 or float64
        A sample of the signals; some thousands are good.
    {settings}
    validation : (m, *frame_shape), optional
        Held-out signals; by default a tenth of `x`, at most 5000. After an epoch at most 2048 of
        them are looked at, with a preset all.
    encoder, decoder : torch.nn.Module, optional
        Networks of your own, `(n, *frame_shape)` to `(n, latent_size)` and back, made of layers
        that have an exact integer form.
    progress : callable, optional
        Called with an EpochRecord after each epoch.
    stop : callable, optional
        Asked before each update; when it returns True, training ends there, and the best model so
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
        What was decided, and why, is in `codec.model.training["plan"]` and `["why"]`.

    Raises
    ------
    DataError, SettingError
        For data or settings that cannot be trained on, or that are not the checkpoint's.
    TrainingError
        If training diverges, is stopped before its first epoch is complete, or freezing loses
        more than 0.05 dB.
    OutputExistsError
        If there is a checkpoint, and neither `resume` nor `force` is given.
    OutputBusyError
        If another training keeps the same checkpoint.
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
    from narrows.training.run import Supervision
    from narrows.training.train import train_codec

    x = as_array(x, "training data")
    validation = None if validation is None else as_array(validation, "validation data")
    supervision = Supervision(
        progress=progress or (lambda record: None),
        stop=stop or (lambda: False),
        checkpoint=None if checkpoint is None else Path(checkpoint),
        resume=resume,
        force=force,
    )
    with supervision.exclusive():
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
        With `len`, numbers, slices, iteration, `shape`, `dtype` and `metadata`; close it, or use
        `with`.
    """
    stream = open_file(path)
    try:
        if not stream.seekable():
            raise DataError(
                f"{path} is a pipe, but single signals are read at any place; give a file, or "
                "read all with narrows.decompress"
            )
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
