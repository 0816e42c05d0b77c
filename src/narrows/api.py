"""The public functions; the work is done below, and torch is imported only to train."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from narrows.clock import Clock
from narrows.codec.archive import IndexedArchive, Metadata
from narrows.codec.codec import Codec
from narrows.codec.decoder import stream_of
from narrows.codec.sequence import Archive
from narrows.errors import DataError, SettingError
from narrows.models import decoder_for, load_codec
from narrows.paths import as_file, as_path, open_file
from narrows.processes import Workers
from narrows.signals.containers import KEY, like
from narrows.signals.geometry import unpack_geometry
from narrows.signals.inputs import (
    Data,
    all_metadata,
    as_source,
    in_blocks,
    reading_of,
    training_samples,
)
from narrows.signals.promised import compress_promised
from narrows.signals.restored import RestoredArray, RestoredFolder, restored
from narrows.signals.restoring import restored_arrays
from narrows.signals.source import ArraySource
from narrows.training.installed import check_installed
from narrows.training.settings import TrainingSettings
from narrows.training.signatures import takes_settings

if TYPE_CHECKING:
    from torch import nn

    from narrows.codec.encoding.requests import Targets
    from narrows.training.loop.state import EpochRecord


@takes_settings()
def train(
    x: Data,
    *,
    window: int | None = None,
    tile: Sequence[int] | None = None,
    hop: int | Sequence[int] | None = None,
    validation: Data | None = None,
    encoder: nn.Module | None = None,
    start: Codec | str | Path | None = None,
    progress: Callable[[EpochRecord], None] | None = None,
    stop: Callable[[], bool] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    together: bool = False,
    **settings: Unpack[TrainingSettings],
) -> Codec:
    """Train an autoencoder on signals and freeze it into a finished codec.

    Parameters
    ----------
    x : (n, *frame_shape) of a type of `narrows.signals.DTYPES`, or path
        A sample of the signals; some thousands are good. Paths are read as commands read them.
    {settings}
    window, tile, hop : int or sequence of int, optional
        How long recordings and large arrays are cut to signals; see `narrows.compress`.
    validation : (m, *frame_shape), or path, optional
        Held-out signals; by default a tenth of `x`, at most 5000: of five recordings or pictures
        or more, whole ones. After an epoch up to 2048 of them are looked at, with presets all.
    encoder : torch.nn.Module, optional
        A network of your own, `(n, *frame_shape)` to `(n, latent_size)`, and `decoder` then another
        one back, of layers that have an exact integer form; `latent_size` is what it gives.
    start : Codec, path or URL, optional
        A finished model, dense or conv, to go on from (fine-tuning): networks, qualities and,
        where none is given, the aim are its own.
    progress : callable, optional
        Called with an EpochRecord after each epoch.
    stop : callable, optional
        Asked before each update; when it returns True, the best model so far is frozen, and
        `codec.model.training["interrupted"]` says so.
    checkpoint : path, optional
        Where the run is kept after each epoch, finished or not; it is yours to remove. The
        linear architecture keeps none.
    resume : bool, default False
        Go on from the checkpoint, if there is one, to the model of an uninterrupted run.
    force : bool, default False
        Start anew though there is a checkpoint; the first epoch replaces it.
    together : bool, default False
        Share batches with the other processes of torchrun or torch.distributed: all call this.

    Returns
    -------
    Codec
        What was decided, and why, is in `codec.model.training["plan"]` and `["why"]`; where the
        time went, in `["seconds"]` and `["seconds_by_step"]`.

    Raises
    ------
    DataError, SettingError
        For data or settings that cannot be trained on, or that are not the checkpoint's.
    TrainingError
        If training diverges, or is stopped before its first epoch is complete.
    OutputExistsError, OutputBusyError
        If there is a checkpoint, without `resume` or `force`; if another training keeps it.
    FormatError
        If the checkpoint is damaged.
    MissingExtraError
        If torch is not installed.

    Examples
    --------
    >>> codec = narrows.train(x_train, latent_size=32)   # doctest: +SKIP
    """
    clock = Clock()
    check_installed()
    from narrows.training.choices import PREDICTIVE
    from narrows.training.counts import most_frames
    from narrows.training.run import Supervision
    from narrows.training.train import train_codec

    clock.lap("importing")
    model = start if isinstance(start, Codec) or start is None else load_codec(start)
    reading = reading_of(window, tile, hop).for_model(model and model.model)
    seed = settings.get("seed") or 0
    in_order = settings.get("architecture") == PREDICTIVE
    samples = training_samples(x, validation, reading, seed, most_frames, in_order=in_order)
    clock.lap("reading")
    supervision = Supervision(
        progress=progress or (lambda record: None),
        stop=stop or (lambda: False),
        checkpoint=None if checkpoint is None else as_path(checkpoint, "checkpoint", "None"),
        resume=resume,
        force=force,
        clock=clock,
        together=together,
    )
    with supervision.exclusive() as supervision:
        return train_codec(samples, settings, encoder, supervision, model)


def load(path: str | Path) -> Codec:
    """Load a codec from a `.narrows` file, or its URL.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    FormatError, ModelError
        If it is damaged, or this machine cannot compute it exactly.
    """
    return load_codec(path)


def compress(
    x: Data,
    model: Codec | str | Path | None = None,
    quality: int | None = None,
    effort: int | None = None,
    *,
    window: int | None = None,
    tile: Sequence[int] | None = None,
    hop: int | Sequence[int] | None = None,
    embed_model: bool = False,
    metadata: Metadata | None = None,
    jobs: int = 1,
    block_signals: int | None = None,
    **targets: Unpack[Targets],
) -> bytes:
    """Compress signals, a file or a folder to the bytes of an archive.

    Parameters
    ----------
    x : (n, *frame_shape) of the model's dtype, or path
        A file or a folder is read as commands read it; its names, shapes and attributes are kept.
        A torch tensor, a DataFrame of pandas and a DataArray of xarray are decompressed to such.
    model : Codec, path or URL, optional
        Bounds and `lossless` need none.
    quality, effort, embed_model, metadata, jobs, block_signals, target_bytes, target_psnr,
    max_error, max_relative_error, lossless
        See `Codec.compress`.
    window, tile, hop : int or sequence of int, optional
        Cut recordings in windows of so many samples, along their first axis, or pictures and arrays
        in tiles, along their last axes; by default as the model's training did. `hop` is from one
        to the next, by default their length; what overlaps is blended.

    Examples
    --------
    >>> blob = narrows.compress("recordings", "speech.narrows")   # doctest: +SKIP
    >>> blob = narrows.compress(x, max_error=0.01)   # doctest: +SKIP
    """
    from narrows.codec.encoding.requests import Request

    request = Request(quality, effort, **targets)
    codec = model if isinstance(model, Codec) or model is None else load_codec(model)
    source = as_source(x, reading_of(window, tile, hop).for_model(codec and codec.model))
    if codec is not None:
        if isinstance(source, ArraySource):
            source = ArraySource(codec.transform.check_frames(source.array))
        codec.transform.check_kind(source.shape, source.dtype)
    if request.promises:
        own = all_metadata(x, source, metadata)
        return compress_promised(source, request, own, jobs, block_signals, codec, embed_model)
    if codec is None:
        raise SettingError("compress without a model; give one, or lossless=True or max_error")
    size = codec.encoder.block_signals(block_signals)
    laid, blocks = in_blocks(source, size, codec.model.wavelets is not None)
    stream, encoder = io.BytesIO(), codec.encoder
    header = encoder.header(embed_model, all_metadata(x, laid, metadata))
    with Workers(jobs) as workers:
        encoder.compress_to(stream, header, blocks, request, workers=workers)
    return stream.getvalue()


def open(
    path: str | Path | bytes, model: str | Path | Codec | None = None
) -> Archive | RestoredArray | RestoredFolder:
    """Open an archive as a sequence of signals, or as what they were cut from.

    Parameters
    ----------
    path : path, URL or bytes
        An archive in a file, or its content; at a URL, the blocks that are wanted are read alone.
    model : path, URL or Codec, optional
        By default the model embedded in the archive, else one in the folders of NARROWS_MODELS.

    Returns
    -------
    Archive, RestoredArray or RestoredFolder
        Signals with `len`, numbers, slices, iteration, `shape`, `dtype` and `metadata`; a recording
        or an array that was cut, sliced along its own axes; or those of a folder by their names.
        Close it, or use `with`.
    """
    if isinstance(path, bytes | bytearray | memoryview):
        stream = stream_of(path)
    else:
        stream = open_file(as_file(path, "archive", "its bytes"))
    try:
        if not stream.seekable():
            raise DataError(
                f"{path!s} is a pipe, but single signals are read at any place; give a file, or "
                "read all with narrows.decompress"
            )
        blocks = IndexedArchive(stream)
        decoder = decoder_for(blocks.header, model)
        geometry = unpack_geometry(blocks.header, blocks.n_signals)
        archive = Archive(stream, decoder)
        return archive if geometry is None else restored(archive, geometry)
    except BaseException:
        stream.close()
        raise


def decompress(blob: bytes, model: str | Path | Codec | None = None, jobs: int = 1) -> Any:
    """Decompress an archive, finding its model by itself.

    Parameters
    ----------
    blob : bytes
        From `compress`.
    model : path, URL or Codec, optional
        By default the model embedded in the archive, else one in the folders of the environment
        variable NARROWS_MODELS.
    jobs : int, default 1
        Processes that share the blocks.

    Returns
    -------
    (n, *frame_shape), or dict of str to array
        Same shape and dtype as what was compressed; of a folder, the array of each file by its
        name. What `narrows.compress` took as a torch tensor, a DataFrame or a DataArray is one
        again, with the same labels, coordinates and attributes.

    Raises
    ------
    FormatError, ModelNotFoundError, WrongModelError
        If the archive is damaged, or no model of it is found.
    MissingExtraError
        If such an object cannot be made here; `Codec.decompress` returns the array.
    """
    blocks = IndexedArchive(stream_of(blob))
    decoder = decoder_for(blocks.header, model)
    geometry = unpack_geometry(blocks.header, blocks.n_signals)
    if geometry is None:
        return like(decoder.decompress(blob, jobs), blocks.header.metadata.get(KEY))
    with Workers(jobs) as workers:
        frames = decoder.decompress_from(stream_of(blob), workers)
        members = range(len(geometry.names))
        arrays = [
            np.array(array) if isinstance(array, np.memmap) else array
            for _, array in restored_arrays(frames, geometry, decoder.model.dtype, members)
        ]
    if geometry.is_folder:
        return dict(zip(geometry.names, arrays, strict=True))
    return like(arrays[0], blocks.header.metadata.get(KEY))
